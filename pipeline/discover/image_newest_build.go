package discover

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// recheckAfter is how old knowledge of a tag may get before its digest is
	// asked for again, and maxRechecks how many are in one run. Tags that do not
	// win are therefore taken for immutable for about a day; the winner never is,
	// unless cacheByTag says so.
	recheckAfter = 24 * time.Hour
	maxRechecks  = 20
	// saveEvery is how many new Builds are read between writes to the cache, so
	// that an interrupted first run does not start again from nothing.
	saveEvery = 256
)

// newestBuild chooses the image that was built last, ties by tag, descending.
// Reading that takes two requests for every tag, so what was read is remembered.
func (s *imageSource) newestBuild(ctx context.Context) ([]pipeline.Image, error) {
	tags, err := s.tags(ctx)
	if err != nil {
		return nil, err
	}
	known, err := s.recalled(ctx, tags)
	if err != nil {
		return nil, err
	}
	started := s.d.Now()
	builds, unknown := s.recall(tags, known)
	stale, err := s.recheck(ctx, builds)
	if err != nil {
		return nil, err
	}
	if builds, err = s.read(ctx, builds, append(unknown, stale...)); err != nil {
		return nil, err
	}
	return s.newest(ctx, builds, started)
}

// recall splits tags into Builds that are known well enough and tags to read.
func (s *imageSource) recall(tags []string, known map[string]Build) (builds map[string]Build, unknown []string) {
	builds = make(map[string]Build, len(tags))
	for _, tag := range tags {
		b, ok := known[tag]
		if !ok || b.Undated || s.Platform != "" && b.Platforms == nil {
			unknown = append(unknown, tag)
			continue
		}
		builds[tag] = b
	}
	return builds, unknown
}

// recheck asks for the digests of the tags that were not asked for longest, and
// returns those that moved.
func (s *imageSource) recheck(ctx context.Context, builds map[string]Build) (moved []string, err error) {
	if s.trusts() {
		return nil, nil
	}
	var old []Build
	for _, b := range builds {
		if s.d.Now().Sub(b.CheckedAt) > recheckAfter {
			old = append(old, b)
		}
	}
	slices.SortFunc(old, func(a, b Build) int {
		return cmp.Or(a.CheckedAt.Compare(b.CheckedAt), cmp.Compare(a.Tag, b.Tag))
	})
	if len(old) > maxRechecks {
		old = old[:maxRechecks]
	}
	var same []Build
	for _, b := range old {
		ok, err := s.unmoved(ctx, b)
		if err != nil {
			return nil, err
		}
		if !ok {
			delete(builds, b.Tag)
			moved = append(moved, b.Tag)
			continue
		}
		b.CheckedAt = s.d.Now()
		builds[b.Tag] = b
		same = append(same, b)
	}
	return moved, s.remember(ctx, same...)
}

func (s *imageSource) unmoved(ctx context.Context, b Build) (bool, error) {
	digest, err := s.d.Images.Head(ctx, s.repo, b.Tag)
	if err != nil && !absent(err) {
		return false, fmt.Errorf("digest of %s: %w", b.Tag, err)
	}
	return err == nil && digest == b.Digest, nil
}

// read adds the Builds of tags, several at a time.
func (s *imageSource) read(ctx context.Context, builds map[string]Build, tags []string) (map[string]Build, error) {
	for part := range slices.Chunk(tags, saveEvery) {
		fresh := make([]*Build, len(part))
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(maxLookups)
		for i, tag := range part {
			group.Go(func() error {
				b, err := s.inspect(gctx, tag, true, s.Platform != "")
				if absent(err) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("look at %s: %w", tag, err)
				}
				fresh[i] = &b
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		var found []Build
		for i, b := range fresh {
			if b == nil {
				s.rejected.add(part[i], noManifest)
				continue
			}
			builds[b.Tag] = *b
			found = append(found, *b)
		}
		if err := s.remember(ctx, found...); err != nil {
			return nil, err
		}
	}
	return builds, nil
}

// newest orders Builds and returns those that qualify. The winner's digest is asked
// for unless that happened since started; if it moved, the order is made anew.
func (s *imageSource) newest(ctx context.Context, builds map[string]Build, started time.Time) ([]pipeline.Image, error) {
	var out []pipeline.Image
	mismatches := rejections{}
	for _, b := range newestFirst(builds) {
		if len(out) == s.DiscoveryLimit {
			break
		}
		if s.Platform != "" && !b.runsOn(s.Platform) {
			mismatches.add(b.Tag, mismatch(s.Platform, b.Platforms))
			continue
		}
		if len(out) > 0 && !s.d.Detail {
			out = append(out, s.artifact(b))
			continue
		}
		if b.CheckedAt.Before(started) && !s.trusts() {
			ok, err := s.unmoved(ctx, b)
			if err != nil {
				return nil, err
			}
			if !ok {
				delete(builds, b.Tag)
				if builds, err = s.read(ctx, builds, []string{b.Tag}); err != nil {
					return nil, err
				}
				return s.newest(ctx, builds, started)
			}
			b.CheckedAt = s.d.Now()
			builds[b.Tag] = b
		}
		image, reason, err := s.qualify(ctx, b)
		if err != nil {
			return nil, err
		}
		if image == nil {
			mismatches.add(b.Tag, reason)
			continue
		}
		out = append(out, *image)
	}
	s.rejected.list = append(s.rejected.list, mismatches.list...)
	return out, nil
}

func newestFirst(builds map[string]Build) []Build {
	out := make([]Build, 0, len(builds))
	for _, b := range builds {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Build) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.Tag, a.Tag))
	})
	return out
}
