package promotion

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Engine runs the Promotions and Verifications of Stages.
type Engine struct {
	Steps    *step.Registry
	Ports    step.Ports
	Verifier Verifier
	Reporter Reporter
	// Secrets reads what configs call secrets.NAME; nil means that no step sees a value.
	Secrets Secrets
	// ServerURL is the Git host, "https://github.com".
	ServerURL string
	// PublicURL is where people reach this server, empty when it is not known.
	PublicURL string
	// DefaultBranch returns a repository's default branch.
	DefaultBranch func(ctx context.Context, r pipeline.Repo) (string, error)
	// StepTimeout bounds one pass over one step or one VerificationRun; it must be
	// shorter than the lease. Zero means five minutes.
	StepTimeout time.Duration
	Log         *slog.Logger
}

// maxRewinds bounds how often a Promotion starts over because its base moved.
const maxRewinds = 50

// Advance moves the Promotions and the Verification of one Stage as far as they go
// now and returns when to look again, zero for "not before something happens".
// Promotions run strictly one after the other, in the order in which they were
// created, and none starts while a Verification is under way, before the health of
// what is there was looked at, or while the Stage is closed; only an abort of one that
// waits its turn does not wait.
func (e *Engine) Advance(ctx context.Context, l Ledger) (time.Time, error) {
	var seen health
	for {
		all, err := l.Promotions(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("load promotions: %w", err)
		}
		next, err := e.reportEnds(ctx, l, all)
		if err != nil {
			return time.Time{}, err
		}
		p := choose(all)
		if p == nil || waitsItsTurn(p) {
			// First, because a Verification may follow from it.
			if err := e.examine(ctx, l, &seen); err != nil {
				return time.Time{}, err
			}
			next = earlier(next, seen.wake)
		}
		v, err := e.verify(ctx, l)
		if err != nil {
			return time.Time{}, err
		}
		if v.ended {
			continue
		}
		next = earlier(next, v.wake)
		if p == nil || (v.open && waitsItsTurn(p)) {
			return next, nil
		}
		done, wake, err := e.run(ctx, l, p)
		if err != nil {
			return time.Time{}, err
		}
		if !done {
			return earlier(next, wake), nil
		}
	}
}

// waitsItsTurn reports whether the Promotion is one that a Verification holds up.
func waitsItsTurn(p *pipeline.Promotion) bool {
	return p.Phase == pipeline.Pending && p.AbortRequested == ""
}

// choose returns the Promotion whose turn it is: a queued one to abort, the one
// that runs, or the first of the queue.
func choose(all []pipeline.Promotion) *pipeline.Promotion {
	var turn *pipeline.Promotion
	for i := range all {
		p := &all[i]
		switch {
		case p.Phase.Terminal():
		case p.Phase == pipeline.Pending && p.AbortRequested != "":
			return p
		case turn == nil || (p.Phase == pipeline.Running && turn.Phase == pipeline.Pending):
			turn = p
		}
	}
	return turn
}

// run advances one Promotion. done means that it is terminal and recorded.
func (e *Engine) run(ctx context.Context, l Ledger, p *pipeline.Promotion) (done bool, wake time.Time, err error) {
	x := &execution{e: e, l: l, p: p, log: e.logOf(p), safe: safe{secrets: e.Secrets, repo: p.Repo}}
	if p.AbortRequested != "" {
		aborted, err := x.abort(ctx)
		if err != nil || aborted {
			return aborted, time.Time{}, err
		}
	}
	if p.Phase == pipeline.Pending {
		closed, wake, err := x.start(ctx)
		if closed || err != nil {
			return false, wake, err
		}
	}
	if err := x.collect(ctx); err != nil {
		return false, time.Time{}, err
	}
	for {
		i := p.Next()
		if i < 0 {
			return true, time.Time{}, x.finish(ctx)
		}
		if err := x.step(ctx, i); err != nil {
			return false, time.Time{}, err
		}
		s := p.Steps[i]
		if s.Phase.Terminal() || s.Phase == "" {
			continue
		}
		wake := s.WakeAt
		if err := e.Reporter.Report(ctx, p); err != nil {
			if ctx.Err() != nil {
				return false, time.Time{}, fmt.Errorf("report %s: %w", p.ID, err)
			}
			wake = earlier(wake, e.retryReport(e.logOf(p), p.FinishedAt, err))
		}
		return false, wake, nil
	}
}

// repoURL is the clone URL of the Promotion's own repository.
func (e *Engine) repoURL(p *pipeline.Promotion) string {
	return e.ServerURL + "/" + p.Repo.String() + ".git"
}

// pullURL is the clone URL of the repository that a pull request is in.
func (e *Engine) pullURL(p *pipeline.Promotion, pull pipeline.PullRef) string {
	if pull.Repo == "" {
		return e.repoURL(p)
	}
	return e.ServerURL + "/" + pull.Repo + ".git"
}

// branchURL is the clone URL of the repository that the Promotion's own branch is
// in.
func (e *Engine) branchURL(p *pipeline.Promotion) string {
	for i := range p.Steps {
		var out struct{ Branch, Repo string }
		if pipeline.IsPush(p.Stage.Steps[i].Uses) && json.Unmarshal(p.Steps[i].Output, &out) == nil &&
			out.Repo != "" && out.Branch == pipeline.PromotionBranch(p) {
			return e.ServerURL + "/" + out.Repo + ".git"
		}
	}
	return e.repoURL(p)
}

func (e *Engine) logOf(p *pipeline.Promotion) *slog.Logger {
	return e.Log.With("repo", p.Repo.String(), "stage", p.Stage.Name, "promotion", p.ID)
}

// earlier returns the earlier of two times, ignoring zero ones.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
