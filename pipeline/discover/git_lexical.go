package discover

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
)

// lexicalTags chooses the tag that is greatest by its bytes.
func (s *gitSource) lexicalTags(ctx context.Context) ([]pipeline.Commit, error) {
	tags, names, err := s.listTags(ctx)
	if err != nil {
		return nil, err
	}
	return s.chooseTags(ctx, tags, lexicallyDescending(names))
}
