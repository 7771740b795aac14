package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/tree"
	"github.com/kargo-app/kargo/store"
)

// configFile is where a repository declares its pipeline.
const configFile = ".kargo.yaml"

// files reads configuration out of repositories.
type files struct {
	repos    repositories
	cloneURL func(pipeline.Repo) string
}

var _ reconcile.Files = files{}

// Head implements reconcile.Files. The branch is the one that GitHub named, else
// the one that Git names.
func (f files) Head(ctx context.Context, r store.RepoRecord) (string, error) {
	repo, err := f.repos.Repository(f.cloneURL(r.Repo))
	if err != nil {
		return "", err
	}
	if r.DefaultBranch != "" {
		h, err := repo.ResolveBranch(ctx, r.DefaultBranch)
		if err == nil {
			return h.String(), nil
		}
		if !errors.Is(err, gitrepo.ErrRefNotFound) {
			return "", err
		}
	}
	_, h, err := repo.DefaultBranch(ctx)
	if errors.Is(err, gitrepo.ErrRefNotFound) || (err == nil && h.IsZero()) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return h.String(), nil
}

// Config implements reconcile.Files.
func (f files) Config(ctx context.Context, r store.RepoRecord, commit string) (data []byte, blob string, err error) {
	repo, err := f.repos.Repository(f.cloneURL(r.Repo))
	if err != nil {
		return nil, "", err
	}
	return readConfig(ctx, repo, commit)
}

// List implements reconcile.Files.
func (f files) List(ctx context.Context, r store.RepoRecord, commit string, globs []string) ([]reconcile.FileRef, error) {
	fsys, err := f.at(ctx, r, commit)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, glob := range globs {
		paths, err := fsys.Glob(ctx, glob)
		if err != nil {
			return nil, fmt.Errorf("list %s at %s: %w", glob, commit, err)
		}
		for _, p := range paths {
			info, err := fsys.Lstat(ctx, p)
			if err != nil {
				return nil, fmt.Errorf("look at %s at %s: %w", p, commit, err)
			}
			if info.Mode.IsRegular() {
				found[p] = info.Hash.String()
			}
		}
	}
	refs := make([]reconcile.FileRef, 0, len(found))
	for _, p := range slices.Sorted(maps.Keys(found)) {
		refs = append(refs, reconcile.FileRef{Path: p, Blob: found[p]})
	}
	return refs, nil
}

// Read implements reconcile.Files.
func (f files) Read(ctx context.Context, r store.RepoRecord, commit string, paths []string) ([][]byte, error) {
	fsys, err := f.at(ctx, r, commit)
	if err != nil {
		return nil, err
	}
	if err := fsys.Prefetch(ctx, paths...); err != nil {
		return nil, fmt.Errorf("read files at %s: %w", commit, err)
	}
	all := make([][]byte, len(paths))
	for i, path := range paths {
		if all[i], err = fsys.ReadFile(ctx, path); err != nil {
			return nil, fmt.Errorf("read %s at %s: %w", path, commit, err)
		}
	}
	return all, nil
}

// at opens the files of a commit.
func (f files) at(ctx context.Context, r store.RepoRecord, commit string) (*tree.FS, error) {
	repo, err := f.repos.Repository(f.cloneURL(r.Repo))
	if err != nil {
		return nil, err
	}
	return openCommit(ctx, repo, commit)
}

func openCommit(ctx context.Context, repo *gitrepo.Repository, commit string) (*tree.FS, error) {
	h, err := tree.ParseHash(commit)
	if err != nil {
		return nil, err
	}
	c, err := repo.Commit(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", commit, err)
	}
	return tree.NewFS(repo, c.Tree), nil
}

func readConfig(ctx context.Context, repo *gitrepo.Repository, commit string) (data []byte, blob string, err error) {
	fsys, err := openCommit(ctx, repo, commit)
	if err != nil {
		return nil, "", err
	}
	data, err = fsys.ReadFile(ctx, configFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read %s at %s: %w", configFile, commit, err)
	}
	return data, tree.HashObject(tree.Blob, data).String(), nil
}
