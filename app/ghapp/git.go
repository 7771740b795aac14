package ghapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Git reads repositories object by object and writes commits through REST.
type Git struct {
	app   *App
	repos *gitrepo.Client
}

var _ step.Git = (*Git)(nil)

// Git returns the port over a reader, which must have been made with the options
// that [App.ReaderOptions] filled in.
func (a *App) Git(repos *gitrepo.Client) *Git { return &Git{app: a, repos: repos} }

// ReaderOptions sets what a gitrepo.Client needs to read as the App: credentials
// for the repositories of this host that have the App, none for others, and
// unencrypted http only with this machine or with a server configured so. The
// certificate of this host is always verified, because the App's tokens go there.
func (a *App) ReaderOptions(o gitrepo.Options) gitrepo.Options {
	o.Credentials = a.Credentials
	o.AllowHTTP = a.host.allowHTTP
	o.AlwaysVerify = a.host.is
	o.UserAgent = a.opts.UserAgent
	return o
}

// Credentials implements gitrepo.CredentialsFunc. A repository of another host,
// and one that does not have the App, is read anonymously.
func (a *App) Credentials(ctx context.Context, repoURL string) (username, password string, err error) {
	owner, name, ok := a.host.split(repoURL)
	if !ok {
		return "", "", nil
	}
	key, err := a.keyFor(ctx, owner, name)
	if errors.Is(err, ErrNotInstalled) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	token, _, err := a.token(ctx, key)
	if errors.Is(err, ErrNotInstalled) {
		a.forget(owner, name)
		return "", "", nil
	}
	return "x-access-token", token, err
}

// renew drops the token that a repository was read with.
func (a *App) renew(ctx context.Context, repoURL string) {
	owner, name, ok := a.host.split(repoURL)
	if !ok {
		return
	}
	if key, err := a.keyFor(ctx, owner, name); err == nil {
		a.tokens.minted.Remove(key)
	}
}

// Checkout implements step.Git.
func (g *Git) Checkout(ctx context.Context, repoURL string, ref step.Ref) (*tree.Checkout, error) {
	var c *tree.Checkout
	err := g.readVia(ctx, repoURL, ref.SkipTLSVerify, func(r *gitrepo.Repository) (err error) {
		c, err = open(ctx, r, repoURL, ref)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check out: %w", err)
	}
	return c, nil
}

func open(ctx context.Context, r *gitrepo.Repository, repoURL string, ref step.Ref) (*tree.Checkout, error) {
	branch, head, err := resolve(ctx, r, ref)
	if err != nil {
		return nil, err
	}
	if head.IsZero() {
		return tree.NewCheckout(repoURL, branch, head, r, tree.Hash{}), nil
	}
	commit, err := r.Commit(ctx, head)
	if err != nil {
		return nil, err
	}
	return tree.NewCheckout(repoURL, branch, head, r, commit.Tree), nil
}

// resolve returns the branch, if it is one, and the commit of a reference.
func resolve(ctx context.Context, r *gitrepo.Repository, ref step.Ref) (branch string, head tree.Hash, err error) {
	switch {
	case ref.Commit != "":
		head, err = tree.ParseHash(ref.Commit)
	case ref.Tag != "":
		head, err = r.ResolveTag(ctx, ref.Tag)
	case ref.Branch != "":
		branch = ref.Branch
		head, err = r.ResolveBranch(ctx, ref.Branch)
	default:
		branch, head, err = r.DefaultBranch(ctx)
	}
	return branch, head, err
}

// read performs a read with the errors of the port: an absent reference or
// object is step.ErrNotFound, an absent repository is not, because a step may
// answer the former by starting a branch.
func (g *Git) read(ctx context.Context, repoURL string, do func(*gitrepo.Repository) error) error {
	return g.readVia(ctx, repoURL, false, do)
}

func (g *Git) readVia(ctx context.Context, repoURL string, skipTLSVerify bool, do func(*gitrepo.Repository) error) error {
	r, err := g.open(repoURL, skipTLSVerify)
	if err != nil {
		return err
	}
	err = do(r)
	if errors.Is(err, gitrepo.ErrDenied) {
		g.app.renew(ctx, repoURL)
		err = do(r)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, gitrepo.ErrRefNotFound) || errors.Is(err, gitrepo.ErrNoObject) {
		return fmt.Errorf("%w: %w", step.ErrNotFound, err)
	}
	return readFault(ctx, err)
}

// open names the repository the way this host does, so that it is cached once.
func (g *Git) open(repoURL string, skipTLSVerify bool) (*gitrepo.Repository, error) {
	if owner, name, ok := g.app.host.split(repoURL); ok {
		repoURL = g.app.host.git(owner, name)
	}
	if skipTLSVerify {
		return g.repos.Unverified(repoURL)
	}
	return g.repos.Repository(repoURL)
}

// readFault marks what says nothing about the repository.
func readFault(ctx context.Context, err error) error {
	if _, ok := pipeline.IsTransient(err); ok || ctx.Err() != nil {
		return err
	}
	var answer *gitrepo.HTTPError
	if errors.As(err, &answer) {
		if answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusTooManyRequests {
			return &pipeline.TransientError{Err: err}
		}
		return err
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &pipeline.TransientError{Err: err}
	}
	return err
}

// DeleteBranch implements step.Git.
func (g *Git) DeleteBranch(ctx context.Context, repoURL, branch string) error {
	r, err := g.app.onURL(ctx, repoURL)
	if err != nil {
		return fmt.Errorf("delete branch %s: %w", branch, err)
	}
	_, err = r.do(ctx, http.MethodDelete, r.refPath(branch), nil, nil)
	switch status(err) {
	case http.StatusUnprocessableEntity, http.StatusNotFound:
		// GitHub answers 422 for a branch that is gone, and for one that must stay;
		// neither is a reason to fail a Promotion that is over.
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete branch %s: %w", branch, err)
	}
	return nil
}

// refPath is the path of a branch's reference; GitHub wants its slashes bare.
func (r *rest) refPath(branch string) string {
	return r.path("/git/refs/heads/") + (&url.URL{Path: branch}).EscapedPath()
}
