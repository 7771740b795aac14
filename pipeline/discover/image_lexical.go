package discover

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
)

// lexical chooses the tag that is greatest by its bytes: what dates and build
// numbers of fixed width need.
func (s *imageSource) lexical(ctx context.Context) ([]pipeline.Image, error) {
	tags, err := s.tags(ctx)
	if err != nil {
		return nil, err
	}
	return s.choose(ctx, lexicallyDescending(tags))
}
