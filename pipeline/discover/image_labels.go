package discover

import (
	"context"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// provenance are the annotations that tell what an image was built from. Most builds
// write them into labels of the image's configuration only.
var provenance = [...]string{"org.opencontainers.image.source", "org.opencontainers.image.revision"}

// provenanceOf returns the labels that are named so, never nil.
func provenanceOf(labels map[string]string) map[string]string {
	out := map[string]string{}
	for _, key := range provenance {
		if value := labels[key]; value != "" {
			out[key] = value
		}
	}
	return out
}

// label adds to the newest image the labels that say what it was built from, where its
// annotations do not: one request more, two for an index, once for each new image. What
// cannot be read for good is left out, because nothing but what is told of the image
// depends on it.
func (s *imageSource) label(ctx context.Context, found []pipeline.Image) error {
	if len(found) == 0 || found[0].Digest == "" || s.previous != nil && s.previous.Digest == found[0].Digest {
		return nil
	}
	image := &found[0]
	if len(provenanceOf(image.Annotations)) == len(provenance) {
		return nil
	}
	b, ok := s.shown[image.Tag]
	if !ok || b.Labels != nil {
		return nil
	}
	labels, err := s.labels(ctx, image.Digest)
	if _, transient := pipeline.IsTransient(err); transient || ctx.Err() != nil {
		return fmt.Errorf("labels of %s: %w", image.Tag, err)
	}
	b.Labels = provenanceOf(labels)
	image.Annotations = merge(b.Labels, image.Annotations)
	if !s.remembers() {
		return nil
	}
	return s.remember(ctx, b)
}

// labels reads those of the image behind a digest; of an index, those of the image for
// the platform or, without one, of the first image.
func (s *imageSource) labels(ctx context.Context, digest string) (map[string]string, error) {
	m, ok := s.seen[digest]
	if !ok {
		var err error
		if m, err = s.d.Images.Manifest(ctx, s.repo, digest); err != nil {
			return nil, err
		}
	}
	if m.Index {
		i := slices.IndexFunc(m.Children, func(c Child) bool {
			return c.Platform != attestation && (s.Platform == "" || c.Platform == s.Platform)
		})
		if i < 0 {
			return nil, nil
		}
		var err error
		if m, err = s.d.Images.Manifest(ctx, s.repo, m.Children[i].Digest); err != nil {
			return nil, err
		}
	}
	if m.ConfigDigest == "" {
		return nil, nil
	}
	config, err := s.d.Images.Config(ctx, s.repo, m)
	return config.Labels, err
}

// see keeps a manifest for the rest of the discovery.
func (s *imageSource) see(m Manifest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]Manifest{}
	}
	s.seen[m.Digest] = m
}

// show keeps what an image was made of for the rest of the discovery.
func (s *imageSource) show(b Build) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown == nil {
		s.shown = map[string]Build{}
	}
	s.shown[b.Tag] = b
}
