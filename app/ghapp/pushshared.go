package ghapp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// lookBack is how many commits of a branch are searched for an earlier push of
// the same Promotion.
const lookBack = 500

// shared puts the pending commits on top of a branch that others push to. The
// reference is moved without force, which GitHub refuses when the branch does not
// lie below the commits any more; then they are made again on the new tip.
func (p *push) shared(ctx context.Context) (step.PushResult, error) {
	if p.Again || p.Branch != p.c.Branch || p.c.Head.IsZero() || p.g.app.lanes.moved(laneKey(p.r.owner, p.r.name, p.Branch), p.c.Head) {
		if res, finished, err := p.catchUp(ctx); err != nil || finished {
			return res, err
		}
	}
	for attempt := 1; ; attempt++ {
		tip, err := p.store(ctx)
		if err != nil {
			return step.PushResult{}, err
		}
		if p.absent || p.c.Head.IsZero() {
			err = p.createRef(ctx, tip)
		} else {
			err = p.updateRef(ctx, tip, false)
		}
		if err = p.settle(ctx, tip, err); err == nil {
			return p.done(tip), nil
		}
		if code := status(err); code != http.StatusUnprocessableEntity && code != http.StatusConflict {
			return step.PushResult{}, err
		}
		before, wasAbsent := p.c.Head, p.absent
		res, finished, lookErr := p.catchUp(ctx)
		switch {
		case lookErr != nil || finished:
			return res, lookErr
		case p.c.Head == before && p.absent == wasAbsent:
			// Nobody was faster, so it is not a race that was lost.
			return step.PushResult{}, p.refused(err)
		case attempt >= p.Attempts:
			return step.PushResult{}, fmt.Errorf("branch %s moved in each of %d attempts: %w", p.Branch, attempt, err)
		}
	}
}

// catchUp compares the checkout with the branch. finished means that the branch
// holds the commits of this Promotion; otherwise they are now based on its tip.
func (p *push) catchUp(ctx context.Context) (res step.PushResult, finished bool, err error) {
	tip, err := p.tip(ctx)
	if err != nil || p.absent || tip == p.c.Head {
		return res, false, err
	}
	if tip == p.c.Tip() {
		return p.done(tip), true, nil
	}
	since, _, err := p.between(ctx, p.c.Head, tip, lookBack)
	if err != nil {
		return res, false, err
	}
	pending := p.c.Pending()
	for i, m := range since {
		if samePromotion(m.Message, pending[len(pending)-1].Message, p.Promotion) {
			return p.adopt(ctx, m.Hash, m.Tree, baseOf(since[i:], p.Promotion, pending[0].Message))
		}
	}
	if p.c.Head.IsZero() {
		return res, false, p.foundStarted(ctx)
	}
	tipTree, err := p.treeOf(ctx, tip)
	if err != nil {
		return res, false, err
	}
	if err := p.c.Rebase(ctx, tip, tipTree); err != nil {
		return res, false, fmt.Errorf("branch %s: %w", p.Branch, err)
	}
	if len(p.c.Pending()) == 0 {
		// The branch says already what the commits wanted to say.
		return p.result(tip, tip), true, nil
	}
	return res, false, nil
}

// adopt takes the commit that an earlier attempt pushed for this one's.
func (p *push) adopt(ctx context.Context, made, root, base tree.Hash) (step.PushResult, bool, error) {
	pending := p.c.Pending()
	if pending[len(pending)-1].Tree == root {
		p.c.Published(made)
		return p.result(made, base), true, nil
	}
	// It was made on a newer base. The same changes on top of themselves are none.
	if err := p.c.Rebase(ctx, made, root); err != nil {
		return step.PushResult{}, false, fmt.Errorf("commit %s of an earlier attempt: %w", made, err)
	}
	return p.result(made, base), true, nil
}

// foundStarted is the conflict of a branch that was to be started and that
// somebody else started: both sides have nothing in common to merge by.
func (p *push) foundStarted(ctx context.Context) error {
	pending := p.c.Pending()
	changes, err := p.c.FS.Diff(ctx, tree.Hash{}, pending[len(pending)-1].Tree)
	if err != nil {
		return err
	}
	conflict := &tree.ConflictError{}
	for _, c := range changes {
		conflict.Paths = append(conflict.Paths, c.Path)
	}
	return fmt.Errorf("branch %s was started by somebody else: %w", p.Branch, conflict)
}
