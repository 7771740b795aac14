package discover

import (
	"context"
	"errors"

	"github.com/kargo-app/kargo/pipeline"
)

// mutableTag follows one tag, named by the constraint, from digest to digest. The
// allow and ignore patterns do not apply. A tag that does not exist is no artifact.
func (s *imageSource) mutableTag(ctx context.Context) ([]pipeline.Image, error) {
	if s.Constraint == "" {
		return nil, errors.New("strategy Digest needs the tag to follow as its constraint")
	}
	return s.choose(ctx, []string{s.Constraint})
}
