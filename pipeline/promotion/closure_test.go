package promotion_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
)

// closeFor closes prod for a time from now on.
func (c *town) closeFor(d time.Duration) {
	opens := c.world.Now.Add(d)
	c.shut = func() pipeline.Closure {
		if !c.world.Now.Before(opens) {
			return pipeline.Closure{}
		}
		return pipeline.Closure{Closed: true, By: "window payday", Reason: `window "payday" denies Promotions now: money`, Opens: opens}
	}
}

func TestAPendingPromotionDoesNotStartWhileClosed(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.closeFor(7 * time.Minute)
	c.queue(prod(), freight("1.0.1"))
	if got := c.must().Sub(c.world.Now); got != 5*time.Minute {
		t.Errorf("looks again after %s, want the poll", got)
	}
	p := c.wantPhase("prod-1", pipeline.Pending)
	if want := `window "payday" denies Promotions now: money; opens Fri 2026-01-02 03:11 UTC`; p.Message != want {
		t.Errorf("message %q, want %q", p.Message, want)
	}
	c.sleep()
	if got := c.must().Sub(c.world.Now); got != 2*time.Minute {
		t.Errorf("looks again after %s, want the opening", got)
	}
	c.sleep()
	c.must()
	if p := c.wantPhase("prod-1", pipeline.Succeeded); p.Message != "" {
		t.Errorf("message %q", p.Message)
	}
}

func TestARunningPromotionDoesNotMergeWhileClosed(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	s := prod()
	s.Steps[mergeStep].Retry.Timeout = pipeline.Duration(10 * time.Minute)
	c.queue(s, freight("1.0.1"))
	c.hold()
	c.must()
	c.green()
	c.closeFor(72 * time.Hour)
	for range 10 {
		c.sleep()
		c.must()
	}
	p := c.wantPhase("prod-1", pipeline.Running)
	if got, want := p.WaitingOn(), `window "payday" denies Promotions now: money; opens Mon 2026-01-05 03:04 UTC`; got != want {
		t.Errorf("waits for %q, want %q", got, want)
	}
	c.world.Now = c.world.Now.Add(72 * time.Hour)
	c.must()
	c.wantPhase("prod-1", pipeline.Succeeded)
	c.judge(false, false)
}

func TestClosedTimeCountsTowardNoTimeout(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	s := prod()
	s.Steps[mergeStep].Retry.Timeout = pipeline.Duration(10 * time.Minute)
	c.closeFor(0)
	c.queue(s, freight("1.0.1"))
	c.hold()
	c.must()
	c.closeFor(time.Hour)
	for c.shut().Closed {
		c.sleep()
		c.must()
	}
	c.wantPhase("prod-1", pipeline.Running)
	c.world.Now = c.world.Now.Add(11 * time.Minute)
	c.must()
	c.wantPhase("prod-1", pipeline.Errored)
}

func TestAPushPastPullRequestsWaitsWhileClosed(t *testing.T) {
	t.Parallel()
	straight := func(cfg config) []pipeline.StepSpec {
		steps := promote()[:pushStep+1]
		cfg["path"] = "src"
		steps[pushStep].Config = cfg
		return steps
	}
	for _, tt := range []struct {
		name   string
		config config
		waits  bool
	}{
		{"to the branch that was checked out", config{}, true},
		{"to another branch", config{"targetBranch": "env/prod"}, true},
		{"by force", config{"targetBranch": "env/prod", "force": true}, true},
		{"but not to the Promotion's own", config{"generateTargetBranch": true}, false},
		{"whatever that is called", config{"targetBranch": "kargo/${{ ctx.stage }}/${{ ctx.promotion }}"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			before := c.world.Tip(repoURL, "main")
			c.queue(prod(straight(tt.config)...), freight("1.0.1"))
			asked := 0
			c.shut = func() pipeline.Closure {
				asked++
				return pipeline.Closure{Closed: asked > 1, Reason: "frozen by ana"}
			}
			c.must()
			if !tt.waits {
				c.wantPhase("prod-1", pipeline.Succeeded)
				return
			}
			if p := c.wantPhase("prod-1", pipeline.Running); p.WaitingOn() != "frozen by ana" || p.Next() != pushStep {
				t.Errorf("step %d waits for %q", p.Next(), p.WaitingOn())
			}
			if c.world.Tip(repoURL, "main") != before || len(c.world.Branches(repoURL)) != 1 {
				t.Error("it pushed")
			}
			c.shut = nil
			c.sleep()
			c.settle()
			c.wantPhase("prod-1", pipeline.Succeeded)
		})
	}
}

func TestAbortsDoNotWaitForAnOpening(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.closeFor(time.Hour)
	c.queue(prod(), freight("1.0.1"))
	c.must()
	c.abort("prod-1")
	c.must()
	c.wantPhase("prod-1", pipeline.Aborted)
}

// clueless is a ledger that cannot tell whether the Stage is closed.
type clueless struct{ promotion.Ledger }

func (clueless) Closure(context.Context, time.Time) (pipeline.Closure, error) {
	return pipeline.Closure{}, errors.New("database is away")
}

func TestNothingStartsWhenNobodyCanTell(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.wrap = func(l promotion.Ledger) promotion.Ledger { return clueless{l} }
	c.queue(prod(), freight("1.0.1"))
	if _, err := c.advance(); err == nil {
		t.Error("no error")
	}
	c.wantPhase("prod-1", pipeline.Pending)
}
