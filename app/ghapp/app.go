package ghapp

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/pipeline"
)

// LookupFunc finds the installation that serves a repository, and the
// repository's id, among what is already known. Zeros mean "not known": GitHub is
// asked then. A repository id of 0 beside an installation narrows by name.
type LookupFunc func(ctx context.Context, owner, name string) (installation, repoID int64, err error)

// Options configure an App. Zero values choose the defaults in parentheses.
type Options struct {
	// ServerURL is where people see GitHub ("https://github.com").
	ServerURL string
	// AppID and one of the keys identify the App. Required.
	AppID         int64
	PrivateKey    *rsa.PrivateKey
	PrivateKeyPEM []byte
	// Installations is asked before GitHub is (nobody).
	Installations LookupFunc
	// Transport performs requests (a clone of http.DefaultTransport).
	Transport http.RoundTripper
	// UserAgent names this program ("kargo").
	UserAgent string
	// Now is the clock (time.Now), Sleep waits (a timer).
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Log receives one debug line for each request (none).
	Log *slog.Logger
	// Metrics is told of every exchange; route has no names or numbers in it and
	// status is 0 without an answer (nobody).
	Metrics func(method, route string, status int, took time.Duration)
	// Timeout bounds each exchange (30 s; GitHub itself gives up after 10).
	Timeout time.Duration
	// CacheBytes bounds the answers kept to be asked for conditionally (16 MiB).
	CacheBytes int64
	// ContentPerMinute and ContentPerHour bound requests that create content, for
	// each installation. github.com refuses more than 80 and 500, which are the
	// defaults there; elsewhere there is no bound, because GitHub Enterprise Server
	// has none unless its owner says so.
	ContentPerMinute, ContentPerHour int
}

// App calls GitHub as the App and as its installations.
type App struct {
	opts   Options
	host   host
	tokens *tokens
	cache  *etagCache
	// wire is what all chains end in.
	wire http.RoundTripper
	jwt  *rest

	mu       sync.Mutex
	limits   map[int64]*limiter
	resolved map[string]resolution
	rules    map[string]ruleMemo
	login    string

	lanes lanes
}

// New returns an App. It asks nothing of GitHub.
func New(o Options) (*App, error) {
	h, err := parseHost(cmp.Or(o.ServerURL, "https://github.com"))
	if err != nil {
		return nil, err
	}
	if o.AppID <= 0 {
		return nil, errors.New("GitHub App: the App id is missing")
	}
	if o.PrivateKey == nil {
		if o.PrivateKey, err = jwt.ParseRSAPrivateKeyFromPEM(o.PrivateKeyPEM); err != nil {
			// The parser's message is about the key's form only, but the key is near.
			return nil, errors.New("GitHub App: the private key is not an RSA key in PEM form")
		}
	}
	o = o.withDefaults(h)
	a := &App{
		opts: o, host: h, cache: newETagCache(o.CacheBytes),
		limits: map[int64]*limiter{}, resolved: map[string]resolution{}, rules: map[string]ruleMemo{},
	}
	a.wire = &observe{next: &exchange{next: o.Transport, timeout: o.Timeout}, host: h, now: o.Now, log: o.Log, metrics: o.Metrics}
	unsigned := &userAgent{name: o.UserAgent, next: &retry{now: o.Now, sleep: o.Sleep, next: &limits{l: a.limiter(0), next: a.wire}}}
	a.tokens = newTokens(o, h, unsigned)
	a.jwt = a.rest(&redirects{next: ghinstallation.NewAppsTransportFromPrivateKey(unsigned, o.AppID, o.PrivateKey)})
	return a, nil
}

func (o Options) withDefaults(h host) Options {
	if o.Installations == nil {
		o.Installations = func(context.Context, string, string) (int64, int64, error) { return 0, 0, nil }
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
		if t, ok := o.Transport.(*http.Transport); ok {
			o.Transport = t.Clone()
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = func(string, string, int, time.Duration) {}
	}
	o.UserAgent = cmp.Or(o.UserAgent, "kargo")
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.CacheBytes = cmp.Or(o.CacheBytes, 16<<20)
	if h.dotcom {
		o.ContentPerMinute = cmp.Or(o.ContentPerMinute, 80)
		o.ContentPerHour = cmp.Or(o.ContentPerHour, 500)
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rest returns a caller over a chain. It is made anew for each use: go-github
// keeps rate limits in its client, and those are kept per installation here.
func (a *App) rest(chain http.RoundTripper) *rest {
	gh := github.NewClient(&http.Client{
		Transport:     chain,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	gh.BaseURL = a.host.rest
	gh.UserAgent = a.opts.UserAgent
	return &rest{gh: gh, sleep: a.opts.Sleep}
}

// as returns a caller that signs in with the tokens of key.
func (a *App) as(key tokenKey) *rest {
	return a.rest(&userAgent{
		name: a.opts.UserAgent,
		next: &redirects{next: &retry{
			now: a.opts.Now, sleep: a.opts.Sleep,
			next: &etags{
				cache: a.cache, scope: key.String(),
				next: &limits{l: a.limiter(key.installation), next: &signIn{app: a, key: key, next: a.wire}},
			},
		}},
	})
}

// on returns a caller for one repository.
func (a *App) on(ctx context.Context, owner, name string) (*rest, error) {
	key, err := a.keyFor(ctx, owner, name)
	if err != nil {
		return nil, err
	}
	return a.as(key).in(owner, name), nil
}

// onURL returns a caller for the repository at a URL of this host.
func (a *App) onURL(ctx context.Context, repoURL string) (*rest, error) {
	owner, name, ok := a.host.split(repoURL)
	if !ok {
		return nil, fmt.Errorf("%s is not a repository on %s", repoURL, a.host.web)
	}
	return a.on(ctx, owner, name)
}

// RepoURL returns the URL by which the ports of steps know a repository.
func (a *App) RepoURL(repo pipeline.Repo) string { return a.host.git(repo.Owner, repo.Name) }

func (a *App) limiter(installation int64) *limiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.limits[installation]
	if l == nil {
		l = newLimiter(a.opts.Now, a.opts.Sleep, a.opts.ContentPerMinute, a.opts.ContentPerHour)
		a.limits[installation] = l
	}
	return l
}

// ContentRequests returns how many requests that create content an
// installation made in the last hour, of which github.com allows 500.
func (a *App) ContentRequests(installation int64) int {
	return a.limiter(installation).contentLastHour()
}
