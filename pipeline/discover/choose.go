package discover

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/pipeline"
)

// maxMismatches bounds how many tags are looked at in search of one for the
// demanded platform. Kargo has no bound; without one, a platform that a repository
// never had costs a request for each of its tags, every time.
const maxMismatches = 200

// choose turns ordered tags into artifacts. Normally it looks at tags only until
// one is there and fits the platform; with Detail until the limit is reached.
func (s *imageSource) choose(ctx context.Context, tags []string) ([]pipeline.Image, error) {
	want, batch := 1, 1
	if s.d.Detail {
		want, batch = s.DiscoveryLimit, maxLookups
	}
	var out []pipeline.Image
	next, misses := 0, 0
	for next < len(tags) && len(out) < want {
		if misses >= maxMismatches {
			s.rejected.note(tags[next], fmt.Sprintf("was not looked at, nor were those after it: none of %d before it qualify", misses))
			break
		}
		// Never more than can still be wanted, or the last batch would be waste.
		n := min(batch, want-len(out), len(tags)-next)
		found, err := s.lookAll(ctx, tags[next:next+n])
		if err != nil {
			return nil, err
		}
		misses += n - len(found)
		out = append(out, found...)
		next += n
	}
	if s.d.Detail || len(out) == 0 {
		return out, nil
	}
	return s.further(ctx, out, tags[next:])
}

// further adds tags that nobody looks at now, up to the limit: with what is
// remembered of them where tags are trusted, otherwise by name only.
func (s *imageSource) further(ctx context.Context, out []pipeline.Image, tags []string) ([]pipeline.Image, error) {
	tags = tags[:min(len(tags), s.DiscoveryLimit-len(out))]
	known := map[string]Build{}
	if s.trusts() {
		var err error
		if known, err = s.recalled(ctx, tags); err != nil {
			return nil, err
		}
	}
	for _, tag := range tags {
		b, ok := known[tag]
		if ok && s.Platform != "" && b.Platforms != nil && !b.runsOn(s.Platform) {
			s.rejected.add(tag, mismatch(s.Platform, b.Platforms))
			continue
		}
		b.Tag = tag
		out = append(out, s.artifact(b))
	}
	return out, nil
}

// lookAll looks at tags concurrently and returns those that qualify, in order.
func (s *imageSource) lookAll(ctx context.Context, tags []string) ([]pipeline.Image, error) {
	images := make([]*pipeline.Image, len(tags))
	reasons := make([]string, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLookups)
	for i, tag := range tags {
		group.Go(func() (err error) {
			images[i], reasons[i], err = s.look(ctx, tag)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []pipeline.Image
	for i, tag := range tags {
		if images[i] == nil {
			s.rejected.add(tag, reasons[i])
			continue
		}
		out = append(out, *images[i])
	}
	return out, nil
}

// look reads what a tag stands for now, or says why it does not qualify. If it is
// the tag of the last Freight, its digest is enough.
func (s *imageSource) look(ctx context.Context, tag string) (*pipeline.Image, string, error) {
	if s.trusts() {
		known, err := s.recalled(ctx, []string{tag})
		if err != nil {
			return nil, "", err
		}
		if b, ok := known[tag]; ok && (s.Platform == "" || b.Platforms != nil) && (!s.d.Detail || !b.Undated) {
			return s.qualify(ctx, b)
		}
	}
	if p := s.previous; p != nil && p.Tag == tag && p.Digest != "" && s.Platform == "" && !s.d.Detail {
		digest, err := s.d.Images.Head(ctx, s.repo, tag)
		switch {
		case absent(err):
			return nil, noManifest, nil
		case err != nil:
			return nil, "", fmt.Errorf("digest of %s: %w", tag, err)
		case digest == p.Digest:
			same := *p
			same.RepoURL = s.RepoURL
			return &same, "", nil
		}
	}
	build, err := s.inspect(ctx, tag, s.d.Detail, s.Platform != "")
	if absent(err) {
		return nil, noManifest, nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("look at %s: %w", tag, err)
	}
	if s.trusts() {
		if err := s.remember(ctx, build); err != nil {
			return nil, "", err
		}
	}
	return s.qualify(ctx, build)
}

const noManifest = "has no manifest: the tag was deleted or never pushed"

// qualify tests the platform of a Build and, if it is one of several in an index,
// adds that image's annotations.
func (s *imageSource) qualify(ctx context.Context, b Build) (*pipeline.Image, string, error) {
	image := s.artifact(b)
	if s.Platform == "" {
		return &image, "", nil
	}
	if !b.runsOn(s.Platform) {
		return nil, mismatch(s.Platform, b.Platforms), nil
	}
	i := slices.IndexFunc(b.Platforms, func(p BuildPlatform) bool { return p.Name == s.Platform })
	b.Platforms = slices.Clone(b.Platforms) // the cache may hold on to them
	child := &b.Platforms[i]
	if child.Digest != "" && child.Annotations == nil {
		if err := s.annotate(ctx, &b, child); err != nil {
			return nil, "", fmt.Errorf("look at %s for %s: %w", b.Tag, s.Platform, err)
		}
	}
	image.Annotations = merge(merge(b.Labels, b.Annotations), child.Annotations)
	s.show(b)
	return &image, "", nil
}

// annotate reads the annotations of one entry of an index. They belong to a digest
// and so never change; whoever remembers the Build remembers them too.
func (s *imageSource) annotate(ctx context.Context, b *Build, child *BuildPlatform) error {
	m, err := s.d.Images.Manifest(ctx, s.repo, child.Digest)
	if err != nil {
		return err
	}
	child.Annotations = map[string]string{}
	maps.Copy(child.Annotations, m.Annotations)
	if !s.remembers() {
		return nil
	}
	return s.remember(ctx, *b)
}

func merge(base, over map[string]string) map[string]string {
	if len(over) == 0 {
		return base
	}
	out := make(map[string]string, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		out[k] = v
	}
	return out
}
