package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// previewGit is step.Git without effects: commits are named and not stored.
type previewGit struct {
	repos repositories
	// own, if set, makes a checkout of the default branch one of HEAD.
	own *Local
	// seen is a head that need not be asked for again; zero for none.
	seen seenHead
}

// seenHead is where a branch was when its repository was looked at: thousands of
// Stages are compared with the same commit.
type seenHead struct {
	url, branch string
	head        tree.Hash
}

var _ step.Git = previewGit{}

// Checkout implements step.Git.
func (g previewGit) Checkout(ctx context.Context, repoURL string, ref step.Ref) (*tree.Checkout, error) {
	repo, err := openRepository(g.repos, repoURL, ref.SkipTLSVerify)
	if err != nil {
		return nil, err
	}
	branch := ref.Branch
	var h tree.Hash
	switch {
	case ref.Commit != "":
		h, err = tree.ParseHash(ref.Commit)
	case ref.Tag != "":
		h, err = repo.ResolveTag(ctx, ref.Tag)
	case g.own != nil && repo == g.own.repos.own && (branch == "" || branch == g.own.site.DefaultBranch):
		branch, h = g.own.site.DefaultBranch, g.own.head
	case !g.seen.head.IsZero() && repoURL == g.seen.url && (branch == "" || branch == g.seen.branch):
		branch, h = g.seen.branch, g.seen.head
	case branch != "":
		h, err = resolveBranch(ctx, repo, branch)
	default:
		branch, h, err = headOf(ctx, repo)
	}
	if errors.Is(err, gitrepo.ErrRefNotFound) {
		return nil, fmt.Errorf("%w: %w", step.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	c, err := repo.Commit(ctx, h)
	if err != nil {
		return nil, err
	}
	return tree.NewCheckout(repoURL, branch, h, repo, c.Tree), nil
}

// Commit implements step.Git.
func (g previewGit) Commit(_ context.Context, c *tree.Checkout) (string, error) {
	pending := c.Pending()
	return tree.HashObject(tree.Tree, []byte(pending[len(pending)-1].Tree.String())).String(), nil
}

// Push implements step.Git; a preview never gets there.
func (g previewGit) Push(context.Context, *tree.Checkout, step.PushRequest) (step.PushResult, error) {
	return step.PushResult{}, errors.New("a preview pushes nothing")
}

// Start implements step.Git: the branch is there for the preview only.
func (g previewGit) Start(_ context.Context, repoURL, branch, _ string) (*tree.Checkout, error) {
	return tree.NewCheckout(repoURL, branch, tree.Hash{}, nil, tree.Hash{}), nil
}

// DeleteBranch implements step.Git; a preview never gets there.
func (g previewGit) DeleteBranch(context.Context, string, string) error {
	return errors.New("a preview deletes nothing")
}
