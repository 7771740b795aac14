package promotion

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// verification is what one pass found of a Stage's Verification.
type verification struct {
	// open means that it goes on, and wake when to look again; ended that it did in
	// this pass.
	open, ended bool
	wake        time.Time
}

// verify advances the Verification that is under way, if any. Whatever keeps the
// Verifier from working holds up no Promotion that runs.
func (e *Engine) verify(ctx context.Context, l Ledger) (verification, error) {
	run, err := l.Verification(ctx)
	if err != nil {
		return verification{}, fmt.Errorf("load verification: %w", err)
	}
	if run == nil {
		return verification{}, nil
	}
	log := e.logOfRun(run)
	var lost error
	save := func(ctx context.Context, run pipeline.VerificationRun) error {
		if lost = l.SaveVerification(ctx, run); lost != nil {
			lost = fmt.Errorf("record %s: %w", run.ID, lost)
		}
		return lost
	}
	within, cancel := context.WithTimeout(ctx, cmp.Or(e.StepTimeout, defaultStepTimeout))
	defer cancel()
	err = e.Verifier.Advance(within, run, save)
	switch {
	case lost != nil:
		return verification{}, lost
	case ctx.Err() != nil:
		return verification{}, fmt.Errorf("verify %s: %w", run.ID, ctx.Err())
	case err != nil:
		after, transient := pipeline.IsTransient(err)
		wait := max(after, verifyAgain)
		if !transient {
			wait = max(wait, e.Ports.PollInterval)
		}
		log.WarnContext(ctx, "verification held up", "err", err, "again", wait)
		return verification{open: true, wake: e.Ports.Now().Add(wait)}, nil
	case run.Phase.Terminal():
		if err := l.FinishVerification(ctx, *run); err != nil {
			return verification{}, fmt.Errorf("finish %s: %w", run.ID, err)
		}
		log.InfoContext(ctx, "verification ended", "phase", string(run.Phase), "message", run.Message)
		return verification{ended: true}, nil
	}
	if err := save(ctx, *run); err != nil {
		return verification{}, err
	}
	wake := run.WakeAt
	if wake.IsZero() {
		wake = e.Ports.Now().Add(e.Ports.PollInterval)
	}
	if err := e.Reporter.ReportVerification(ctx, run); err != nil {
		if ctx.Err() != nil {
			return verification{}, fmt.Errorf("report %s: %w", run.ID, err)
		}
		wake = earlier(wake, e.retryReport(log, run.FinishedAt, err))
	}
	return verification{open: true, wake: wake}, nil
}

// verifyAgain is the least wait after the Verifier could not work.
const verifyAgain = 5 * time.Second

func (e *Engine) logOfRun(run *pipeline.VerificationRun) *slog.Logger {
	return e.Log.With("repo", run.Repo.String(), "stage", run.Stage.Name, "verification", run.ID)
}
