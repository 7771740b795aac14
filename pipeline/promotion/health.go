package promotion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Healths is the record of a Stage's health.
type Healths interface {
	// Success returns the newest Promotion into the Stage that succeeded, and what its
	// health checks said last. Both are nil for none; so is the Promotion where the
	// Stage is not declared any more.
	Success(ctx context.Context) (*pipeline.Promotion, *pipeline.HealthReading, error)
	// SaveHealth records what the checks say now together with what follows from it:
	// the Verification that waited for it.
	SaveHealth(ctx context.Context, r pipeline.HealthReading) error
}

const (
	// healthFloor is the least time between two looks at the health of one Promotion.
	healthFloor = 10 * time.Second
	// healthPoll is how often health is looked at behind the events that tell of a
	// change, as in Kargo; what is not Healthy is looked at more often if other things
	// are.
	healthPoll = 5 * time.Minute
	// healthTimeout bounds one look at all checks of a Promotion.
	healthTimeout = time.Minute
)

// health is what one pass over a Stage saw of it: which Promotion's, and when to look
// again.
type health struct {
	promotion string
	wake      time.Time
}

// examine asks the health checks of the newest success, unless this pass has done so
// or one did just now. Afterwards the Stage's health is known, be it as Unknown, and
// holds up no Promotion.
func (e *Engine) examine(ctx context.Context, l Ledger, seen *health) error {
	p, last, err := l.Success(ctx)
	if err != nil {
		return fmt.Errorf("load the newest success: %w", err)
	}
	if p == nil || p.ID == seen.promotion {
		return nil
	}
	*seen = health{promotion: p.ID}
	checks, now := p.HealthChecks(), e.Ports.Now()
	if len(checks) == 0 {
		return nil
	}
	if last != nil && last.Promotion != p.ID {
		last = nil
	}
	if last != nil {
		if seen.wake = last.CheckedAt.Add(healthFloor); seen.wake.After(now) {
			return nil
		}
	}
	r := e.reading(ctx, p, checks)
	if ctx.Err() != nil {
		return fmt.Errorf("look at the health of %s: %w", p.Stage.Name, ctx.Err())
	}
	if r.Since = now; last != nil && last.State == r.State {
		r.Since = last.Since
	}
	if last == nil || last.State != r.State || !slices.Equal(last.Issues, r.Issues) {
		e.logOf(p).InfoContext(ctx, "health", "state", string(r.State), "issues", r.Issues)
	}
	if err := l.SaveHealth(ctx, r); err != nil {
		return fmt.Errorf("record the health of %s: %w", p.Stage.Name, err)
	}
	seen.wake = r.WakeAt
	return nil
}

// reading asks all checks.
func (e *Engine) reading(ctx context.Context, p *pipeline.Promotion, checks []pipeline.HealthCheck) pipeline.HealthReading {
	within, cancel := context.WithTimeout(ctx, min(healthTimeout, cmp.Or(e.StepTimeout, defaultStepTimeout)))
	defer cancel()
	hidden := safe{secrets: e.Secrets, repo: p.Repo}
	env := step.HealthEnv{Ports: e.Ports, Promotion: p, Log: hidden.log(e.logOf(p))}
	if e.Secrets != nil {
		env.Secret = hidden.open
	}
	findings := make([]pipeline.HealthFinding, len(checks))
	for i, c := range checks {
		def, ok := e.Steps.Lookup(c.Kind)
		if !ok {
			findings[i] = pipeline.HealthFinding{State: pipeline.HealthUnknown, Issues: []string{fmt.Sprintf("unknown step %q", c.Kind)}}
			continue
		}
		findings[i] = def.CheckHealth(within, env, c.Input)
	}
	now := e.Ports.Now()
	r := pipeline.MergeHealth(findings)
	for i, issue := range r.Issues {
		r.Issues[i] = hidden.mask.Hide(issue)
	}
	r.Stage, r.Promotion, r.CheckedAt = p.Stage.Name, p.ID, now
	poll := healthPoll
	if r.State != pipeline.HealthHealthy {
		poll = min(poll, e.Ports.PollInterval)
	}
	r.WakeAt = earlier(now.Add(max(poll, healthFloor)), r.WakeAt)
	if soonest := now.Add(healthFloor); r.WakeAt.Before(soonest) {
		r.WakeAt = soonest
	}
	return r
}
