package ghapp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// inLane does a push to a shared branch when it is its turn, along with those that
// wait behind it, or is done along with one before it.
func (p *push) inLane(ctx context.Context) (step.PushResult, error) {
	ls, key := &p.g.app.lanes, laneKey(p.r.owner, p.r.name, p.Branch)
	for {
		l, t := ls.join(key, p)
		if err := ls.await(ctx, l, t); err != nil {
			return step.PushResult{}, err
		}
		select {
		case <-t.lead:
			all := ls.together(l)
			pushTogether(ctx, all)
			ls.leave(l, len(all))
		default:
		}
		if !t.again {
			return t.res, t.err
		}
		if err := ctx.Err(); err != nil {
			return step.PushResult{}, err
		}
		// The leader was stopped, and its last request may have had its effect.
		p.Again = true
	}
}

// pushTogether does the pushes of all turns, of which the first is the caller's, and
// tells the others.
func pushTogether(ctx context.Context, all []*turn) {
	defer func() {
		for _, t := range all[1:] {
			close(t.done)
		}
	}()
	rest := all
	if len(all) > 1 {
		rest = stack(ctx, all)
	}
	for i, t := range rest {
		t.res, t.err = t.push.shared(ctx)
		if t.err != nil && ctx.Err() != nil {
			for _, left := range rest[i:] {
				left.again = left != all[0]
			}
			return
		}
	}
}

// stacked is a push on top of those before it, ready to be published.
type stacked struct {
	t *turn
	// c is the checkout as it will be, tip its newest commit.
	c   *tree.Checkout
	tip tree.Hash
}

// stack publishes pushes by one update of their branch: the commits of each lie on
// top of those of the one before. It returns those that must be done one by one: they
// may have happened already, there is no branch yet, or GitHub refuses the update for
// a reason that may concern but one of them.
func stack(ctx context.Context, all []*turn) (alone []*turn) {
	var open []*turn
	for _, t := range all {
		if t.push.Again || t.push.c.Head.IsZero() {
			alone = append(alone, t)
		} else {
			open = append(open, t)
		}
	}
	if len(open) < 2 {
		return all
	}
	p := open[0].push
	for attempt := 1; len(open) > 0; attempt++ {
		base, err := p.tip(ctx)
		if err != nil || p.absent {
			return append(open, alone...)
		}
		pile, top, err := pile(ctx, open, base)
		open = nil
		for _, s := range pile {
			open = append(open, s.t)
		}
		if err == nil && top != base {
			err = p.settle(ctx, top, p.updateRef(ctx, top, false))
		}
		code := status(err)
		switch {
		case err == nil:
			for _, s := range pile {
				s.t.push.c.Become(s.c)
				s.t.res = s.t.push.arrived(s.tip)
			}
			return alone
		case code != http.StatusUnprocessableEntity && code != http.StatusConflict:
			for _, t := range open {
				t.err, t.again = err, ctx.Err() != nil && t != all[0]
			}
			return alone
		}
		if now, lookErr := p.tip(ctx); lookErr != nil || now == base || attempt >= p.Attempts {
			return append(open, alone...)
		}
	}
	return alone
}

// pile puts the pushes on top of each other, beginning at the commit base, and stores
// their commits. Whoever does not fit, or could not be stored, has his error and is
// left out.
func pile(ctx context.Context, open []*turn, base tree.Hash) (out []stacked, top tree.Hash, err error) {
	top = base
	root, err := open[0].push.treeOf(ctx, base)
	if err != nil {
		for _, t := range open {
			out = append(out, stacked{t: t})
		}
		return out, top, err
	}
	for _, t := range open {
		c := t.push.c
		if c.Head != top {
			if c, t.err = t.push.c.Rebased(ctx, top, root); t.err != nil {
				t.err = fmt.Errorf("branch %s: %w", t.push.Branch, t.err)
			}
		}
		tip := top
		if t.err == nil {
			if tip, t.err = t.push.r.storePending(ctx, c); t.err != nil {
				t.err = fmt.Errorf("push: %w", t.err)
			}
		}
		if t.err != nil {
			if ctx.Err() != nil && t != open[0] {
				t.again = true
			}
			continue
		}
		out = append(out, stacked{t: t, c: c, tip: tip})
		if n := len(c.Pending()); n > 0 {
			c.Stored(tip)
			t.push.keep(c)
			top, root = tip, c.Pending()[n-1].Tree
		}
	}
	return out, top, nil
}

// arrived is done for a checkout that may have had nothing left to publish.
func (p *push) arrived(tip tree.Hash) step.PushResult {
	if len(p.c.Pending()) == 0 {
		return p.result(tip, tip)
	}
	return p.done(tip)
}

// keep remembers what GitHub was given for those who read it next.
func (p *push) keep(c *tree.Checkout) {
	if r, err := p.g.open(c.RepoURL, false); err == nil {
		r.Keep(gitrepo.FromTree(c.Objects()))
	}
}
