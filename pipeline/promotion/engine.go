package promotion

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Ledger is the durable record of one Stage, held under one lease. Every write
// fails once the lease has moved on.
type Ledger interface {
	// Promotions returns, oldest first, those that are not terminal and those
	// whose end is not reported yet.
	Promotions(ctx context.Context) ([]pipeline.Promotion, error)
	// Save records a Promotion that goes on.
	Save(ctx context.Context, p pipeline.Promotion) error
	// Finish records a terminal Promotion together with what follows from it:
	// on success its Freight becomes current and a hold is set or cleared.
	Finish(ctx context.Context, p pipeline.Promotion) error
	// Reported records that the end of a Promotion was published.
	Reported(ctx context.Context, id string) error
	// Current returns the Freight of a Warehouse that is current in the Stage,
	// nil for none.
	Current(ctx context.Context, warehouse string) (*pipeline.Freight, error)
}

// Reporter brings what the world sees of a Promotion up to date. It must be
// idempotent.
type Reporter interface {
	Report(ctx context.Context, p *pipeline.Promotion) error
}

// Engine runs Promotions.
type Engine struct {
	Steps    *step.Registry
	Ports    step.Ports
	Reporter Reporter
	// ServerURL is the Git host, "https://github.com".
	ServerURL string
	// PublicURL is where people reach this server, empty when it is not known.
	PublicURL string
	// DefaultBranch returns a repository's default branch.
	DefaultBranch func(ctx context.Context, r pipeline.Repo) (string, error)
	// StepTimeout bounds one pass over one step; it must be shorter than the
	// lease. Zero means five minutes.
	StepTimeout time.Duration
	Log         *slog.Logger
}

// maxRewinds bounds how often a Promotion starts over because its base moved.
const maxRewinds = 50

// Advance moves the Promotions of one Stage as far as they go now and returns
// when to look again, zero for "not before something happens". Promotions run
// strictly one after the other, in the order in which they were created; only an
// abort of one that waits its turn does not wait.
func (e *Engine) Advance(ctx context.Context, l Ledger) (time.Time, error) {
	for {
		all, err := l.Promotions(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("load promotions: %w", err)
		}
		var next time.Time
		for i := range all {
			if !all[i].Phase.Terminal() {
				continue
			}
			again, err := e.reportEnd(ctx, l, &all[i])
			if err != nil {
				return time.Time{}, err
			}
			next = earlier(next, again)
		}
		p := choose(all)
		if p == nil {
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
	x := &execution{e: e, l: l, p: p, log: e.logOf(p)}
	if p.AbortRequested != "" {
		aborted, err := x.abort(ctx)
		if err != nil || aborted {
			return aborted, time.Time{}, err
		}
	}
	if p.Phase == pipeline.Pending {
		previous, err := l.Current(ctx, p.Freight.Warehouse)
		if err != nil {
			return false, time.Time{}, fmt.Errorf("load current freight: %w", err)
		}
		p.Start(e.Ports.Now(), previous)
		if err := l.Save(ctx, *p); err != nil {
			return false, time.Time{}, fmt.Errorf("start %s: %w", p.ID, err)
		}
		x.log.Info("promotion started", "freight", p.Freight.ID, "reason", p.Reason)
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
			wake = earlier(wake, e.retryReport(p, err))
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
