package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrNotInstalled means that the App is not installed on a repository, or that
// the repository does not exist; GitHub does not say which.
var ErrNotInstalled = errors.New("the App is not installed on the repository")

// resolution is an answer of GitHub, kept for a while.
type resolution struct {
	installation int64
	// instead is the installation that this one took the place of, if any.
	instead int64
	until   time.Time
}

const (
	keepResolution = 10 * time.Minute
	maxResolutions = 10_000
)

// keyFor returns whose token reaches a repository.
func (a *App) keyFor(ctx context.Context, owner, name string) (tokenKey, error) {
	if !isName(owner) || !isName(name) {
		return tokenKey{}, fmt.Errorf("%q is not a repository name", owner+"/"+name)
	}
	installation, repoID, err := a.opts.Installations(ctx, owner, name)
	if err != nil {
		return tokenKey{}, fmt.Errorf("installation of %s/%s: %w", owner, name, err)
	}
	if installation == 0 {
		if installation, err = a.resolve(ctx, owner, name); err != nil {
			return tokenKey{}, err
		}
		repoID = 0
	}
	slug := strings.ToLower(owner + "/" + name)
	a.mu.Lock()
	if r, ok := a.resolved[slug]; ok && r.instead == installation && a.opts.Now().Before(r.until) {
		installation = r.installation
	}
	a.mu.Unlock()
	return tokenKey{installation: installation, repoID: repoID, repo: slug, scope: scopeRepo}, nil
}

// token returns a token of key and how to drop it. An installation that is gone
// may have been replaced: the owner removed the App and installed it again, or the
// repository was transferred.
func (a *App) token(ctx context.Context, key tokenKey) (token string, drop func(), err error) {
	token, from, err := a.tokens.get(ctx, key)
	if err != nil {
		err = &unsentError{err}
	}
	if errors.Is(err, ErrNotInstalled) && key.scope == scopeRepo {
		owner, name, _ := strings.Cut(key.repo, "/")
		a.forget(owner, name)
		now, resolveErr := a.resolve(ctx, owner, name)
		if resolveErr != nil || now == key.installation {
			return "", nil, err
		}
		a.replace(key, now)
		key.installation = now
		token, from, err = a.tokens.get(ctx, key)
	}
	return token, func() { a.tokens.drop(key, from) }, err
}

// replace remembers that an installation that others still name has a successor.
func (a *App) replace(key tokenKey, now int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.resolved[key.repo]
	r.instead = key.installation
	r.installation = now
	a.resolved[key.repo] = r
}

// resolve asks GitHub which installation serves a repository.
func (a *App) resolve(ctx context.Context, owner, name string) (int64, error) {
	slug := strings.ToLower(owner + "/" + name)
	a.mu.Lock()
	r, ok := a.resolved[slug]
	a.mu.Unlock()
	if ok && a.opts.Now().Before(r.until) {
		return r.installation, nil
	}
	var found struct {
		ID int64 `json:"id"`
	}
	_, err := a.jwt.do(ctx, http.MethodGet, fmt.Sprintf("repos/%s/%s/installation", owner, name), nil, &found)
	if status(err) == http.StatusNotFound {
		return 0, fmt.Errorf("%s/%s: %w", owner, name, ErrNotInstalled)
	}
	if err != nil {
		return 0, fmt.Errorf("installation of %s/%s: %w", owner, name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.resolved) >= maxResolutions {
		clear(a.resolved)
	}
	a.resolved[slug] = resolution{installation: found.ID, until: a.opts.Now().Add(keepResolution)}
	return found.ID, nil
}

// forget drops what GitHub said about a repository's installation.
func (a *App) forget(owner, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.resolved, strings.ToLower(owner+"/"+name))
}
