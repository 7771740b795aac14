package ghapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/kargo-app/kargo/pipeline"
)

// ErrSuspended means that the owner suspended the App's installation. It is a
// pause and not a failure, so it comes inside a *pipeline.TransientError.
var ErrSuspended = errors.New("the App's installation is suspended")

// errNotGranted means that the installation lacks a permission.
var errNotGranted = errors.New("the installation does not grant the permission")

// suspendedPause is how long work of a suspended installation rests.
const suspendedPause = 5 * time.Minute

// scope is what a token is for.
type scope int

const (
	// scopeRepo reaches one repository, with what Promotions need.
	scopeRepo scope = iota
	// scopeMembers asks about teams; tokens narrowed to a repository get 404 for
	// the organisation's resources.
	scopeMembers
	// scopeList lists the installation's repositories.
	scopeList
)

// tokenKey names a token. With repoID 0 the token is narrowed by repository name.
type tokenKey struct {
	installation, repoID int64
	repo                 string // lower-case owner/name, for scopeRepo
	scope                scope
}

// String tells apart whose answers are cached.
func (k tokenKey) String() string {
	return fmt.Sprintf("%d/%d/%s/%d", k.installation, k.repoID, k.repo, k.scope)
}

func (k tokenKey) options(narrow bool) *github.InstallationTokenOptions {
	o := &github.InstallationTokenOptions{}
	if k.scope == scopeRepo {
		if k.repoID != 0 {
			o.RepositoryIDs = []int64{k.repoID}
		} else {
			_, name, _ := strings.Cut(k.repo, "/")
			o.Repositories = []string{name}
		}
	}
	if narrow {
		o.Permissions = k.permissions()
	}
	return o
}

func (k tokenKey) permissions() *github.InstallationPermissions {
	read, write := github.String("read"), github.String("write")
	switch k.scope {
	case scopeMembers:
		return &github.InstallationPermissions{Members: read}
	case scopeList:
		return &github.InstallationPermissions{Metadata: read}
	default:
		return &github.InstallationPermissions{
			Metadata: read, Contents: write, PullRequests: write, Issues: write, Checks: write, Statuses: read, Deployments: write,
			Actions: write,
		}
	}
}

// tokens mints and keeps installation tokens, one mint at a time for each key.
type tokens struct {
	opts   Options
	host   host
	wire   http.RoundTripper
	minted *lru.Cache[tokenKey, *ghinstallation.Transport]
	// wide remembers installations that lack a permission of the usual set.
	wide *lru.Cache[string, bool]
}

const keptTokens = 4096

func newTokens(o Options, h host, wire http.RoundTripper) *tokens {
	// Only a non-positive size is an error.
	minted, _ := lru.New[tokenKey, *ghinstallation.Transport](keptTokens)
	wide, _ := lru.New[string, bool](keptTokens)
	return &tokens{opts: o, host: h, wire: wire, minted: minted, wide: wide}
}

// get returns a token that lives for at least another minute, and what to drop
// when GitHub does not take it.
func (t *tokens) get(ctx context.Context, k tokenKey) (string, *ghinstallation.Transport, error) {
	from := t.minter(k)
	token, err := from.Token(ctx)
	if mintStatus(err) == http.StatusUnprocessableEntity && k.scope == scopeRepo && from.InstallationTokenOptions.Permissions != nil {
		// The App was registered, or accepted, with fewer permissions than it uses:
		// take what there is, still for this repository only.
		t.drop(k, from)
		from = t.keep(k, t.newMinter(k, false))
		if token, err = from.Token(ctx); err == nil {
			t.wide.Add(k.wideKey(), true)
		}
	}
	if err != nil {
		t.drop(k, from)
		return "", nil, mintError(k, err)
	}
	return token, from, nil
}

func (k tokenKey) wideKey() string { return fmt.Sprintf("%d/%d", k.installation, k.scope) }

func (t *tokens) minter(k tokenKey) *ghinstallation.Transport {
	if m, ok := t.minted.Get(k); ok {
		return m
	}
	return t.keep(k, t.newMinter(k, !t.wide.Contains(k.wideKey())))
}

func (t *tokens) newMinter(k tokenKey, narrow bool) *ghinstallation.Transport {
	// ghinstallation writes to the App's transport while it mints, so that it
	// cannot be shared.
	m := ghinstallation.NewFromAppsTransport(ghinstallation.NewAppsTransportFromPrivateKey(t.wire, t.opts.AppID, t.opts.PrivateKey), k.installation)
	m.BaseURL = strings.TrimRight(t.host.rest.String(), "/")
	m.InstallationTokenOptions = k.options(narrow)
	return m
}

// keep returns m, or the minter that somebody else kept first.
func (t *tokens) keep(k tokenKey, m *ghinstallation.Transport) *ghinstallation.Transport {
	if earlier, ok, _ := t.minted.PeekOrAdd(k, m); ok {
		return earlier
	}
	return m
}

// drop forgets a token, unless a newer one took its place.
func (t *tokens) drop(k tokenKey, m *ghinstallation.Transport) {
	if now, ok := t.minted.Peek(k); ok && now == m {
		t.minted.Remove(k)
	}
}

// InstallationChanged drops what is remembered of an installation. Handlers call
// it when GitHub says that its repositories, permissions or state changed.
func (a *App) InstallationChanged(installation int64) {
	for _, k := range a.tokens.minted.Keys() {
		if k.installation == installation {
			a.tokens.minted.Remove(k)
			a.tokens.wide.Remove(k.wideKey())
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for slug, r := range a.resolved {
		if r.installation == installation || r.instead == installation {
			delete(a.resolved, slug)
		}
	}
}

func mintStatus(err error) int {
	var he *ghinstallation.HTTPError
	if errors.As(err, &he) && he.Response != nil {
		return he.Response.StatusCode
	}
	return 0
}

func mintError(k tokenKey, err error) error {
	doing := fmt.Sprintf("token of installation %d", k.installation)
	var he *ghinstallation.HTTPError
	if !errors.As(err, &he) || he.Response == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var body struct {
		Message string `json:"message"`
	}
	// A body that is not JSON leaves the message empty.
	_ = json.NewDecoder(he.Response.Body).Decode(&body)
	switch code := he.Response.StatusCode; {
	case code == http.StatusForbidden && strings.Contains(body.Message, "suspended"):
		return fmt.Errorf("%s: %w", doing, suspended())
	case code == http.StatusNotFound, code == http.StatusUnprocessableEntity && strings.Contains(body.Message, "repository"):
		// 422: the installation no longer reaches the repository.
		return fmt.Errorf("%s: %w", doing, ErrNotInstalled)
	case code == http.StatusUnprocessableEntity:
		return fmt.Errorf("%s: %w: %s", doing, errNotGranted, body.Message)
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%s: GitHub does not take the App's signature (%s): check the App id, the private key and the clock", doing, body.Message)
	default:
		return fmt.Errorf("%s: GitHub answered %d: %s", doing, code, body.Message)
	}
}

func suspended() error {
	return &pipeline.TransientError{RetryAfter: suspendedPause, Err: ErrSuspended}
}
