package discover

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
)

// semVer chooses the greatest version within the constraint.
func (s *imageSource) semVer(ctx context.Context) ([]pipeline.Image, error) {
	order, err := newVersionOrder(s.Constraint, s.StrictSemvers)
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(ctx)
	if err != nil {
		return nil, err
	}
	return s.choose(ctx, order.order(tags, s.rejected))
}
