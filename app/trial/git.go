package trial

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// git is [step.Git] over repositories on this machine and behind HTTP. Commits are
// in memory until they are pushed.
type git struct {
	remote *gitrepo.Client
	now    func() time.Time
	// dry leaves the repositories as they are.
	dry bool

	mu    sync.Mutex
	local map[string]*gitrepo.Repository
	// commits are those that were made and maybe not pushed.
	commits map[tree.Hash]commit
}

// commit is a commit that was made here, with the trees and files that came with it.
type commit struct {
	object  gitrepo.Object
	content []tree.Object
	parent  tree.Hash
}

var _ step.Git = (*git)(nil)

func newGit(remote *gitrepo.Client, now func() time.Time, dry bool) *git {
	return &git{remote: remote, now: now, dry: dry, local: map[string]*gitrepo.Repository{}, commits: map[tree.Hash]commit{}}
}

func (g *git) open(repoURL string) (*gitrepo.Repository, error) {
	dir, ok := localPath(repoURL)
	if !ok {
		if u, err := url.Parse(repoURL); err != nil || !strings.HasPrefix(u.Scheme, "http") {
			return nil, &step.PermanentError{Err: fmt.Errorf("repoURL %q: want http://, https://, file:// or a path on this machine", repoURL)}
		}
		return g.remote.Repository(repoURL)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.local[dir]; ok {
		return r, nil
	}
	r, err := gitrepo.OpenLocalRemote(dir)
	if err != nil {
		return nil, err
	}
	g.local[dir] = r
	return r, nil
}

// localPath is the directory that a repository's address names, if it names one.
func localPath(repoURL string) (string, bool) {
	if path, ok := strings.CutPrefix(repoURL, "file://"); ok {
		return filepath.FromSlash(path), true
	}
	if strings.Contains(repoURL, "://") {
		return "", false
	}
	host, _, scp := strings.Cut(repoURL, ":")
	return repoURL, !scp || strings.ContainsAny(host, `/\`)
}

// Checkout implements [step.Git].
func (g *git) Checkout(ctx context.Context, repoURL string, ref step.Ref) (*tree.Checkout, error) {
	r, err := g.open(repoURL)
	if err != nil {
		return nil, err
	}
	branch, head, err := resolve(ctx, r, ref)
	if err != nil {
		return nil, absent(err)
	}
	if head.IsZero() {
		return tree.NewCheckout(repoURL, branch, head, r, tree.Hash{}), nil
	}
	commit, err := r.Commit(ctx, head)
	if err != nil {
		return nil, absent(err)
	}
	return tree.NewCheckout(repoURL, branch, head, r, commit.Tree), nil
}

func resolve(ctx context.Context, r *gitrepo.Repository, ref step.Ref) (branch string, head tree.Hash, err error) {
	switch {
	case ref.Commit != "":
		head, err = tree.ParseHash(ref.Commit)
	case ref.Tag != "":
		head, err = r.ResolveTag(ctx, ref.Tag)
	case ref.Branch != "":
		branch = ref.Branch
		head, err = r.ResolveBranch(ctx, branch)
	default:
		branch, head, err = r.DefaultBranch(ctx)
	}
	return branch, head, err
}

// absent makes an absent reference or object what steps know as such.
func absent(err error) error {
	if errors.Is(err, gitrepo.ErrRefNotFound) || errors.Is(err, gitrepo.ErrNoObject) {
		return fmt.Errorf("%w: %w", step.ErrNotFound, err)
	}
	return err
}

// Start implements [step.Git].
func (g *git) Start(ctx context.Context, repoURL, branch, message string) (*tree.Checkout, error) {
	if g.dry {
		return tree.NewCheckout(repoURL, branch, tree.Hash{}, nil, tree.Hash{}), nil
	}
	r, err := g.open(repoURL)
	if err != nil {
		return nil, err
	}
	c := tree.Commit{Message: message, ParentTree: tree.EmptyTree, Tree: tree.EmptyTree}
	object, err := g.encodeOne(c, tree.Hash{})
	if err != nil {
		return nil, err
	}
	objects := append(gitrepo.FromTree([]tree.Object{{Hash: tree.EmptyTree, Kind: tree.Tree}}), object)
	err = r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/" + branch, New: object.Hash}}, objects)
	if err != nil && !errors.Is(err, gitrepo.ErrStale) {
		return nil, err
	}
	return g.Checkout(ctx, repoURL, step.Ref{Branch: branch})
}

// Commit implements [step.Git].
func (g *git) Commit(_ context.Context, c *tree.Checkout) (string, error) {
	if len(c.Pending()) == 0 {
		return "", errors.New("store commit: nothing is pending")
	}
	made, err := g.encode(c)
	if err != nil {
		return "", err
	}
	if r, err := g.open(c.RepoURL); err == nil {
		r.Keep(append(gitrepo.FromTree(c.Objects()), made...))
	}
	return made[len(made)-1].Hash.String(), nil
}

// encode gives the pending commits their names, each on the one before it.
func (g *git) encode(c *tree.Checkout) ([]gitrepo.Object, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	parent := c.Head
	var out []gitrepo.Object
	for _, p := range c.Pending() {
		known, ok := g.commits[p.ID]
		if !ok {
			object, err := g.encodeOne(p, parent)
			if err != nil {
				return nil, err
			}
			known = commit{object: object, content: p.Objects, parent: parent}
			g.commits[object.Hash] = known
		}
		parent, out = known.object.Hash, append(out, known.object)
	}
	return out, nil
}

// made returns a commit that was made here, and those beneath it that were, with all
// that came with them.
func (g *git) made(h tree.Hash) ([]gitrepo.Object, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []gitrepo.Object
	c, ok := g.commits[h]
	for found := ok; found; c, found = g.commits[c.parent] {
		out = append(append(out, c.object), gitrepo.FromTree(c.content)...)
	}
	return out, ok
}

func (g *git) signature() gitrepo.Signature {
	return gitrepo.Signature{Name: "Kargo", Email: "no-reply@kargo.io", When: g.now()}
}

func (g *git) encodeOne(p tree.Commit, parent tree.Hash) (gitrepo.Object, error) {
	by := g.signature()
	c := gitrepo.Commit{Tree: p.Tree, Author: by, Committer: by, Message: strings.TrimRight(p.Message, "\n") + "\n"}
	if p.Author != nil {
		c.Author = gitrepo.Signature{Name: p.Author.Name, Email: p.Author.Email, When: by.When}
	}
	if !parent.IsZero() {
		c.Parents = []tree.Hash{parent}
	}
	o, err := gitrepo.EncodeCommit(c)
	if err != nil {
		return gitrepo.Object{}, fmt.Errorf("store commit: %w", err)
	}
	return o, nil
}

// Push implements [step.Git].
func (g *git) Push(ctx context.Context, c *tree.Checkout, req step.PushRequest) (step.PushResult, error) {
	r, err := g.open(c.RepoURL)
	if err != nil {
		return step.PushResult{}, err
	}
	for attempt := 1; ; attempt++ {
		res, err := g.pushOnce(ctx, r, c, req)
		if !errors.Is(err, gitrepo.ErrStale) || attempt >= req.Attempts {
			return res, err
		}
	}
}

func (g *git) pushOnce(ctx context.Context, r *gitrepo.Repository, c *tree.Checkout, req step.PushRequest) (step.PushResult, error) {
	tip, err := r.ResolveBranch(ctx, req.Branch)
	if err != nil && !errors.Is(err, gitrepo.ErrRefNotFound) {
		return step.PushResult{}, err
	}
	if !req.Own && !tip.IsZero() && tip != c.Head {
		at, err := r.Commit(ctx, tip)
		if err != nil {
			return step.PushResult{}, err
		}
		if err := c.Rebase(ctx, tip, at.Tree); err != nil {
			return step.PushResult{}, err
		}
	}
	commits, err := g.encode(c)
	if err != nil {
		return step.PushResult{}, err
	}
	head := c.Head
	if n := len(commits); n > 0 {
		head = commits[n-1].Hash
	}
	if head != tip && !g.dry {
		objects := append(gitrepo.FromTree(c.Objects()), commits...)
		update := gitrepo.RefUpdate{Name: "refs/heads/" + req.Branch, Old: tip, New: head}
		if err := r.Push(ctx, []gitrepo.RefUpdate{update}, objects); err != nil {
			return step.PushResult{}, err
		}
	}
	if g.dry {
		r.Keep(append(gitrepo.FromTree(c.Objects()), commits...))
	}
	res := step.PushResult{Commit: head.String()}
	if !c.Head.IsZero() {
		res.Base = c.Head.String()
	}
	if !g.dry {
		c.Published(head)
	}
	return res, nil
}

// DeleteBranch implements [step.Git].
func (g *git) DeleteBranch(ctx context.Context, repoURL, branch string) error {
	r, err := g.open(repoURL)
	if err != nil {
		return err
	}
	tip, err := r.ResolveBranch(ctx, branch)
	if errors.Is(err, gitrepo.ErrRefNotFound) || (err == nil && g.dry) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/" + branch, Old: tip}}, nil)
}
