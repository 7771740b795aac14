package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// push is one call of Push.
type push struct {
	g *Git
	r *rest
	c *tree.Checkout
	step.PushRequest
	// absent is true when the branch was looked for and does not exist.
	absent bool
}

// Push implements step.Git. A push that happened before, whatever became of its
// answer, is found and adopted, so that no commit gets onto a branch twice.
func (g *Git) Push(ctx context.Context, c *tree.Checkout, req step.PushRequest) (step.PushResult, error) {
	if len(c.Pending()) == 0 {
		return step.PushResult{}, errors.New("push: nothing is pending")
	}
	r, err := g.app.onURL(ctx, c.RepoURL)
	if err != nil {
		return step.PushResult{}, fmt.Errorf("push: %w", err)
	}
	p := &push{g: g, r: r, c: c, PushRequest: req}
	if req.Own {
		return p.own(ctx)
	}
	return p.inLane(ctx)
}

// own makes the branch hold exactly the pending commits on the checkout's head.
func (p *push) own(ctx context.Context) (step.PushResult, error) {
	if p.Again {
		// What an earlier attempt pushed may have another name, because commits
		// carry the time at which they were made.
		if res, found, err := p.adoptOwn(ctx); err != nil || found {
			return res, err
		}
	}
	tip, err := p.store(ctx)
	if err != nil {
		return step.PushResult{}, err
	}
	err = p.createRef(ctx, tip)
	if status(err) == http.StatusUnprocessableEntity {
		res, found, lookErr := p.adoptOwn(ctx)
		switch {
		case lookErr != nil || found:
			return res, lookErr
		case !p.absent:
			err = p.updateRef(ctx, tip, true)
		}
		if status(err) == http.StatusUnprocessableEntity {
			return step.PushResult{}, p.refused(err)
		}
	}
	if err = p.settle(ctx, tip, err); err != nil {
		return step.PushResult{}, err
	}
	return p.done(tip), nil
}

// adoptOwn looks whether the branch holds commits with the same trees on the
// same base.
func (p *push) adoptOwn(ctx context.Context) (step.PushResult, bool, error) {
	tip, err := p.tip(ctx)
	if err != nil || p.absent {
		return step.PushResult{}, false, err
	}
	pending := p.c.Pending()
	made, reached, err := p.between(ctx, p.c.Head, tip, len(pending))
	if err != nil {
		return step.PushResult{}, false, err
	}
	if !reached || len(made) != len(pending) {
		return step.PushResult{}, false, nil
	}
	for i, m := range made { // newest first
		want := pending[len(pending)-1-i]
		if m.Tree != want.Tree || len(m.Parents) > 1 {
			return step.PushResult{}, false, nil
		}
	}
	return p.done(tip), true, nil
}

// store stores the pending commits and remembers the newest's name, so that an
// attempt after this one does not store it again.
func (p *push) store(ctx context.Context) (tree.Hash, error) {
	tip, err := p.r.storePending(ctx, p.c)
	if err != nil {
		return tree.Hash{}, fmt.Errorf("push: %w", err)
	}
	p.c.Stored(tip)
	return tip, nil
}

// done records the pending commits as published under the name tip.
func (p *push) done(tip tree.Hash) step.PushResult {
	base := p.c.Head
	p.keep(p.c)
	p.c.Published(tip)
	if !p.Own {
		p.g.app.lanes.left(laneKey(p.r.owner, p.r.name, p.Branch), tip)
	}
	return p.result(tip, base)
}

func (p *push) result(tip, base tree.Hash) step.PushResult {
	res := step.PushResult{Commit: tip.String(), URL: p.g.app.host.commit(p.r.owner, p.r.name, tip.String())}
	if !base.IsZero() {
		res.Base = base.String()
	}
	return res
}

// settle finds out what became of an update whose answer was lost. Without
// certainty the error stays.
func (p *push) settle(ctx context.Context, tip tree.Hash, err error) error {
	if !uncertain(err) {
		return err
	}
	if now, lookErr := p.tip(ctx); lookErr == nil && now == tip {
		return nil
	}
	return err
}

func (p *push) createRef(ctx context.Context, tip tree.Hash) error {
	body := struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	}{"refs/heads/" + p.Branch, tip.String()}
	err := p.r.write(ctx, http.MethodPost, p.r.path("/git/refs"), body, nil)
	if err != nil {
		return fmt.Errorf("create branch %s: %w", p.Branch, err)
	}
	return nil
}

func (p *push) updateRef(ctx context.Context, tip tree.Hash, force bool) error {
	body := struct {
		SHA   string `json:"sha"`
		Force bool   `json:"force"`
	}{tip.String(), force}
	err := p.r.write(ctx, http.MethodPatch, p.r.refPath(p.Branch), body, nil)
	if err != nil {
		return fmt.Errorf("update branch %s: %w", p.Branch, err)
	}
	return nil
}

// tip reads where the branch is now; zero and p.absent mean nowhere.
func (p *push) tip(ctx context.Context) (h tree.Hash, err error) {
	err = p.g.read(ctx, p.c.RepoURL, func(r *gitrepo.Repository) (err error) {
		h, err = r.ResolveBranch(ctx, p.Branch)
		return err
	})
	if p.absent = errors.Is(err, step.ErrNotFound); p.absent {
		return tree.Hash{}, nil
	}
	if err != nil {
		return tree.Hash{}, fmt.Errorf("branch %s: %w", p.Branch, err)
	}
	return h, nil
}

// treeOf returns the root tree of a commit.
func (p *push) treeOf(ctx context.Context, commit tree.Hash) (root tree.Hash, err error) {
	err = p.g.read(ctx, p.c.RepoURL, func(r *gitrepo.Repository) error {
		c, err := r.Commit(ctx, commit)
		root = c.Tree
		return err
	})
	return root, err
}

// between returns the commits from tip back to, and without, base along first
// parents, newest first, and whether base was reached within limit commits.
func (p *push) between(ctx context.Context, base, tip tree.Hash, limit int) (out []gitrepo.Commit, reached bool, err error) {
	err = p.g.read(ctx, p.c.RepoURL, func(r *gitrepo.Repository) (err error) {
		out, reached, err = r.Range(ctx, base, tip, limit)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("commits of branch %s: %w", p.Branch, err)
	}
	return out, reached, nil
}

// refused explains an update that was refused although nobody was faster.
func (p *push) refused(err error) error {
	return &step.FailedError{Terminal: true, Err: &pipeline.UserError{
		Message: fmt.Sprintf("GitHub refuses to update branch %s: %s", p.Branch, message(err)),
		Hint:    wayOut(err),
		Err:     err,
	}}
}

// wayOut says what helps against the rule that refused a push.
func wayOut(err error) string {
	if says(err, "verified signatures") {
		return "push with github-push, which makes every commit verified, or name no author in git-clone and git-commit"
	}
	return "open a pull request with git-open-pr, or let the App bypass the branch's rules"
}
