package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// execution is one pass over one Promotion.
type execution struct {
	e   *Engine
	l   Ledger
	p   *pipeline.Promotion
	log *slog.Logger
	// ws is nil until a step needs the Workspace; built says which steps have
	// left their result in it.
	ws    *tree.Workspace
	built int
	// safe holds the secrets that were needed.
	safe safe
	// closed says whether the step that runs was told that the Stage is closed.
	closed bool
	// trial is set for steps that are only tried.
	trial *Trial
}

// defaultStepTimeout is the Engine's StepTimeout unless it is set.
const defaultStepTimeout = 5 * time.Minute

// step runs step i once and records the outcome.
func (x *execution) step(ctx context.Context, i int) error {
	p, now := x.p, x.e.Ports.Now
	spec := p.Stage.Steps[i]
	s := &p.Steps[i]
	env, err := x.exprEnv(ctx, i)
	var bad *evaluationError
	switch {
	case errors.As(err, &bad):
		return x.refuse(ctx, i, err)
	case err != nil:
		return err
	}
	if s.Attempts == 0 || s.Phase == "" {
		run, why, err := condition(p, i, env)
		if fault := env.status.fault(); fault != nil {
			return fault
		}
		if err != nil {
			return x.refuse(ctx, i, fmt.Errorf("if: %w", err))
		}
		if !run {
			p.Skip(i, now(), why)
			return x.save(ctx)
		}
	}
	attempt, prior := s.Attempts+1, s.Output
	p.Begin(i, now())
	if err := x.save(ctx); err != nil {
		return err
	}
	res, err := x.run(ctx, i, attempt, prior, env)
	var rewind *step.RewindError
	switch {
	case errors.As(err, &rewind):
		return x.rewind(ctx, i, &step.RewindError{Reason: x.safe.mask.Hide(rewind.Reason)})
	case err != nil:
		return fmt.Errorf("step %s of %s: %w", spec.As, p.ID, x.safe.mask.Error(err))
	}
	res = x.safe.result(res)
	if x.closed && res.Phase == pipeline.Running {
		s.StartedAt = now()
	}
	p.Apply(i, res, now())
	if res.Phase == pipeline.Running && p.Steps[i].Phase.Terminal() {
		// Its time is up. It ends now or never, so that a fault is no reason to wait.
		if err := x.release(ctx, i); err != nil {
			x.log.WarnContext(ctx, "what a step started goes on", "step", spec.As, "err", err)
		}
	}
	level := slog.LevelInfo
	if res.Transient {
		level = slog.LevelWarn
	}
	x.log.Log(ctx, level, "step", "step", spec.As, "attempt", attempt, "phase", string(p.Steps[i].Phase), "message", p.Steps[i].Message)
	return x.save(ctx)
}

// refuse ends step i, whose expressions make no sense, without running it.
func (x *execution) refuse(ctx context.Context, i int, why error) error {
	now := x.e.Ports.Now()
	x.p.Begin(i, now)
	x.p.Apply(i, x.safe.result(failedResult(why)), now)
	return x.save(ctx)
}

// run runs step i within its time. One that takes longer is tried again: that it
// took long says nothing about what it was to do.
func (x *execution) run(ctx context.Context, i, attempt int, prior []byte, env exprEnv) (pipeline.StepResult, error) {
	limit := cmp.Or(x.e.StepTimeout, defaultStepTimeout)
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := x.attempt(within, i, attempt, prior, env)
	if err == nil || within.Err() == nil || ctx.Err() != nil {
		return res, err
	}
	x.ws = nil
	return x.waitOut(i, 0, fmt.Errorf("stopped after %s, will try again", limit)), nil
}

// waitOut is the result of step i when something kept it from being tried.
func (x *execution) waitOut(i int, after time.Duration, why error) pipeline.StepResult {
	return pipeline.StepResult{
		Phase: pipeline.Running, Transient: true, Message: why.Error(),
		WakeAt: x.e.Ports.Now().Add(max(after, step.Backoff(x.p.Steps[i].Faults))),
	}
}

// attempt makes everything ready for step i and runs it.
func (x *execution) attempt(ctx context.Context, i, attempt int, prior []byte, env exprEnv) (pipeline.StepResult, error) {
	spec := x.p.Stage.Steps[i]
	def, ok := x.e.Steps.Lookup(spec.Uses)
	if !ok {
		return failedResult(x.e.Steps.Unknown(spec.Uses)), nil
	}
	config, err := x.config(ctx, def, env, spec)
	if after, transient := pipeline.IsTransient(err); transient {
		return x.waitOut(i, after, err), nil
	}
	if err != nil {
		return failedResult(err), ctx.Err()
	}
	x.closed = false
	if res, err := x.shut(ctx, spec, config); err != nil || res != nil {
		return deref(res), err
	}
	if def.UsesWorkspace(config) {
		if res, err := x.workspace(ctx, i); err != nil || res != nil {
			return deref(res), err
		}
	}
	res, err := def.Run(ctx, x.stepEnv(i, attempt, prior, false), config)
	switch {
	case err != nil:
		return res, err
	case res.Phase == pipeline.Succeeded || res.Phase == pipeline.Skipped:
		if def.Replays() {
			x.built = i + 1
		}
	case def.Kind() == step.Workspace:
		x.ws = nil // a half-done step may have left anything
	}
	return res, nil
}

// workspace rebuilds the Workspace up to step i by replaying the Workspace steps
// before it. A result other than nil stands for step i itself, which cannot run
// now.
func (x *execution) workspace(ctx context.Context, i int) (_ *pipeline.StepResult, err error) {
	if x.ws == nil {
		if x.ws, err = x.begin(ctx); err != nil {
			return nil, err
		}
		x.built = 0
	}
	for ; x.built < i; x.built++ {
		j := x.built
		s, spec := x.p.Steps[j], x.p.Stage.Steps[j]
		def, ok := x.e.Steps.Lookup(spec.Uses)
		if !ok || !def.Replays() || s.Attempts == 0 || (s.Phase != pipeline.Succeeded && s.Phase != pipeline.Skipped) {
			continue
		}
		env, err := x.exprEnv(ctx, j)
		if err != nil {
			return nil, err
		}
		config, err := x.config(ctx, def, env, spec)
		if after, transient := pipeline.IsTransient(err); transient {
			res := x.waitOut(i, after, fmt.Errorf("replay %s: %w", spec.As, err))
			return &res, nil
		}
		if err != nil {
			return nil, fmt.Errorf("replay %s: %w", spec.As, err)
		}
		res, err := def.Run(ctx, x.stepEnv(j, s.Attempts, s.Output, true), config)
		switch {
		case err != nil:
			return nil, err
		case res.Phase == pipeline.Succeeded || res.Phase == pipeline.Skipped:
		default:
			x.ws = nil
			res.Message = fmt.Sprintf("replay of %s: %s", spec.As, res.Message)
			return &res, nil
		}
	}
	return nil, nil //nolint:nilnil // "ready" has neither a result nor an error
}

func (x *execution) stepEnv(i, attempt int, prior []byte, replaying bool) step.Env {
	env := step.Env{
		Ports: x.e.Ports, Promotion: x.p, Index: i, Workspace: x.ws,
		Attempt: attempt, Prior: prior, Replaying: replaying, Closure: x.closure,
		Record: func(ctx context.Context, output any) error { return x.record(ctx, i, output) },
		Log:    x.safe.log(x.log.With("step", x.p.Stage.Steps[i].As)),
	}
	if x.e.Secrets != nil {
		env.Secret = x.safe.open
	}
	return env
}

// begin makes the Workspace that the first step finds.
func (x *execution) begin(ctx context.Context) (*tree.Workspace, error) {
	if x.trial == nil {
		return tree.NewWorkspace(), nil
	}
	ws, err := x.trial.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the workspace: %w", err)
	}
	return ws, nil
}

// rewind starts over from the first step that reads a repository.
func (x *execution) rewind(ctx context.Context, i int, why *step.RewindError) error {
	p, now := x.p, x.e.Ports.Now()
	first := firstClone(p)
	if first < 0 || first > i || p.Rewinds >= maxRewinds {
		p.Apply(i, pipeline.StepResult{
			Phase: pipeline.Failed, Terminal: true,
			Message: fmt.Sprintf("%s (after %d new starts); close the pull request and promote again", why.Reason, p.Rewinds),
		}, now)
		return x.save(ctx)
	}
	x.log.Info("promotion starts over", "reason", why.Reason)
	p.Rewind(first, why.Reason)
	x.ws = nil
	return x.save(ctx)
}

// collect gives the Promotion the Freight of the Stage's other origins as it is
// now: what was current when it was queued may have been replaced by those before
// it. It does not change while the Promotion runs, because nothing else does.
func (x *execution) collect(ctx context.Context) error {
	p := x.p
	p.Collection = []pipeline.Freight{p.Freight}
	for _, req := range p.Stage.Requests {
		if req.Origin == p.Freight.Warehouse {
			continue
		}
		other, err := x.l.Current(ctx, req.Origin)
		if err != nil {
			return fmt.Errorf("load current freight of %s: %w", req.Origin, err)
		}
		if other != nil {
			p.Collection = append(p.Collection, *other)
		}
	}
	return nil
}

func (x *execution) finish(ctx context.Context) error {
	x.p.Finish(x.e.Ports.Now())
	if err := x.l.Finish(ctx, *x.p); err != nil {
		return fmt.Errorf("finish %s: %w", x.p.ID, err)
	}
	x.log.Info("promotion ended", "phase", string(x.p.Phase), "message", x.p.Message)
	return nil
}

func (x *execution) save(ctx context.Context) error {
	if err := x.l.Save(ctx, *x.p); err != nil {
		return fmt.Errorf("record %s: %w", x.p.ID, err)
	}
	return nil
}

func failedResult(err error) pipeline.StepResult {
	return pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: err.Error()}
}

func deref(r *pipeline.StepResult) pipeline.StepResult {
	if r == nil {
		return pipeline.StepResult{}
	}
	return *r
}
