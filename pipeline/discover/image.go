package discover

import (
	"context"
	"fmt"
	"sync"

	"github.com/kargo-app/kargo/pipeline"
)

// imageSource is one image Subscription being looked at.
type imageSource struct {
	pipeline.ImageSubscription
	d        *Discoverer
	name     string
	repo     Repository
	previous *pipeline.Image
	rejected *rejections

	mu sync.Mutex
	// seen are manifests that were read, by digest, shown the Builds of what was found,
	// by tag.
	seen  map[string]Manifest
	shown map[string]Build
}

func (d *Discoverer) image(
	ctx context.Context, name string, sub pipeline.ImageSubscription, previous *pipeline.Image, rejected *rejections,
) ([]pipeline.Image, error) {
	sub.DiscoveryLimit = limitOr(sub.DiscoveryLimit)
	s := &imageSource{
		ImageSubscription: sub, d: d, name: name, previous: previous, rejected: rejected,
		repo: Repository{URL: sub.RepoURL, SkipTLSVerify: sub.InsecureSkipTLSVerify},
	}
	found, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return found, s.label(ctx, found)
}

// discover returns the images that qualify, best first.
func (s *imageSource) discover(ctx context.Context) ([]pipeline.Image, error) {
	switch s.ImageSelectionStrategy {
	case pipeline.ImageSemVer, "":
		return s.semVer(ctx)
	case pipeline.ImageLexical:
		return s.lexical(ctx)
	case pipeline.ImageNewestBuild:
		return s.newestBuild(ctx)
	case pipeline.ImageDigest:
		return s.mutableTag(ctx)
	default:
		return nil, fmt.Errorf("imageSelectionStrategy %q is unknown", s.ImageSelectionStrategy)
	}
}

// tags lists the repository and returns the tags that are admitted by name.
func (s *imageSource) tags(ctx context.Context) ([]string, error) {
	filter, err := newNameFilter(s.AllowTagsRegexes, s.IgnoreTagsRegexes)
	if err != nil {
		return nil, err
	}
	tags, err := s.d.Images.Tags(ctx, s.repo)
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return filter.admit(tags, s.rejected), nil
}

// trusts reports whether a tag, once seen, is taken to stand for the same image for
// ever. The tag that Digest follows is there to move.
func (s *imageSource) trusts() bool {
	return s.CacheByTag && s.ImageSelectionStrategy != pipeline.ImageDigest
}

// remembers reports whether what was read of a tag is kept for later.
func (s *imageSource) remembers() bool {
	return s.trusts() || s.ImageSelectionStrategy == pipeline.ImageNewestBuild
}

// recalled returns what is remembered of tags.
func (s *imageSource) recalled(ctx context.Context, tags []string) (map[string]Build, error) {
	if s.d.Cache == nil || len(tags) == 0 {
		return nil, nil
	}
	known, err := s.d.Cache.Builds(ctx, pipeline.NormalizeImage(s.repo.URL), tags)
	if err != nil {
		return nil, fmt.Errorf("recall known tags: %w", err)
	}
	return known, nil
}

func (s *imageSource) remember(ctx context.Context, builds ...Build) error {
	if s.d.Cache == nil || len(builds) == 0 {
		return nil
	}
	if err := s.d.Cache.PutBuilds(ctx, pipeline.NormalizeImage(s.repo.URL), builds); err != nil {
		return fmt.Errorf("remember tags: %w", err)
	}
	return nil
}

// artifact is the Image of a Build.
func (s *imageSource) artifact(b Build) pipeline.Image {
	s.show(b)
	return pipeline.Image{
		RepoURL: s.RepoURL, Tag: b.Tag, Digest: b.Digest, CreatedAt: b.CreatedAt,
		Annotations: merge(b.Labels, b.Annotations), Subscription: s.name,
	}
}
