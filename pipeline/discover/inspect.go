package discover

import (
	"context"
	"fmt"
	"time"
)

// Where images say when they were built, as annotation or label.
const (
	ociCreated  = "org.opencontainers.image.created"
	buildDate   = "org.label-schema.build-date"
	maxChildren = 64
)

// inspect reads the manifest behind a tag and, if asked, when it was built and for
// which platforms: one request, and one for a single manifest's configuration. An
// index that does not say when it was built costs two for each image in it.
func (s *imageSource) inspect(ctx context.Context, tag string, created, platform bool) (Build, error) {
	m, err := s.d.Images.Manifest(ctx, s.repo, tag)
	if err != nil {
		return Build{}, err
	}
	if !created {
		s.see(m)
	}
	b := Build{Tag: tag, Digest: m.Digest, Annotations: m.Annotations, CheckedAt: s.d.Now()}
	b.CreatedAt, _ = createdFrom(m.Annotations)
	b.Undated = !created && b.CreatedAt.IsZero()
	if m.Index {
		b.Platforms = platformsOf(m)
		if created && b.CreatedAt.IsZero() {
			b.CreatedAt, err = s.newestChild(ctx, m.Children)
		}
		return b, err
	}
	if m.ConfigDigest == "" {
		b.Undated = false               // there is no more to see
		b.Platforms = []BuildPlatform{} // no image, so for no platform
		return b, nil
	}
	if !platform && (!created || !b.CreatedAt.IsZero()) {
		return b, nil
	}
	config, err := s.d.Images.Config(ctx, s.repo, m)
	if err != nil {
		return Build{}, fmt.Errorf("configuration: %w", err)
	}
	b.Platforms, b.Labels = []BuildPlatform{{Name: config.Platform}}, provenanceOf(config.Labels)
	if b.CreatedAt.IsZero() {
		b.CreatedAt, b.Undated = createdByConfig(config), false
	}
	return b, nil
}

func platformsOf(m Manifest) []BuildPlatform {
	out := []BuildPlatform{} // not nil: an index says all there is to know
	for _, c := range m.Children {
		if c.Platform != "" && c.Platform != attestation {
			out = append(out, BuildPlatform{Name: c.Platform, Digest: c.Digest})
		}
	}
	return out
}

// attestation is the platform under which BuildKit stores provenance and bills of
// materials beside the images of an index.
const attestation = "unknown/unknown"

// newestChild is when the newest image of an index was built.
func (s *imageSource) newestChild(ctx context.Context, children []Child) (newest time.Time, err error) {
	if len(children) > maxChildren {
		children = children[:maxChildren]
	}
	for _, c := range children {
		if c.Platform == attestation {
			continue
		}
		created, ok := createdFrom(c.Annotations)
		if !ok {
			if created, err = s.childCreated(ctx, c); err != nil {
				return time.Time{}, fmt.Errorf("image for %s: %w", c.Platform, err)
			}
		}
		if created.After(newest) {
			newest = created
		}
	}
	return newest, nil
}

func (s *imageSource) childCreated(ctx context.Context, c Child) (time.Time, error) {
	m, err := s.d.Images.Manifest(ctx, s.repo, c.Digest)
	if absent(err) {
		return time.Time{}, nil // an index may be pushed with some of its images only
	}
	if err != nil {
		return time.Time{}, err
	}
	if created, ok := createdFrom(m.Annotations); ok || m.ConfigDigest == "" {
		return created, nil
	}
	config, err := s.d.Images.Config(ctx, s.repo, m)
	if err != nil {
		return time.Time{}, err
	}
	return createdByConfig(config), nil
}

// createdFrom reads the time from annotations; what does not parse does not count.
func createdFrom(annotations map[string]string) (time.Time, bool) {
	for _, key := range [...]string{ociCreated, buildDate} {
		if t, err := time.Parse(time.RFC3339, annotations[key]); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// createdByConfig is the later of a label and the configuration's own time, which
// reproducible builds leave at the epoch.
func createdByConfig(c Config) time.Time {
	label, _ := createdFrom(c.Labels)
	if c.Created.After(label) {
		return c.Created.UTC()
	}
	return label
}
