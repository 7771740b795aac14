package steptest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Git is a World's Git port.
type Git World

var _ step.Git = (*Git)(nil)

func (g *Git) world() *World { return (*World)(g) }

// Checkout implements step.Git.
func (g *Git) Checkout(ctx context.Context, repoURL string, ref step.Ref) (*tree.Checkout, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := g.world()
	if err := w.fault("checkout", false); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.repo(repoURL)
	if !ok {
		return nil, fmt.Errorf("repository %s: %w", repoURL, step.ErrNotFound)
	}
	var h tree.Hash
	branch := ref.Branch
	switch {
	case ref.Tag != "":
		h = r.tags[ref.Tag].Commit
	case ref.Commit != "":
		parsed, err := tree.ParseHash(ref.Commit)
		if err != nil {
			return nil, err
		}
		if _, ok := r.commits[parsed]; ok {
			h = parsed
		}
	default:
		if branch == "" {
			branch = r.defaultBranch
		}
		h = r.branches[branch]
	}
	if h.IsZero() {
		return nil, step.ErrNotFound
	}
	return tree.NewCheckout(repoURL, branch, h, r, r.commits[h].tree), nil
}

// Commit implements step.Git.
func (g *Git) Commit(ctx context.Context, c *tree.Checkout) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	w := g.world()
	if err := w.fault("commit", false); err != nil {
		return "", err
	}
	w.mu.Lock()
	r, ok := w.repo(c.RepoURL)
	if !ok {
		w.mu.Unlock()
		return "", fmt.Errorf("repository %s: %w", c.RepoURL, step.ErrNotFound)
	}
	id := w.storePending(r, c)
	w.mu.Unlock()
	return id.String(), w.fault("commit", true)
}

// Push implements step.Git.
func (g *Git) Push(ctx context.Context, c *tree.Checkout, req step.PushRequest) (step.PushResult, error) {
	if err := ctx.Err(); err != nil {
		return step.PushResult{}, err
	}
	w := g.world()
	if err := w.fault("push", false); err != nil {
		return step.PushResult{}, err
	}
	res, err := g.push(ctx, c, req)
	if err != nil {
		return step.PushResult{}, err
	}
	if err := w.fault("push", true); err != nil {
		return step.PushResult{}, err
	}
	return res, nil
}

func (g *Git) push(ctx context.Context, c *tree.Checkout, req step.PushRequest) (step.PushResult, error) {
	w := g.world()
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.repo(c.RepoURL)
	if !ok {
		return step.PushResult{}, fmt.Errorf("repository %s: %w", c.RepoURL, step.ErrNotFound)
	}
	tip, exists := r.branches[req.Branch]
	if exists && !req.Own && (tip != c.Head || req.Again) {
		if req.Again && r.holdsPromotion(tip, req.Promotion) {
			return step.PushResult{Commit: tip.String(), URL: commitURL(r.url, tip)}, nil
		}
		if err := c.Rebase(ctx, tip, r.commits[tip].tree); err != nil {
			return step.PushResult{}, err
		}
	}
	base := c.Head
	id := w.storePending(r, c)
	r.branches[req.Branch] = id
	// What others see, and what a crash would leave, is done; the Checkout is
	// the caller's memory of it.
	c.Published(id)
	return step.PushResult{Commit: id.String(), Base: base.String(), URL: commitURL(r.url, id)}, nil
}

// holdsPromotion looks for a Promotion's trailer as far back as a race goes.
func (r *repository) holdsPromotion(tip tree.Hash, promotion string) bool {
	n := 0
	for h := range r.ancestors(tip) {
		if slices.Contains(strings.Split(r.commits[h].message, "\n"), "Kargo-Promotion: "+promotion) {
			return true
		}
		if n++; n == 50 {
			break
		}
	}
	return false
}

// Start implements step.Git.
func (g *Git) Start(ctx context.Context, repoURL, branch, message string) (*tree.Checkout, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := g.world()
	if err := w.fault("start", false); err != nil {
		return nil, err
	}
	w.mu.Lock()
	r, ok := w.repo(repoURL)
	if !ok {
		w.mu.Unlock()
		return nil, fmt.Errorf("repository %s: %w", repoURL, step.ErrNotFound)
	}
	if _, exists := r.branches[branch]; !exists {
		r.branches[branch] = w.commit(r, commit{message: message})
	}
	w.mu.Unlock()
	if err := w.fault("start", true); err != nil {
		return nil, err
	}
	return g.Checkout(ctx, repoURL, step.Ref{Branch: branch})
}

// DeleteBranch implements step.Git.
func (g *Git) DeleteBranch(ctx context.Context, repoURL, branch string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := g.world()
	if err := w.fault("delete-branch", false); err != nil {
		return err
	}
	w.mu.Lock()
	if r, ok := w.repo(repoURL); ok {
		delete(r.branches, branch)
	}
	w.mu.Unlock()
	return w.fault("delete-branch", true)
}

func commitURL(repoURL string, h tree.Hash) string {
	return strings.TrimSuffix(repoURL, ".git") + "/commit/" + h.String()
}
