package promotion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// reportPatience is for how long the end of a Promotion is published again and
// again although the other side refuses for good.
const reportPatience = 24 * time.Hour

// reportEnds publishes the ends that nobody knows of yet: of Promotions, and of
// Verifications. It returns when to try again what did not work.
func (e *Engine) reportEnds(ctx context.Context, l Ledger, all []pipeline.Promotion) (next time.Time, err error) {
	for i := range all {
		p := &all[i]
		if !p.Phase.Terminal() {
			continue
		}
		again, err := e.reportEnd(ctx, e.logOf(p), p.ID, p.FinishedAt,
			func() error { return errors.Join(e.tidy(ctx, p), e.Reporter.Report(ctx, p)) }, l.Reported)
		if err != nil {
			return time.Time{}, err
		}
		next = earlier(next, again)
	}
	runs, err := l.UnreportedVerifications(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("load verifications to report: %w", err)
	}
	for i := range runs {
		run := &runs[i]
		again, err := e.reportEnd(ctx, e.logOfRun(run), run.ID, run.FinishedAt,
			func() error { return e.Reporter.ReportVerification(ctx, run) }, l.VerificationReported)
		if err != nil {
			return time.Time{}, err
		}
		next = earlier(next, again)
	}
	return next, nil
}

// reportEnd publishes one end; it returns when to try again if that did not work.
func (e *Engine) reportEnd(ctx context.Context, log *slog.Logger, id string, ended time.Time, publish func() error, done func(context.Context, string) error) (time.Time, error) {
	err := publish()
	if ctx.Err() != nil {
		return time.Time{}, fmt.Errorf("report end of %s: %w", id, ctx.Err())
	}
	if err != nil {
		_, transient := pipeline.IsTransient(err)
		if transient || e.Ports.Now().Sub(ended) < reportPatience {
			return e.retryReport(log, ended, err), nil
		}
		log.ErrorContext(ctx, "report given up", "err", err)
	}
	if err := done(ctx, id); err != nil {
		return time.Time{}, fmt.Errorf("record report of %s: %w", id, err)
	}
	return time.Time{}, nil
}

// retryReport says when to publish again. The longer it has not worked since the
// end, which is zero before there is one, the longer it waits.
func (e *Engine) retryReport(log *slog.Logger, ended time.Time, err error) time.Time {
	now := e.Ports.Now()
	if after, transient := pipeline.IsTransient(err); transient {
		log.Info("report delayed", "err", err)
		return now.Add(max(after, 2*time.Second))
	}
	log.Error("report not published", "err", err)
	wait := e.Ports.PollInterval
	if !ended.IsZero() {
		wait = max(wait, now.Sub(ended)/2)
	}
	return now.Add(wait)
}

// tidy removes what a finished Promotion left behind: its branch, and its pull
// request when a new start found that nothing was left to merge. After a failure
// of its own everything stays, for people to look at.
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
	case pipeline.Aborted, pipeline.Failed, pipeline.Errored:
		if p.Phase != pipeline.Aborted && !endedOnRequest(p) {
			return nil
		}
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

// endedOnRequest reports whether the Promotion ended because somebody or a rule
// wanted that, in whatever phase.
func endedOnRequest(p *pipeline.Promotion) bool {
	return p.AbortRequested != "" && p.Message == p.AbortRequested
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
		if pipeline.IsPush(p.Stage.Steps[i].Uses) && s.Attempts > 0 {
			return true
		}
	}
	return false
}
