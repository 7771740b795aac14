package bind

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

// create puts Freight together from what a Warehouse discovered, exactly one
// artifact for every Subscription, and from images that no Warehouse subscribes
// to.
func (s *Scene) create(ctx context.Context, c command.Command) (*pipeline.Freight, error) {
	warehouse, own, foreign, err := s.sort(c)
	if err != nil {
		return nil, err
	}
	f := pipeline.Freight{Warehouse: warehouse.Name}
	if err := fill(&f, s.Snapshot.Discoveries[warehouse.Name], own); err != nil {
		return nil, err
	}
	for _, ref := range foreign {
		i, err := s.standalone(ctx, warehouse.Name, ref)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(f.Images, func(o pipeline.Image) bool {
			return pipeline.NormalizeImage(o.RepoURL) == pipeline.NormalizeImage(i.RepoURL)
		}) {
			return nil, &pipeline.UserError{Message: fmt.Sprintf("%s is named twice", i.RepoURL)}
		}
		f.Images = append(f.Images, i)
	}
	return &f, nil
}

// artifactRef is one artifact as a person named it.
type artifactRef struct {
	typed string
	// name is the repository, or the last part of it; version is a tag, a version, a
	// commit or a digest.
	name, version string
	// digest is set where there is one beside the tag.
	digest string
}

func parseArtifact(typed string) artifactRef {
	a := artifactRef{typed: typed}
	name, version, ok := strings.Cut(typed, "@")
	tagged := name
	scheme := ""
	if i := strings.Index(name, "://"); i >= 0 {
		scheme, tagged = name[:i+3], name[i+3:]
	}
	if colon := strings.LastIndexByte(tagged, ':'); colon > strings.LastIndexByte(tagged, '/') {
		a.name, a.version, a.digest = scheme+tagged[:colon], tagged[colon+1:], version
		return a
	}
	a.name = name
	if ok {
		a.version = version
	}
	return a
}

// sort decides which Warehouse a command is about, and parts what it subscribes to
// from what it does not.
func (s *Scene) sort(c command.Command) (w pipeline.Warehouse, own, foreign []artifactRef, err error) {
	candidates := s.Warehouses()
	if c.Warehouse != "" {
		name, err := command.ResolveName("Warehouse", s.WarehouseNames(), c.Warehouse)
		if err != nil {
			return w, nil, nil, err
		}
		w, _ = s.PipelineOf(name).Warehouse(name)
		candidates = []pipeline.Warehouse{w}
	}
	best := -1
	var names []string
	for _, candidate := range candidates {
		var mine, others []artifactRef
		for _, typed := range c.Artifacts {
			a := parseArtifact(typed)
			if slices.ContainsFunc(s.Snapshot.Discoveries[candidate.Name].Subscriptions, a.from) {
				mine = append(mine, a)
			} else {
				others = append(others, a)
			}
		}
		switch {
		case len(mine) > best:
			best, w, own, foreign, names = len(mine), candidate, mine, others, []string{candidate.Name}
		case len(mine) == best:
			names = append(names, candidate.Name)
		}
	}
	switch {
	case len(names) == 0:
		return w, nil, nil, &pipeline.UserError{Message: "there is no Warehouse to create Freight of"}
	case len(names) > 1:
		return w, nil, nil, &pipeline.UserError{
			Message: "these artifacts may belong to " + strings.Join(names, " or "),
			Hint:    "add --warehouse " + names[0],
		}
	}
	return w, own, foreign, nil
}

// from reports whether an artifact names what a Subscription watches.
func (a artifactRef) from(s pipeline.DiscoveredSubscription) bool {
	if a.name == s.RepoURL || s.Name != "" && a.name == s.Name {
		return true
	}
	switch s.Kind {
	case pipeline.GitArtifact:
		url := pipeline.NormalizeGitURL(s.RepoURL)
		return strings.EqualFold(a.name, path.Base(url)) || strings.EqualFold(a.name, strings.TrimPrefix(url, "https://")) || pipeline.NormalizeGitURL(a.name) == url
	case pipeline.ImageArtifact:
		return a.name == path.Base(s.RepoURL) || strings.Contains(a.name, "/") && pipeline.NormalizeImage(a.name) == pipeline.NormalizeImage(s.RepoURL)
	default:
		return a.name == path.Base(s.RepoURL) || slices.ContainsFunc(s.Charts, func(c pipeline.Chart) bool { return c.Name == a.name })
	}
}

// fill takes one artifact of every Subscription.
func fill(f *pipeline.Freight, d pipeline.Discovery, named []artifactRef) error {
	used := make([]bool, len(named))
	for _, s := range d.Subscriptions {
		taken := ""
		for i, a := range named {
			if used[i] || !a.from(s) {
				continue
			}
			if !a.take(f, s) {
				if len(named) > 1 && elsewhere(d, s, a) {
					continue
				}
				return &pipeline.UserError{
					Message: fmt.Sprintf("Warehouse %s discovered no %s in %s", d.Warehouse, a.version, s.RepoURL),
					Hint:    "it offers " + choices(s),
				}
			}
			if taken != "" {
				return &pipeline.UserError{Message: fmt.Sprintf("%s and %s are both of %s, which gives one artifact", taken, a.typed, s.RepoURL)}
			}
			used[i], taken = true, a.typed
		}
		if taken == "" {
			return &pipeline.UserError{
				Message: fmt.Sprintf("an artifact of %s is missing: Freight of Warehouse %s has one of every subscription", s.RepoURL, d.Warehouse),
				Hint:    "it offers " + choices(s),
			}
		}
	}
	return nil
}

// elsewhere reports whether another Subscription of the same name has the
// artifact: two may watch repositories that end alike.
func elsewhere(d pipeline.Discovery, s pipeline.DiscoveredSubscription, a artifactRef) bool {
	return slices.ContainsFunc(d.Subscriptions, func(o pipeline.DiscoveredSubscription) bool {
		return o.RepoURL != s.RepoURL && a.from(o) && a.take(&pipeline.Freight{}, o)
	})
}

// take adds the artifact to Freight if the Subscription offers it.
func (a artifactRef) take(f *pipeline.Freight, s pipeline.DiscoveredSubscription) bool {
	for _, i := range s.Images {
		if (a.version == i.Tag || a.version == i.Digest) && (a.digest == "" || a.digest == i.Digest) {
			f.Images = append(f.Images, i)
			return true
		}
	}
	for _, c := range s.Commits {
		if a.version == c.Tag || len(a.version) >= 7 && strings.HasPrefix(c.ID, strings.ToLower(a.version)) {
			f.Commits = append(f.Commits, c)
			return true
		}
	}
	for _, c := range s.Charts {
		if a.version == c.Version {
			f.Charts = append(f.Charts, c)
			return true
		}
	}
	return false
}

// choices names what a Subscription offers, best first.
func choices(s pipeline.DiscoveredSubscription) string {
	var all []string
	for _, i := range s.Images {
		all = append(all, i.Tag)
	}
	for _, c := range s.Commits {
		if c.Tag != "" {
			all = append(all, c.Tag)
		} else {
			all = append(all, pipeline.Short(c.ID))
		}
	}
	for _, c := range s.Charts {
		all = append(all, c.Version)
	}
	if len(all) == 0 {
		return "nothing"
	}
	const most = 10
	if n := len(all) - most; n > 0 {
		all = append(all[:most], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(all, ", ")
}

// standalone resolves an image that no Warehouse subscribes to.
func (s *Scene) standalone(ctx context.Context, warehouse string, a artifactRef) (pipeline.Image, error) {
	if !strings.Contains(a.name, "/") || strings.Contains(a.name, "://") {
		return pipeline.Image{}, &pipeline.UserError{
			Message: fmt.Sprintf("no Warehouse subscribes to %s", a.name),
			Hint:    "an image of another repository needs its full name: registry.example.com/name:tag; /kargo freight shows what is subscribed to",
		}
	}
	i := pipeline.Image{RepoURL: a.name, Tag: a.version, Digest: a.digest}
	if strings.Contains(a.version, ":") {
		i.Tag, i.Digest = "", a.version
	}
	if s.Image == nil {
		if i.Digest == "" {
			return i, &pipeline.UserError{Message: fmt.Sprintf("%s needs a digest", a.typed), Hint: fmt.Sprintf("%s:%s@sha256:...", a.name, a.version)}
		}
		return i, nil
	}
	found, err := s.Image(ctx, warehouse, i)
	if err != nil {
		return i, fmt.Errorf("look up %s: %w", a.typed, err)
	}
	found.RepoURL, found.Tag = i.RepoURL, i.Tag
	return found, nil
}
