package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/tree"
	"github.com/kargo-app/kargo/store"
)

// maxTaskSize bounds a task's file, as that of .kargo.yaml is.
const maxTaskSize = 1 << 20

// tasks reads promotion tasks of other repositories.
type tasks struct {
	repos    repositories
	known    knownRepos
	cloneURL func(pipeline.Repo) string
}

// knownRepos finds what the App serves.
type knownRepos interface {
	RepoByName(ctx context.Context, owner, name string) (store.RepoRecord, error)
}

var _ reconcile.Tasks = tasks{}

// Task implements reconcile.Tasks.
func (t tasks) Task(ctx context.Context, r store.RepoRecord, ref string) (data []byte, commit string, err error) {
	at, err := parseTaskRef(ref)
	if err != nil {
		return nil, "", err
	}
	if err := t.mayRead(ctx, r, at.repo); err != nil {
		return nil, "", err
	}
	repo, err := t.repos.Repository(t.cloneURL(at.repo))
	if err != nil {
		return nil, "", err
	}
	h, err := resolve(ctx, repo, at.ref)
	switch {
	case errors.Is(err, gitrepo.ErrNotFound), errors.Is(err, gitrepo.ErrDenied):
		return nil, "", unreadable(at.repo)
	case errors.Is(err, gitrepo.ErrRefNotFound):
		return nil, "", &pipeline.UserError{Message: fmt.Sprintf("%s has no branch, tag or commit %q", at.repo, at.ref)}
	case err != nil:
		return nil, "", fmt.Errorf("resolve %s in %s: %w", at.ref, at.repo, err)
	}
	c, err := repo.Commit(ctx, h)
	if errors.Is(err, gitrepo.ErrNoObject) {
		return nil, "", &pipeline.UserError{Message: fmt.Sprintf("%s has no branch, tag or commit %q", at.repo, at.ref)}
	}
	if err != nil {
		return nil, "", fmt.Errorf("read commit %s of %s: %w", h, at.repo, err)
	}
	data, err = tree.NewFS(repo, c.Tree).ReadFile(ctx, at.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", &pipeline.UserError{Message: fmt.Sprintf("%s has no file %s at %s", at.repo, at.path, at.ref)}
	case err != nil:
		return nil, "", fmt.Errorf("read %s of %s at %s: %w", at.path, at.repo, h, err)
	case len(data) > maxTaskSize:
		return nil, "", &pipeline.UserError{Message: fmt.Sprintf("%s of %s is larger than a task may be", at.path, at.repo)}
	}
	return data, h.String(), nil
}

// mayRead keeps a pipeline from reading, through the App, what belongs to others:
// the App can read every private repository that it is installed on, whoever owns
// it.
func (t tasks) mayRead(ctx context.Context, r store.RepoRecord, from pipeline.Repo) error {
	known, err := t.known.RepoByName(ctx, from.Owner, from.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is read anonymously
	}
	if err != nil {
		return fmt.Errorf("look for %s: %w", from, err)
	}
	if known.Private && known.Installation != r.Installation {
		return unreadable(from)
	}
	return nil
}

// unreadable says the same of what does not exist and of what is private.
func unreadable(r pipeline.Repo) error {
	return &pipeline.UserError{
		Message: fmt.Sprintf("%s cannot be read from here", r),
		Hint:    "a task comes from a public repository or from one that the same installation of the App serves",
	}
}

// taskRef is a parsed "org/repo//path@ref".
type taskRef struct {
	repo      pipeline.Repo
	path, ref string
}

var taskRefForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]*)/([A-Za-z0-9._-]+)//([^@]+)@(.+)$`)

func parseTaskRef(s string) (taskRef, error) {
	m := taskRefForm.FindStringSubmatch(s)
	if m == nil || !fs.ValidPath(strings.TrimPrefix(m[3], "/")) {
		return taskRef{}, &pipeline.UserError{Message: fmt.Sprintf("%q is not the place of a task", s), Hint: "org/repo//path@ref"}
	}
	return taskRef{repo: pipeline.Repo{Owner: m[1], Name: m[2]}, path: m[3], ref: m[4]}, nil
}

// resolve returns the commit that a branch, a tag or the full id of a commit names,
// in this order, or gitrepo.ErrRefNotFound.
func resolve(ctx context.Context, repo *gitrepo.Repository, ref string) (tree.Hash, error) {
	h, err := repo.ResolveBranch(ctx, ref)
	if !errors.Is(err, gitrepo.ErrRefNotFound) {
		return h, err
	}
	h, err = repo.ResolveTag(ctx, ref)
	if !errors.Is(err, gitrepo.ErrRefNotFound) {
		return h, err
	}
	if id, parseErr := tree.ParseHash(ref); parseErr == nil {
		return id, nil
	}
	return tree.Hash{}, err
}
