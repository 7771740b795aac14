package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

var _ discover.Charts = (*Client)(nil)

const (
	// maxIndex bounds an index.yaml. The largest public ones have some 20 MiB; it is
	// read as a stream, of which only one chart's versions are kept.
	maxIndex     = 64 << 20
	maxRedirects = 5
	// maxIndexes is how many listings are remembered with their ETags.
	maxIndexes = 512
)

// indexKey names a remembered listing. Who asked is part of it: repositories may
// show different charts to different people.
type indexKey struct {
	owner, url, chart string
	skipTLSVerify     bool
}

type indexEntry struct {
	etag, modified string
	versions       []string
}

// Versions implements discover.Charts: the tags of an OCI repository, or what the
// index.yaml of a classic one lists. An index that has not changed since it was last
// read is not sent again, if its server says so.
func (c *Client) Versions(ctx context.Context, r discover.ChartRepository) ([]string, error) {
	if oci, ok := strings.CutPrefix(r.URL, "oci://"); ok {
		return c.tags(ctx, pipeline.ChartArtifact, discover.Repository{URL: oci, SkipTLSVerify: r.SkipTLSVerify})
	}
	u, err := classic(r.URL)
	if err != nil {
		return nil, err
	}
	if r.Name == "" {
		return nil, &pipeline.UserError{
			Message: fmt.Sprintf("chart repository %s may have many charts", bare(u)), Hint: "name one with name:",
		}
	}
	versions, err := c.index(ctx, u, r.Name, r.SkipTLSVerify)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return versions, err
}

// classic parses the address of a classic repository.
func classic(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, &pipeline.UserError{
			Message: fmt.Sprintf("%q is not the address of a chart repository", printable(bareString(address))),
			Hint:    "write https://HOST/PATH with the chart's name beside it, or oci://HOST/PATH; credentials do not belong there",
		}
	}
	return u, nil
}

// index reads the versions of one chart from a classic repository.
func (c *Client) index(ctx context.Context, repo *url.URL, chart string, skipTLSVerify bool) ([]string, error) {
	at := indexOf(repo)
	req, err := c.request(ctx, at, repo)
	if err != nil {
		return nil, err
	}
	key := indexKey{c.owner, at.String(), chart, skipTLSVerify}
	known, ok := c.recall(key)
	if ok {
		setUnlessEmpty(req.Header, "If-None-Match", known.etag)
		setUnlessEmpty(req.Header, "If-Modified-Since", known.modified)
	}
	resp, err := c.http(repo, maxIndex, skipTLSVerify).Do(req)
	if err != nil {
		return nil, explainChart(err, repo)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	switch {
	case resp.StatusCode == http.StatusNotModified && ok:
		return slices.Clone(known.versions), nil
	case resp.StatusCode != http.StatusOK:
		return nil, explainIndexStatus(resp, repo)
	}
	versions, err := chartVersions(resp.Body, chart)
	if err != nil {
		return nil, fmt.Errorf("chart repository %s: index.yaml: %w", bare(repo), safe(err))
	}
	c.keep(key, indexEntry{etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified"), versions: versions})
	return slices.Clone(versions), nil
}

// indexOf is the address of a repository's index.
func indexOf(repo *url.URL) *url.URL {
	at := *repo
	at.Path, at.RawPath, at.Fragment = strings.TrimSuffix(repo.Path, "/")+"/index.yaml", "", ""
	return &at
}

// request asks for something of a repository, with the credentials for it.
func (c *Client) request(ctx context.Context, at, repo *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("chart repository %s: %w", bare(repo), err)
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if at.Host != repo.Host || at.Scheme != repo.Scheme {
		return req, nil
	}
	return req, c.authenticate(ctx, req, repo)
}

// http returns a client whose answers have a limit, in bytes.
func (c *Client) http(repo *url.URL, limit int64, skipTLSVerify bool) *http.Client {
	next := c.secure
	if skipTLSVerify {
		next = laxFor{host: repo.Host, lax: c.lax, secure: c.secure}
	}
	return &http.Client{
		Transport:     &carrier{client: c, next: next, scheme: repo.Scheme, limit: limit},
		CheckRedirect: checkRedirect,
	}
}

// authenticate adds the credentials that are known for a repository. net/http drops
// them when a redirect leads to another host.
func (c *Client) authenticate(ctx context.Context, req *http.Request, repo *url.URL) error {
	auth, err := authn.Resolve(ctx, c.charts, chartResource{repo})
	if err != nil {
		return explainKeychain(err, repo.Host)
	}
	login, err := authn.Authorization(ctx, auth)
	if err != nil {
		return explainKeychain(err, repo.Host)
	}
	switch {
	case login.Username != "" || login.Password != "":
		req.SetBasicAuth(login.Username, login.Password)
	case login.RegistryToken != "":
		req.Header.Set("Authorization", "Bearer "+login.RegistryToken)
	}
	return nil
}

// chartResource is a classic repository as keychains look one up.
type chartResource struct{ url *url.URL }

func (r chartResource) String() string {
	return strings.TrimSuffix(r.url.Host+r.url.EscapedPath(), "/")
}

func (r chartResource) RegistryStr() string { return r.url.Host }

func (c *Client) recall(key indexKey) (indexEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.indexes[key]
	return e, ok
}

// keep remembers a listing that its server can tell to be current.
func (c *Client) keep(key indexKey, e indexEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.etag == "" && e.modified == "" {
		delete(c.indexes, key)
		return
	}
	if len(c.indexes) >= maxIndexes {
		clear(c.indexes)
	}
	c.indexes[key] = e
}

func setUnlessEmpty(h http.Header, key, value string) {
	if value != "" {
		h.Set(key, value)
	}
}

func checkRedirect(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

func explainIndexStatus(resp *http.Response, repo *url.URL) error {
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return &pipeline.UserError{
			Message: fmt.Sprintf("there is no chart repository at %s: it has no index.yaml, or hides it", bare(repo)),
			Hint:    "check the address; a chart in an OCI registry is written oci://HOST/PATH",
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &pipeline.UserError{
			Message: fmt.Sprintf("chart repository %s refused access", bare(repo)), Hint: credentialsHint,
		}
	}
	return fmt.Errorf("chart repository %s answered %s", bare(repo), printable(resp.Status))
}

func explainChart(err error, repo *url.URL) error {
	var (
		transient *pipeline.TransientError
		refusal   *pipeline.UserError
	)
	switch {
	case errors.As(err, &transient):
		return &pipeline.TransientError{RetryAfter: transient.RetryAfter, Err: fmt.Errorf("chart repository %s: %w", bare(repo), safe(transient.Err))}
	case errors.As(err, &refusal):
		return refusal
	case unknownHost(err):
		return &pipeline.UserError{Message: "chart repository " + repo.Host + " does not exist: its name has no address", Err: safe(err)}
	case errors.Is(err, context.DeadlineExceeded):
		return &pipeline.TransientError{RetryAfter: time.Minute, Err: fmt.Errorf("chart repository %s: %w", bare(repo), safe(err))}
	}
	return fmt.Errorf("chart repository %s: %w", bare(repo), safe(err))
}

// bareString drops what may be a password from an address that is not one.
func bareString(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}
