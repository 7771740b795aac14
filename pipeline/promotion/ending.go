package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// reportPatience is for how long the end of a Promotion is published again and
// again although the other side refuses for good.
const reportPatience = 24 * time.Hour

// reportEnd publishes the end of a Promotion; it returns when to try again if
// that did not work.
func (e *Engine) reportEnd(ctx context.Context, l Ledger, p *pipeline.Promotion) (time.Time, error) {
	err := errors.Join(e.tidy(ctx, p), e.Reporter.Report(ctx, p))
	if ctx.Err() != nil {
		return time.Time{}, fmt.Errorf("report end of %s: %w", p.ID, ctx.Err())
	}
	if err != nil {
		_, transient := pipeline.IsTransient(err)
		if transient || e.Ports.Now().Sub(p.FinishedAt) < reportPatience {
			return e.retryReport(p, err), nil
		}
		e.logOf(p).ErrorContext(ctx, "report given up", "err", err)
	}
	if err := l.Reported(ctx, p.ID); err != nil {
		return time.Time{}, fmt.Errorf("record report of %s: %w", p.ID, err)
	}
	return time.Time{}, nil
}

// retryReport says when to publish again. The longer it has not worked since the
// end, the longer it waits.
func (e *Engine) retryReport(p *pipeline.Promotion, err error) time.Time {
	now := e.Ports.Now()
	if after, transient := pipeline.IsTransient(err); transient {
		e.logOf(p).Info("report delayed", "err", err)
		return now.Add(max(after, 2*time.Second))
	}
	e.logOf(p).Error("report not published", "err", err)
	wait := e.Ports.PollInterval
	if p.Phase.Terminal() {
		wait = max(wait, now.Sub(p.FinishedAt)/2)
	}
	return now.Add(wait)
}

// tidy removes what a finished Promotion left behind: its branch, and its pull
// request when a new start found that nothing was left to merge. After a failure
// everything stays, for people to look at.
func (e *Engine) tidy(ctx context.Context, p *pipeline.Promotion) error {
	pull, branch := p.Pull(), p.OwnBranch()
	switch p.Phase {
	case pipeline.Succeeded:
		if !pull.Merged && !superfluous(p) {
			return nil // what is not waited for is none of our business
		}
		if !pull.Merged {
			const why = "the base branch holds the same content by now"
			if err := e.Ports.Pulls.Close(ctx, e.pullURL(p, pull), pull.Number, why); err != nil {
				return fmt.Errorf("close pull request %d: %w", pull.Number, err)
			}
		}
	case pipeline.Aborted:
		if branch == "" && pushBegun(p) {
			branch = pipeline.PromotionBranch(p)
		}
	default:
		return nil
	}
	if branch == "" {
		return nil
	}
	if err := e.Ports.Git.DeleteBranch(ctx, e.pullURL(p, pull), branch); err != nil {
		return fmt.Errorf("delete branch %s: %w", branch, err)
	}
	return nil
}

// superfluous reports whether the step that opened a pull request in an earlier
// start was skipped in the last one.
func superfluous(p *pipeline.Promotion) bool {
	for i, s := range p.Steps {
		if p.Stage.Steps[i].Uses == "git-open-pr" && s.Phase == pipeline.Skipped && p.Pull().Number != 0 {
			return true
		}
	}
	return false
}

// pushBegun reports whether a branch may have been pushed without that being
// recorded.
func pushBegun(p *pipeline.Promotion) bool {
	for i, s := range p.Steps {
		if p.Stage.Steps[i].Uses == "git-push" && s.Attempts > 0 {
			return true
		}
	}
	return false
}
