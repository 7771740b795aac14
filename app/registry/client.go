package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

var _ discover.Images = (*Client)(nil)

const (
	// pullerLife is how long a puller is kept: it holds the credentials that it
	// began with, and operators rotate those.
	pullerLife = time.Hour
	maxPullers = 256
)

// Options configure a Client. The zero value asks over HTTPS with the credentials
// of the Docker configuration.
type Options struct {
	// Insecure lists hosts ("registry.local" for every port, or
	// "registry.local:5000") that may be asked over plain HTTP. Loopback always
	// may.
	Insecure []string
	// Keychain finds credentials; nil means Docker's configuration file, in
	// $DOCKER_CONFIG or the home directory, with its credential helpers.
	Keychain authn.Keychain
	// Observe, if set, is told of every request. It is called concurrently.
	Observe func(Request)
	// UserAgent names the program.
	UserAgent string
	// Now and Sleep are the clock; nil means the real one. Sleep returns early with
	// the context's error.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// Request is one HTTP request as it was answered.
type Request struct {
	Host   string
	Method string
	// Status is the HTTP status, 0 if there was no answer.
	Status int
	Took   time.Duration
}

// Client reads container registries and chart repositories.
type Client struct {
	*shared
	// owner is whose credentials these are, empty for those of the server.
	owner          string
	images, charts Chain
}

// shared is what all Clients made from one have in common.
type shared struct {
	options Options
	gates   gates
	secure  http.RoundTripper // verifies certificates
	lax     http.RoundTripper // does not

	mu      sync.Mutex
	pullers map[pullerKey]pullerEntry
	indexes map[indexKey]indexEntry
}

type pullerKey struct {
	owner, host   string
	kind          pipeline.ArtifactKind
	skipTLSVerify bool
}

type pullerEntry struct {
	puller *remote.Puller
	born   time.Time
}

// New returns a Client.
func New(o Options) *Client {
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.UserAgent == "" {
		o.UserAgent = "kargo"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	own := Chain{o.Keychain}
	return &Client{images: own, charts: own, shared: &shared{
		options: o, secure: dialer(false), lax: dialer(true),
		pullers: map[pullerKey]pullerEntry{}, indexes: map[indexKey]indexEntry{},
		gates: gates{now: o.Now, sleep: o.Sleep},
	}}
}

// With returns a Client that asks with credentials of an owner's own, for images and
// for charts, and with those of the server where they have none. It shares limits,
// connections and memory with c, but no answer that one owner's credentials gave.
func (c *Client) With(owner string, images, charts authn.Keychain) *Client {
	return &Client{
		shared: c.shared, owner: owner,
		images: slices.Concat(Chain{images}, c.images), charts: slices.Concat(Chain{charts}, c.charts),
	}
}

func (c *Client) keychain(kind pipeline.ArtifactKind) Chain {
	if kind == pipeline.ChartArtifact {
		return c.charts
	}
	return c.images
}

// repository parses the name of a repository.
func (c *Client) repository(r discover.Repository) (name.Repository, error) {
	repo, err := name.NewRepository(r.URL)
	if err != nil {
		return name.Repository{}, &pipeline.UserError{Message: fmt.Sprintf("%q is not the name of an image repository", r.URL), Err: err}
	}
	if c.listed(repo.RegistryStr()) {
		repo, err = name.NewRepository(r.URL, name.Insecure)
	}
	return repo, err
}

// puller returns the shared puller of a registry.
func (c *Client) puller(kind pipeline.ArtifactKind, reg name.Registry, skipTLSVerify bool) (*remote.Puller, error) {
	key := pullerKey{c.owner, reg.RegistryStr(), kind, skipTLSVerify}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	if e, ok := c.pullers[key]; ok && now.Sub(e.born) < pullerLife {
		return e.puller, nil
	}
	if len(c.pullers) >= maxPullers {
		clear(c.pullers)
	}
	next := c.secure
	if skipTLSVerify {
		next = c.lax
	}
	p, err := remote.NewPuller(
		remote.WithTransport(&carrier{client: c, next: next, scheme: reg.Scheme(), limit: maxAnswer}),
		remote.WithAuthFromKeychain(c.keychain(kind)),
		remote.WithUserAgent(c.options.UserAgent),
		remote.WithJobs(perHost),
		// Our transport retries: it knows Retry-After.
		remote.WithRetryStatusCodes(),
		remote.WithRetryPredicate(func(error) bool { return false }),
	)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", reg, err)
	}
	c.pullers[key] = pullerEntry{p, now}
	return p, nil
}

// forget drops the puller of a registry, and with it the credentials it holds.
func (c *Client) forget(kind pipeline.ArtifactKind, host string, skipTLSVerify bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pullers, pullerKey{c.owner, host, kind, skipTLSVerify})
}

// plainAllowed reports whether a host may be asked over plain HTTP.
func (c *Client) plainAllowed(host string) bool { return loopback(host) || c.listed(host) }

func (c *Client) listed(host string) bool {
	return slices.ContainsFunc(c.options.Insecure, func(entry string) bool {
		entry = strings.TrimSpace(entry)
		return entry != "" && (strings.EqualFold(entry, host) || strings.EqualFold(entry, hostname(host)))
	})
}

func loopback(host string) bool {
	h := strings.ToLower(hostname(host))
	ip := net.ParseIP(h)
	return h == "localhost" || strings.HasSuffix(h, ".localhost") || ip != nil && ip.IsLoopback()
}

// hostname drops the port of host.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
