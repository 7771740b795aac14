package gitrepo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// CredentialsFunc returns the user name and password for a repository. An empty
// password means anonymous access.
type CredentialsFunc func(ctx context.Context, repoURL string) (username, password string, err error)

// Options configure a Client. Zero values choose the defaults in parentheses.
type Options struct {
	// Credentials authenticates requests (anonymous).
	Credentials CredentialsFunc
	// AllowHTTP says whether unencrypted http may be used with a host, given
	// without port (never).
	AllowHTTP func(host string) bool
	// Transport performs requests (a clone of http.DefaultTransport).
	Transport http.RoundTripper
	// Unverified performs requests to servers whose certificate is not to be
	// verified (a clone of Transport, or of http.DefaultTransport where Transport is
	// of another kind, that accepts any).
	Unverified http.RoundTripper
	// AlwaysVerify says of which repositories' servers the certificate is verified
	// whatever [Client.Unverified] is asked for (none). They should be those that
	// Credentials of more than one repository go to.
	AlwaysVerify func(repoURL string) bool
	// UserAgent names this program to servers ("kargo").
	UserAgent string
	// Timeout bounds each request (60 s).
	Timeout time.Duration
	// Attempts is how often a read is tried (3).
	Attempts int
	// Sleep waits between attempts (a timer).
	Sleep func(ctx context.Context, d time.Duration) error
	// CacheBytes bounds the object cache of one repository (16 MiB).
	CacheBytes int64
	// MaxResponse bounds the bytes of one response (256 MiB).
	MaxResponse int64
	// MaxInflated bounds the bytes of objects in one response (512 MiB).
	MaxInflated int64
	// MaxRepositories bounds how many repositories keep a cache (256).
	MaxRepositories int
	// DirectPush sends a push without asking for the server's references
	// first. The protocol wants the question, whose answer grows with the
	// number of references; git's own server does not need it.
	DirectPush bool
}

// Client opens repositories. See the package comment.
type Client struct {
	opts    Options
	http    *http.Client
	lax     *http.Client // accepts any certificate
	mu      sync.Mutex
	repos   *lru.Cache[string, *Repository]
	traffic counters
}

// Traffic counts what went over the wire.
type Traffic struct {
	Requests           int64
	BytesUp, BytesDown int64
}

// Sub returns the difference to an earlier count.
func (t Traffic) Sub(u Traffic) Traffic {
	return Traffic{t.Requests - u.Requests, t.BytesUp - u.BytesUp, t.BytesDown - u.BytesDown}
}

type counters struct{ requests, up, down atomic.Int64 }

func (c *counters) load() Traffic {
	return Traffic{Requests: c.requests.Load(), BytesUp: c.up.Load(), BytesDown: c.down.Load()}
}

// New returns a Client.
func New(o Options) *Client {
	o = o.withDefaults()
	// Only a non-positive size is an error.
	repos, _ := lru.New[string, *Repository](o.MaxRepositories)
	return &Client{
		opts:  o,
		http:  &http.Client{Transport: o.Transport, CheckRedirect: checkRedirect},
		lax:   &http.Client{Transport: o.Unverified, CheckRedirect: checkRedirect},
		repos: repos,
	}
}

func (o Options) withDefaults() Options {
	if o.AllowHTTP == nil {
		o.AllowHTTP = func(string) bool { return false }
	}
	if o.Transport == nil {
		o.Transport = defaultTransport()
	}
	if o.Unverified == nil {
		o.Unverified = unverified(o.Transport)
	}
	if o.UserAgent == "" {
		o.UserAgent = "kargo"
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Timeout = positive(o.Timeout, time.Minute)
	o.Attempts = positive(o.Attempts, 3)
	o.CacheBytes = positive(o.CacheBytes, 16<<20)
	o.MaxResponse = positive(o.MaxResponse, 256<<20)
	o.MaxInflated = positive(o.MaxInflated, 512<<20)
	o.MaxRepositories = positive(o.MaxRepositories, 256)
	return o
}

func positive[T ~int | ~int64](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	// Packs are compressed already, and counters should see the wire.
	t.DisableCompression = true
	return t
}

// unverified returns a copy of a transport that accepts any certificate.
func unverified(rt http.RoundTripper) http.RoundTripper {
	t, ok := rt.(*http.Transport)
	if !ok {
		if t, ok = defaultTransport().(*http.Transport); !ok {
			return rt
		}
	}
	t = t.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.InsecureSkipVerify = true
	return t
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

// Traffic returns what all repositories of this Client cost so far.
func (c *Client) Traffic() Traffic { return c.traffic.load() }

// Repository returns the repository at an http or https URL, the same value for
// the same URL while it stays among the most recently used. It does no I/O; the
// URL must not hold credentials.
func (c *Client) Repository(repoURL string) (*Repository, error) {
	return c.repository(repoURL, c.http, "")
}

// Unverified is Repository for a server whose certificate, whatever it is, is
// accepted, unless AlwaysVerify says otherwise. What was read so is kept apart from
// what a verified server said.
func (c *Client) Unverified(repoURL string) (*Repository, error) {
	if c.opts.AlwaysVerify != nil && c.opts.AlwaysVerify(repoURL) {
		return c.Repository(repoURL)
	}
	return c.repository(repoURL, c.lax, "unverified ")
}

func (c *Client) repository(repoURL string, via *http.Client, mark string) (*Repository, error) {
	u, err := c.checkURL(repoURL)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.repos.Get(mark + u); ok {
		return r, nil
	}
	r := newRepository(&remote{client: c, http: via, url: u, base: u, filter: filterTrees}, c.opts.CacheBytes)
	c.repos.Add(mark+u, r)
	return r, nil
}

func (c *Client) checkURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's message repeats the text, which may hold a password.
		return "", errors.New("repository URL is malformed")
	}
	switch {
	case u.User != nil:
		return "", fmt.Errorf("repository URL of host %q: credentials do not belong in a URL", u.Hostname())
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("repository URL %q: scheme must be https", u.Redacted())
	case u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("repository URL %q: want https://host/path", u.Redacted())
	case u.Scheme == "http" && !c.opts.AllowHTTP(u.Hostname()):
		return "", fmt.Errorf("repository URL %q: unencrypted http is not allowed for this host", u.Redacted())
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// checkRedirect keeps a repository on its host: a renamed repository moves to
// another path of the same host, and credentials must never go elsewhere.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	switch {
	case len(via) >= 5:
		return errors.New("too many redirects")
	case req.URL.Scheme == from.Scheme && req.URL.Host == from.Host:
	case from.Scheme == "http" && req.URL.Scheme == "https" && req.URL.Hostname() == from.Hostname():
	default:
		return fmt.Errorf("redirect to another host (%s) refused", req.URL.Hostname())
	}
	return nil
}
