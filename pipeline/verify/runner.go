package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/secret"
)

// Runner advances Verifications.
type Runner struct {
	// Providers measure, by kind.
	Providers map[string]Provider
	// Env returns what the expressions of a run see: ctx, vars and its Freight. Its
	// errors about the expressions themselves are shown to people; a
	// *pipeline.TransientError makes Advance fail.
	Env     func(ctx context.Context, run *pipeline.VerificationRun) (expr.Env, error)
	Secrets Secrets
	// Poll is how often a measurement that waits for an event is looked at without
	// one; zero means a minute.
	Poll time.Duration
	Now  func() time.Time
	Log  *slog.Logger
}

// Advance makes one pass over a run that has not ended: it starts it, carries out
// AbortRequested, measures what is due, and sets phases, Message, WakeAt and WakeOn.
// The caller stores run afterwards; save is called besides, before an effect outside,
// with the run as it is then. Passes that nothing called for do no harm.
//
// The error is about the pass, not about what was measured: what save returned, that
// ctx has ended, or a fault of the environment. The run is then to be advanced again
// from what was saved last.
//
// Rules, after Argo Rollouts and Kargo: metrics are measured at the same time; the
// run ends once all of them have, or as soon as one that is no dry run has ended
// otherwise than with success, which gives up the rest; its phase is the worst of
// the metrics that are no dry runs.
func (r *Runner) Advance(ctx context.Context, run *pipeline.VerificationRun, save func(context.Context, pipeline.VerificationRun) error) error {
	if run.Phase.Terminal() {
		return nil
	}
	p := &pass{r: r, run: run, save: save, now: r.Now(), mask: &secret.Mask{}}
	defer func() { run.Message = p.mask.Hide(run.Message) }()
	if run.AbortRequested != "" {
		p.giveUp(ctx, "the run was aborted")
		p.end(pipeline.VerificationAborted, run.AbortRequested)
		return nil
	}
	if run.StartedAt.IsZero() {
		if err := p.start(ctx); err != nil {
			return err
		}
		if run.Phase.Terminal() {
			return nil
		}
	}
	if v := run.Stage.Verification; v == nil || len(run.Metrics) != len(v.Metrics) {
		p.end(pipeline.VerificationError, "internal error: what is recorded does not belong to the Verification")
		return nil
	}
	if err := p.measure(ctx); err != nil {
		return err
	}
	p.conclude(ctx)
	return nil
}

// pass is one call of Advance.
type pass struct {
	r    *Runner
	run  *pipeline.VerificationRun
	save func(context.Context, pipeline.VerificationRun) error
	now  time.Time
	mask *secret.Mask
	lazy lazy
}

// start evaluates the arguments. What cannot be run ends as Error; the error that
// comes back is about what arguments are evaluated in.
func (p *pass) start(ctx context.Context) error {
	p.run.StartedAt, p.run.Phase = p.now, pipeline.VerificationRunning
	fault := validate(p.run.Stage.Verification)
	if fault == nil {
		metrics := p.run.Stage.Verification.Metrics
		p.run.Metrics = make([]pipeline.MetricRun, len(metrics))
		for i, m := range metrics {
			p.run.Metrics[i] = pipeline.MetricRun{Name: m.Name, Phase: pipeline.VerificationPending}
			p.run.Metrics[i].Due = next(m, &p.run.Metrics[i], p.now)
		}
		p.run.Args, fault = p.arguments(ctx)
	}
	if _, transient := pipeline.IsTransient(fault); transient || ctx.Err() != nil {
		p.run.StartedAt, p.run.Phase, p.run.Metrics, p.run.Args = time.Time{}, pipeline.VerificationPending, nil, nil
		return fmt.Errorf("arguments of %s: %w", p.run.ID, errors.Join(fault, ctx.Err()))
	}
	if fault != nil {
		p.end(pipeline.VerificationError, "the Verification cannot run: "+fault.Error())
	}
	return nil
}

// arguments evaluates all arguments that are no secrets. As in Kargo their values
// have to be strings, and none may be missing.
func (p *pass) arguments(ctx context.Context) (map[string]string, error) {
	args := map[string]string{}
	for _, a := range p.run.Stage.Verification.Args {
		switch {
		case a.Secret != "" && a.Value != nil:
			return nil, fmt.Errorf("argument %s has both a value and a secret", a.Name)
		case a.Secret != "":
			continue
		case a.Value == nil:
			return nil, fmt.Errorf("argument %s has no value", a.Name)
		case !expr.HasExpression(*a.Value):
			args[a.Name] = *a.Value
			continue
		}
		env, err := p.env(ctx)
		if err != nil {
			return nil, err
		}
		value, err := expr.Evaluate(*a.Value, env)
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", a.Name, err)
		}
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("argument %s is a %T where a string is needed: use quote()", a.Name, value)
		}
		args[a.Name] = text
	}
	return args, nil
}

// conclude ends the run if its metrics say so, else says when to look again.
func (p *pass) conclude(ctx context.Context) {
	metrics := p.run.Stage.Verification.Metrics
	worst, message := pipeline.VerificationSuccessful, ""
	over := true
	for i, m := range metrics {
		mr := &p.run.Metrics[i]
		if !mr.Phase.Terminal() {
			over = false
			continue
		}
		if !m.DryRun && severity(mr.Phase) > severity(worst) {
			worst, message = mr.Phase, "metric "+mr.Name+": "+mr.Message
		}
	}
	if worst != pipeline.VerificationSuccessful || over {
		p.giveUp(ctx, "given up, because the run has ended")
		p.end(worst, message)
		return
	}
	p.run.WakeAt, p.run.WakeOn = time.Time{}, nil
	for i, m := range metrics {
		mr := &p.run.Metrics[i]
		if mr.Phase.Terminal() {
			continue
		}
		p.wakeAt(mr.Due)
		p.wakeAt(deadline(m, mr))
		for _, event := range unpack(mr.State).On {
			if !slices.Contains(p.run.WakeOn, event) {
				p.run.WakeOn = append(p.run.WakeOn, event)
			}
		}
	}
}

func (p *pass) wakeAt(at time.Time) {
	if !at.IsZero() && (p.run.WakeAt.IsZero() || at.Before(p.run.WakeAt)) {
		p.run.WakeAt = at
	}
}

// end ends the run.
func (p *pass) end(phase pipeline.VerificationPhase, message string) {
	p.run.Phase, p.run.Message, p.run.FinishedAt = phase, message, p.now
	p.run.WakeAt, p.run.WakeOn = time.Time{}, nil
}

// giveUp ends all metrics that have not.
func (p *pass) giveUp(ctx context.Context, why string) {
	for i := range p.run.Metrics {
		mr := &p.run.Metrics[i]
		if mr.Phase.Terminal() {
			continue
		}
		if open := inFlight(mr); open != nil {
			p.endMeasurement(ctx, i)
			open.Phase, open.Message, open.FinishedAt = pipeline.VerificationAborted, why, p.now
		}
		finish(mr, pipeline.VerificationAborted, why, p.now)
	}
}
