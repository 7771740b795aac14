package ghapp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Start implements step.Git. GitHub makes no reference that exists already, so that
// of two who start the same branch one opens what the other made.
func (g *Git) Start(ctx context.Context, repoURL, branch, message string) (*tree.Checkout, error) {
	r, err := g.app.onURL(ctx, repoURL)
	if err != nil {
		return nil, fmt.Errorf("start branch %s: %w", branch, err)
	}
	c := tree.NewCheckout(repoURL, branch, tree.Hash{}, nil, tree.Hash{})
	id, err := r.storeCommit(ctx, c.FS, tree.Commit{Message: message, ParentTree: tree.EmptyTree, Tree: tree.EmptyTree}, tree.Hash{})
	if status(err) == http.StatusConflict {
		return nil, &pipeline.UserError{
			Message: fmt.Sprintf("repository %s/%s is empty", r.owner, r.name), Hint: "push a first commit to it", Err: err,
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start branch %s: %w", branch, err)
	}
	p := &push{g: g, r: r, c: c, PushRequest: step.PushRequest{Branch: branch}}
	if err = p.settle(ctx, id, p.createRef(ctx, id)); err != nil {
		if status(err) != http.StatusUnprocessableEntity || !says(err, "already exists") {
			return nil, err
		}
	}
	return g.Checkout(ctx, repoURL, step.Ref{Branch: branch})
}
