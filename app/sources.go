package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/pipeline/tree"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// repositories opens Git repositories by the address that a pipeline gives.
type repositories interface {
	Repository(repoURL string) (*gitrepo.Repository, error)
	// Unverified does so without verifying the server's certificate.
	Unverified(repoURL string) (*gitrepo.Repository, error)
}

func openRepository(repos repositories, repoURL string, skipTLSVerify bool) (*gitrepo.Repository, error) {
	if skipTLSVerify {
		return repos.Unverified(repoURL)
	}
	return repos.Repository(repoURL)
}

// commits shows Git repositories to discovery.
type commits struct{ repos repositories }

var _ discover.Commits = commits{}

// Head implements discover.Commits.
func (c commits) Head(ctx context.Context, at discover.Repository, branch string) (string, error) {
	r, err := openRepository(c.repos, at.URL, at.SkipTLSVerify)
	if err != nil {
		return "", err
	}
	var h tree.Hash
	if branch == "" {
		branch, h, err = headOf(ctx, r)
	} else {
		h, err = resolveBranch(ctx, r, branch)
	}
	switch {
	case err != nil:
		return "", absent(err)
	case h.IsZero():
		return "", fmt.Errorf("branch %s has no commit: %w", branch, discover.ErrNotFound)
	}
	return h.String(), nil
}

// headOf returns the default branch and its commit. A clone whose HEAD is
// detached, as CI makes them, has "HEAD" for one.
func headOf(ctx context.Context, r *gitrepo.Repository) (string, tree.Hash, error) {
	branch, h, err := r.DefaultBranch(ctx)
	if !errors.Is(err, gitrepo.ErrRefNotFound) {
		return branch, h, err
	}
	ref, detachedErr := r.ResolveRef(ctx, "HEAD")
	if detachedErr != nil {
		return "", h, err
	}
	return "HEAD", ref.Hash, nil
}

// resolveBranch also finds a branch that a local clone has only as its origin's.
func resolveBranch(ctx context.Context, r *gitrepo.Repository, branch string) (tree.Hash, error) {
	h, err := r.ResolveBranch(ctx, branch)
	if errors.Is(err, gitrepo.ErrRefNotFound) {
		if ref, remoteErr := r.ResolveRef(ctx, "refs/remotes/origin/"+branch); remoteErr == nil {
			return ref.Hash, nil
		}
	}
	return h, err
}

// Log implements discover.Commits.
func (c commits) Log(ctx context.Context, at discover.Repository, from string, limit int) ([]discover.Commit, error) {
	r, h, err := c.at(at, from)
	if err != nil {
		return nil, err
	}
	log, err := r.Log(ctx, h, limit)
	if err != nil {
		return nil, absent(err)
	}
	out := make([]discover.Commit, len(log))
	for i, e := range log {
		out[i] = commit(e)
	}
	return out, nil
}

// Tags implements discover.Commits.
func (c commits) Tags(ctx context.Context, at discover.Repository) ([]discover.Tag, error) {
	r, err := openRepository(c.repos, at.URL, at.SkipTLSVerify)
	if err != nil {
		return nil, err
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return nil, absent(err)
	}
	out := make([]discover.Tag, len(tags))
	for i, t := range tags {
		out[i] = discover.Tag{Name: t.Name, ID: t.Target.String()}
	}
	return out, nil
}

// Describe implements discover.Commits.
func (c commits) Describe(ctx context.Context, at discover.Repository, tags []discover.Tag) ([]discover.Tag, error) {
	r, err := openRepository(c.repos, at.URL, at.SkipTLSVerify)
	if err != nil {
		return nil, err
	}
	all, err := r.Tags(ctx)
	if err != nil {
		return nil, absent(err)
	}
	wanted := make(map[string]bool, len(tags))
	for _, t := range tags {
		wanted[t.Name] = true
	}
	var some []gitrepo.Tag
	for _, t := range all {
		if wanted[t.Name] {
			some = append(some, t)
		}
	}
	described, err := r.Describe(ctx, some)
	if err != nil {
		return nil, absent(err)
	}
	out := make([]discover.Tag, 0, len(described))
	for _, t := range described {
		out = append(out, describedTag(t))
	}
	return out, nil
}

// Changed implements discover.Commits.
func (c commits) Changed(ctx context.Context, at discover.Repository, base, head string) ([]string, error) {
	r, h, err := c.at(at, head)
	if err != nil {
		return nil, err
	}
	to, err := r.Commit(ctx, h)
	if err != nil {
		return nil, absent(err)
	}
	var from gitrepo.Commit
	if base != "" {
		b, err := tree.ParseHash(base)
		if err != nil {
			return nil, err
		}
		if from, err = r.Commit(ctx, b); err != nil {
			return nil, absent(err)
		}
	}
	changes, err := r.ChangedPaths(ctx, from.Tree, to.Tree)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(changes))
	for i, ch := range changes {
		paths[i] = ch.Path
	}
	return paths, nil
}

func (c commits) at(at discover.Repository, id string) (*gitrepo.Repository, tree.Hash, error) {
	r, err := openRepository(c.repos, at.URL, at.SkipTLSVerify)
	if err != nil {
		return nil, tree.Hash{}, err
	}
	h, err := tree.ParseHash(id)
	return r, h, err
}

func absent(err error) error {
	if errors.Is(err, gitrepo.ErrRefNotFound) || errors.Is(err, gitrepo.ErrNoObject) {
		return fmt.Errorf("%w: %w", discover.ErrNotFound, err)
	}
	return err
}

func commit(c gitrepo.Commit) discover.Commit {
	out := discover.Commit{
		ID: c.Hash.String(), Message: c.Message,
		Author: person(c.Author), Committer: person(c.Committer), CommittedAt: c.Committer.When,
	}
	for _, p := range c.Parents {
		out.Parents = append(out.Parents, p.String())
	}
	return out
}

func describedTag(t gitrepo.Tag) discover.Tag {
	out := discover.Tag{Name: t.Name, ID: t.Target.String(), CreatedAt: t.Commit.Committer.When, Commit: commit(t.Commit)}
	if t.Annotated() {
		out.CreatedAt, out.Tagger, out.Annotation = t.Tagger.When, person(t.Tagger), t.Message
	}
	return out
}

func person(s gitrepo.Signature) string {
	if s.Name == "" && s.Email == "" {
		return ""
	}
	return fmt.Sprintf("%s <%s>", s.Name, s.Email)
}

// tagCache keeps what NewestBuild learned about tags.
type tagCache struct{ db *sqlite.DB }

var _ discover.TagCache = tagCache{}

// Builds implements discover.TagCache.
func (t tagCache) Builds(ctx context.Context, repoURL string, tags []string) (map[string]discover.Build, error) {
	records, err := t.db.Tags(ctx, repoURL, tags)
	if err != nil {
		return nil, err
	}
	builds := make(map[string]discover.Build, len(records))
	for tag, rec := range records {
		var b discover.Build
		if err := json.Unmarshal(rec.Data, &b); err != nil {
			continue // written by another version: asked for again
		}
		builds[tag] = b
	}
	return builds, nil
}

// PutBuilds implements discover.TagCache.
func (t tagCache) PutBuilds(ctx context.Context, repoURL string, builds []discover.Build) error {
	records := make([]store.TagRecord, len(builds))
	for i, b := range builds {
		data, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("encode build of %s:%s: %w", repoURL, b.Tag, err)
		}
		records[i] = store.TagRecord{Tag: b.Tag, Digest: b.Digest, Created: b.CreatedAt, Data: data}
	}
	return t.db.PutTags(ctx, repoURL, records)
}

// sourceDiscoverer discovers for one repository at a time, with its own accounts.
type sourceDiscoverer struct {
	base     discover.Discoverer
	accounts *accounts
	cloneURL func(pipeline.Repo) string
}

// Discover implements reconcile.Discoverer.
func (d sourceDiscoverer) Discover(ctx context.Context, r store.RepoRecord, w pipeline.Warehouse, known discover.Previous) (pipeline.Discovery, error) {
	artifacts, repos, err := d.accounts.of(ctx, r.ID)
	if err != nil {
		return pipeline.Discovery{}, fmt.Errorf("accounts of %s: %w", r.Repo, err)
	}
	one := d.base
	one.RepoURL, one.Images, one.Charts, one.Commits = d.cloneURL(r.Repo), artifacts, artifacts, commits{repos: repos}
	return one.Discover(ctx, w, known)
}
