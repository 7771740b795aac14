package discover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	defaultLimit = 20
	// maxLookups bounds concurrent questions to one registry.
	maxLookups = 16
	// maxSubscriptions bounds how many Subscriptions of a Warehouse are looked
	// at simultaneously.
	maxSubscriptions = 4
)

// Discoverer looks at artifact sources. Images, Commits and Charts are required only
// by the kinds of Subscription that it is given.
type Discoverer struct {
	Images  Images
	Commits Commits
	Charts  Charts
	// Cache may be nil: then NewestBuild asks for every tag every time, and so does
	// cacheByTag.
	Cache TagCache
	// RepoURL is the clone URL of the pipeline's own repository, meant by git
	// Subscriptions without one.
	RepoURL string
	// Bot is the login of the App ("kargo[bot]"). Commits by it that carry a
	// Kargo-Promotion trailer are its own and become no Freight; if Bot is empty,
	// the trailer alone decides.
	Bot string
	// Detail looks at every artifact up to the discovery limit, and keeps every
	// rejection: for people who ask. Otherwise only the first artifact is certain
	// to be complete: images after it have a tag only.
	Detail bool
	// Now is the clock, for the age of what Cache holds and for expressions.
	Now func() time.Time
}

// Previous is what is known from before.
type Previous struct {
	// Freight is the newest Freight of the Warehouse; nil if there is none.
	Freight *pipeline.Freight
	// Discovery is what these Subscriptions gave last time, nil if they were never
	// looked at, or were others.
	Discovery *pipeline.Discovery
}

// Discover looks at all Subscriptions of w. A source without a matching artifact
// is no error; [pipeline.Discovery.Freight] then gives none. The error of a
// Subscription names it, and is the error of the whole Warehouse, because Freight
// must not be made of artifacts that were not seen together.
func (d *Discoverer) Discover(ctx context.Context, w pipeline.Warehouse, since Previous) (pipeline.Discovery, error) {
	out := pipeline.Discovery{Warehouse: w.Name, Subscriptions: make([]pipeline.DiscoveredSubscription, len(w.Subscriptions))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxSubscriptions)
	for i, s := range w.Subscriptions {
		group.Go(func() error {
			found, err := d.subscription(ctx, s, since, since.subscription(i, len(w.Subscriptions)))
			if err != nil {
				return fmt.Errorf("subscription %s: %w", describe(s), err)
			}
			out.Subscriptions[i] = found
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return pipeline.Discovery{}, fmt.Errorf("discover warehouse %s: %w", w.Name, err)
	}
	return out, nil
}

func (d *Discoverer) subscription(
	ctx context.Context, s pipeline.Subscription, since Previous, before *pipeline.DiscoveredSubscription,
) (pipeline.DiscoveredSubscription, error) {
	found := pipeline.DiscoveredSubscription{Kind: s.Kind(), Name: s.Name, RepoURL: s.RepoURL()}
	rejected := &rejections{all: d.Detail}
	var err error
	switch {
	case s.Image != nil:
		found.Images, err = d.image(ctx, s.Name, *s.Image, since.image(s), rejected)
	case s.Git != nil:
		if found.RepoURL == "" {
			found.RepoURL = d.RepoURL
		}
		if d.Detail || before != nil && (before.Kind != found.Kind || before.Name != found.Name || before.RepoURL != found.RepoURL) {
			before = nil
		}
		found.Commits, found.Seen, err = d.git(ctx, s.Name, found.RepoURL, *s.Git, since.commit(s.Name, found.RepoURL), before, rejected)
		if errors.Is(err, errUnchanged) {
			return *before, nil
		}
	case s.Chart != nil:
		found.Charts, err = d.chart(ctx, s.Name, *s.Chart, rejected)
	default:
		err = errors.New("it has no source")
	}
	if err != nil {
		return pipeline.DiscoveredSubscription{}, err
	}
	found.Rejected = rejected.sorted()
	return found, nil
}

// subscription returns what the i-th of n Subscriptions gave last time.
func (p Previous) subscription(i, n int) *pipeline.DiscoveredSubscription {
	if p.Discovery == nil || len(p.Discovery.Subscriptions) != n {
		return nil
	}
	return &p.Discovery.Subscriptions[i]
}

// image returns the image that the last Freight has from s, or nil.
func (p Previous) image(s pipeline.Subscription) *pipeline.Image {
	if p.Freight == nil {
		return nil
	}
	for _, i := range p.Freight.Images {
		if i.Subscription == s.Name && pipeline.NormalizeImage(i.RepoURL) == pipeline.NormalizeImage(s.Image.RepoURL) {
			return &i
		}
	}
	return nil
}

// commit returns the commit that the last Freight has from a Subscription, or nil.
func (p Previous) commit(name, repoURL string) *pipeline.Commit {
	if p.Freight == nil {
		return nil
	}
	for _, c := range p.Freight.Commits {
		if c.Subscription == name && pipeline.NormalizeGitURL(c.RepoURL) == pipeline.NormalizeGitURL(repoURL) {
			return &c
		}
	}
	return nil
}

func describe(s pipeline.Subscription) string {
	what := string(s.Kind())
	if s.Chart != nil && s.Chart.Name != "" {
		what += " " + s.Chart.Name + " of"
	}
	if url := s.RepoURL(); url != "" {
		what += " " + url
	} else if s.Git != nil {
		what += " of this repository"
	}
	if s.Name != "" {
		return fmt.Sprintf("%q (%s)", s.Name, what)
	}
	return what
}

func limitOr(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return limit
}

// absent reports whether err says that something does not exist.
func absent(err error) bool { return errors.Is(err, ErrNotFound) }
