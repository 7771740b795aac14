package discover

import (
	"cmp"
	"context"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// newestTags chooses the tag that was created last, ties by name, ascending, which
// is how git for-each-ref breaks them. All admitted tags are described, in one
// request.
func (s *gitSource) newestTags(ctx context.Context) ([]pipeline.Commit, error) {
	byName, names, err := s.listTags(ctx)
	if err != nil {
		return nil, err
	}
	tags := make([]Tag, 0, len(names))
	for _, name := range names {
		tags = append(tags, byName[name])
	}
	if tags, err = s.describeTags(ctx, tags); err != nil {
		return nil, err
	}
	slices.SortFunc(tags, func(a, b Tag) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.Name, b.Name))
	})
	return s.admitTags(ctx, nil, tags)
}
