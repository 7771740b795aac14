package discover

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// listTags returns the tags that are admitted by name, and their names.
func (s *gitSource) listTags(ctx context.Context) (map[string]Tag, []string, error) {
	filter, err := newNameFilter(s.AllowTagsRegexes, s.IgnoreTagsRegexes)
	if err != nil {
		return nil, nil, err
	}
	tags, err := s.d.Commits.Tags(ctx, s.repo())
	if err != nil {
		return nil, nil, fmt.Errorf("list tags: %w", err)
	}
	byName := make(map[string]Tag, len(tags))
	names := make([]string, 0, len(tags))
	for _, t := range tags {
		byName[t.Name] = t
		names = append(names, t.Name)
	}
	names = filter.admit(names, s.rejected)
	return byName, names, s.saw(stateOf(byName, names))
}

// stateOf identifies a set of tags and what they stand for.
func stateOf(tags map[string]Tag, names []string) string {
	hash := sha256.New()
	for _, name := range lexicallyDescending(names) {
		_, _ = fmt.Fprintf(hash, "%s %s\n", tags[name].ID, name) // a hash takes everything
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// chooseTags turns tags that are ordered by name into artifacts. Only as many are
// described as that takes.
func (s *gitSource) chooseTags(ctx context.Context, tags map[string]Tag, names []string) ([]pipeline.Commit, error) {
	var out []pipeline.Commit
	for at := 0; at < len(names) && !s.enough(out); at += s.DiscoveryLimit {
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
		if out, err = s.admitTags(ctx, out, described); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// describeTags reads tags, keeping their order.
func (s *gitSource) describeTags(ctx context.Context, tags []Tag) ([]Tag, error) {
	described, err := s.d.Commits.Describe(ctx, s.repo(), tags)
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

// admitTags appends the tags that qualify to out, up to the limit.
func (s *gitSource) admitTags(ctx context.Context, out []pipeline.Commit, tags []Tag) ([]pipeline.Commit, error) {
	for _, t := range tags {
		if s.enough(out) {
			break
		}
		if s.admitted(t) {
			out = append(out, s.tagArtifact(t))
			continue
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

// admitted reports whether the tag qualified last time, for the same commit.
func (s *gitSource) admitted(t Tag) bool {
	return s.before != nil && slices.ContainsFunc(s.before.Commits, func(c pipeline.Commit) bool {
		return c.Tag == t.Name && c.ID == t.ID
	})
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
