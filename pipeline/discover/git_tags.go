package discover

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// listTags returns the tags that are admitted by name, and their names.
func (s *gitSource) listTags(ctx context.Context) (map[string]Tag, []string, error) {
	filter, err := newNameFilter(s.AllowTagsRegexes, s.IgnoreTagsRegexes)
	if err != nil {
		return nil, nil, err
	}
	tags, err := s.d.Commits.Tags(ctx, s.url)
	if err != nil {
		return nil, nil, fmt.Errorf("list tags: %w", err)
	}
	byName := make(map[string]Tag, len(tags))
	names := make([]string, 0, len(tags))
	for _, t := range tags {
		byName[t.Name] = t
		names = append(names, t.Name)
	}
	return byName, filter.admit(names, s.rejected), nil
}

// chooseTags turns tags that are ordered by name into artifacts. Only as many are
// described as that takes; none if the first is the tag of the last Freight still.
func (s *gitSource) chooseTags(ctx context.Context, tags map[string]Tag, names []string) ([]pipeline.Commit, error) {
	if p := s.previous; p != nil && len(names) > 0 && !s.d.Detail && s.paths.none() && s.ExpressionFilter == "" {
		if first := tags[names[0]]; p.Tag == first.Name && p.ID == first.ID {
			return []pipeline.Commit{s.kept()}, nil
		}
	}
	var out []pipeline.Commit
	want := s.wantedTags()
	for at := 0; at < len(names) && len(out) < want; at += s.DiscoveryLimit {
		if at >= maxHistory {
			s.rejected.note(names[at], fmt.Sprintf("was not looked at, nor were those after it: too few of %d before it qualify", at))
			break
		}
		batch := make([]Tag, 0, s.DiscoveryLimit)
		for _, name := range names[at:min(len(names), at+s.DiscoveryLimit)] {
			batch = append(batch, tags[name])
		}
		described, err := s.describeTags(ctx, batch)
		if err != nil {
			return nil, err
		}
		if out, err = s.admitTags(ctx, out, described, want); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// wantedTags is how many artifacts to find: with path filters every one costs a
// comparison of trees.
func (s *gitSource) wantedTags() int {
	if !s.paths.none() && !s.d.Detail {
		return 1
	}
	return s.DiscoveryLimit
}

// describeTags reads tags, keeping their order.
func (s *gitSource) describeTags(ctx context.Context, tags []Tag) ([]Tag, error) {
	described, err := s.d.Commits.Describe(ctx, s.url, tags)
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	byName := make(map[string]Tag, len(described))
	for _, t := range described {
		byName[t.Name] = t
	}
	out := make([]Tag, 0, len(tags))
	for _, t := range tags {
		d, ok := byName[t.Name]
		if !ok {
			s.rejected.add(t.Name, "is not the tag of a commit")
			continue
		}
		out = append(out, d)
	}
	return out, nil
}

// admitTags appends the tags that qualify to out until that has the wanted length.
func (s *gitSource) admitTags(ctx context.Context, out []pipeline.Commit, tags []Tag, want int) ([]pipeline.Commit, error) {
	for _, t := range tags {
		if len(out) == want {
			break
		}
		reason, err := s.rejectTag(ctx, t)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			s.rejected.add(t.Name, reason)
			continue
		}
		out = append(out, s.tagArtifact(t))
	}
	return out, nil
}

// rejectTag says why a described tag does not qualify. Path filters look at the
// tagged commit's own change, as in Kargo: there is no range between two tags that
// need not be related.
func (s *gitSource) rejectTag(ctx context.Context, t Tag) (string, error) {
	promotion, own, err := s.ownCommit(ctx, t.Commit)
	if err != nil {
		return "", err
	}
	if own {
		return "its commit was made by Promotion " + promotion, nil
	}
	if ok, err := s.filterTag(t); err != nil || !ok {
		return filteredOut, err
	}
	if s.paths.none() {
		return "", nil
	}
	if ok, err := s.touches(ctx, t.Commit); err != nil || !ok {
		return untouched, err
	}
	return "", nil
}
