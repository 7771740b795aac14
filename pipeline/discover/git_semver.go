package discover

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
)

// semVerTags chooses the tag with the greatest version within the constraint.
func (s *gitSource) semVerTags(ctx context.Context) ([]pipeline.Commit, error) {
	order, err := newVersionOrder(s.SemverConstraint, s.StrictSemvers)
	if err != nil {
		return nil, err
	}
	tags, names, err := s.listTags(ctx)
	if err != nil {
		return nil, err
	}
	return s.chooseTags(ctx, tags, order.order(names, s.rejected))
}
