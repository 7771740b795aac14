package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// sources is every registry, chart repository and Git repository there is.
type sources struct {
	w      *world
	images map[string][]Image
	charts map[string][]Chart
	repos  map[string]*repository
	// faults are what sources answer instead, by normalised URL.
	faults map[string]string
}

func newSources(w *world) *sources {
	return &sources{w: w, images: map[string][]Image{}, charts: map[string][]Chart{}, repos: map[string]*repository{}, faults: map[string]string{}}
}

// discover looks at the Warehouses for which there is something new.
func (w *world) discover(ctx context.Context) error {
	d := &discover.Discoverer{
		Images: w.sources, Commits: commits{w.sources}, Charts: w.sources, RepoURL: w.repoURL(), Detail: true, Now: w.clock,
	}
	facts := w.s.Facts()
	for _, wh := range w.p.Warehouses {
		if !w.stale[wh.Name] {
			continue
		}
		delete(w.stale, wh.Name)
		var since discover.Previous
		if f, ok := facts.Newest(wh.Name); ok {
			since.Freight = &f
		}
		found, err := d.Discover(ctx, wh, since)
		if err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("discover %s: %w", wh.Name, err)
			}
			w.log.notef(w.now, "discovery of %s did not work: %s", wh.Name, err)
			w.log.discoveryErrors[wh.Name] = err.Error()
			continue
		}
		delete(w.log.discoveryErrors, wh.Name)
		if f, ok := found.Freight(); ok && wh.FreightCreationPolicy != pipeline.CreateManually {
			switch satisfied, err := discover.Satisfied(wh, f, w.clock); {
			case err != nil:
				found.Withheld = err.Error()
			case !satisfied:
				found.Withheld = "freightCreationCriteria is false: " + wh.FreightCreationCriteria
			}
		}
		w.s.Discoveries[wh.Name] = found
	}
	return nil
}

// mark lets the Warehouses be discovered that subscribe to a source.
func (s *sources) mark(subscribes func(pipeline.Subscription) bool) {
	for _, wh := range s.w.p.Warehouses {
		if slices.ContainsFunc(wh.Subscriptions, subscribes) {
			s.w.stale[wh.Name] = true
		}
	}
}

// fault makes a source answer with an error, or as usual again.
func (s *sources) fault(url, message string) {
	delete(s.faults, url)
	if message != none {
		s.faults[url] = message
	}
	s.mark(func(sub pipeline.Subscription) bool {
		return sub.RepoURL() == url || sub.Git != nil && s.url(sub.Git.RepoURL) == s.url(url)
	})
}

// works returns what a source answers instead, by the URL that a Subscription gives.
func (s *sources) works(url string) error {
	for at, message := range s.faults {
		if at == url || s.url(at) == s.url(url) {
			return errors.New(message)
		}
	}
	return nil
}

func (s *sources) pushImage(i Image) {
	repo := pipeline.NormalizeImage(i.RepoURL)
	if i.CreatedAt == nil {
		i.CreatedAt = &When{abs: s.w.now}
	} else {
		i.CreatedAt = &When{abs: i.CreatedAt.past(s.w.now)}
	}
	s.images[repo] = append(slices.DeleteFunc(s.images[repo], func(old Image) bool { return old.Tag == i.Tag }), i)
	s.mark(func(sub pipeline.Subscription) bool {
		return sub.Image != nil && pipeline.NormalizeImage(sub.Image.RepoURL) == repo
	})
}

func (s *sources) pushChart(c Chart) {
	key := c.RepoURL + " " + c.Name
	s.charts[key] = append(s.charts[key], c)
	s.mark(func(sub pipeline.Subscription) bool {
		return sub.Chart != nil && sub.Chart.RepoURL == c.RepoURL && sub.Chart.Name == c.Name
	})
}

// Tags implements [discover.Images].
func (s *sources) Tags(_ context.Context, r discover.Repository) ([]string, error) {
	if err := s.works(r.URL); err != nil {
		return nil, err
	}
	var tags []string
	for _, i := range s.images[pipeline.NormalizeImage(r.URL)] {
		if i.Tag != "" {
			tags = append(tags, i.Tag)
		}
	}
	return tags, nil
}

func (s *sources) image(r discover.Repository, ref string) (Image, error) {
	if err := s.works(r.URL); err != nil {
		return Image{}, err
	}
	for _, i := range s.images[pipeline.NormalizeImage(r.URL)] {
		if i.Tag == ref || i.digest() == ref {
			return i, nil
		}
	}
	return Image{}, fmt.Errorf("image %s:%s: %w", r.URL, ref, discover.ErrNotFound)
}

// Head implements [discover.Images].
func (s *sources) Head(_ context.Context, r discover.Repository, tag string) (string, error) {
	i, err := s.image(r, tag)
	return i.digest(), err
}

// Manifest implements [discover.Images]. An image of several platforms is an index.
func (s *sources) Manifest(_ context.Context, r discover.Repository, ref string) (discover.Manifest, error) {
	for _, i := range s.images[pipeline.NormalizeImage(r.URL)] {
		for _, platform := range i.Platforms {
			if digest := i.digest() + platform; digest == ref {
				return discover.Manifest{Digest: digest, ConfigDigest: digest}, nil
			}
		}
	}
	i, err := s.image(r, ref)
	if err != nil {
		return discover.Manifest{}, err
	}
	m := discover.Manifest{Digest: i.digest(), Annotations: i.Annotations, ConfigDigest: i.digest()}
	if len(i.Platforms) > 1 {
		m.Index, m.ConfigDigest = true, ""
		for _, platform := range i.Platforms {
			m.Children = append(m.Children, discover.Child{Digest: i.digest() + platform, Platform: platform})
		}
	}
	return m, nil
}

// Config implements [discover.Images].
func (s *sources) Config(_ context.Context, r discover.Repository, m discover.Manifest) (discover.Config, error) {
	for _, i := range s.images[pipeline.NormalizeImage(r.URL)] {
		switch {
		case i.digest() == m.Digest && len(i.Platforms) == 1:
			return discover.Config{Created: i.CreatedAt.abs, Platform: i.Platforms[0]}, nil
		case i.digest() == m.Digest:
			return discover.Config{Created: i.CreatedAt.abs, Platform: "linux/amd64"}, nil
		}
		for _, platform := range i.Platforms {
			if i.digest()+platform == m.Digest {
				return discover.Config{Created: i.CreatedAt.abs, Platform: platform}, nil
			}
		}
	}
	return discover.Config{Created: time.Time{}}, fmt.Errorf("config of %s: %w", m.Digest, discover.ErrNotFound)
}

// Versions implements [discover.Charts].
func (s *sources) Versions(_ context.Context, c discover.ChartRepository) ([]string, error) {
	if err := s.works(c.URL); err != nil {
		return nil, err
	}
	var versions []string
	for _, v := range s.charts[c.URL+" "+c.Name] {
		versions = append(versions, v.Version)
	}
	return versions, nil
}
