package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Trial runs the steps of a Promotion that is part of no pipeline and recorded
// nowhere, so that people can try them. Conditions, variables, retries and outputs
// are those of the Engine, whose own execution it drives. A Trial is used once.
type Trial struct {
	// Engine gives the steps, the ports and the clock; its Verifier and Reporter are
	// not used.
	Engine *Engine
	// Begin makes the Workspace that the first step finds. It is called again when a
	// step failed half done and later ones need files.
	Begin func(context.Context) (*tree.Workspace, error)
	// Context adds to what expressions see, before any variable is evaluated. It must
	// not keep the maps of the Env that it is given. Nil adds nothing.
	Context func(*expr.Env)
	// Wait returns when a step that is not done shall be looked at again, at the given
	// time at the latest; false gives up and leaves the step Running.
	Wait func(ctx context.Context, until time.Time) bool
	// Faults is how many faults of the outside in a row end a step as Errored; zero
	// means that none does, as in a Promotion.
	Faults int
}

// Run runs the steps of p to their end, unless Wait gives up, and returns the
// Workspace as they left it. What became of the steps is in p; the error is about
// the Trial itself.
func (t *Trial) Run(ctx context.Context, p *pipeline.Promotion) (*tree.Workspace, error) {
	e := t.Engine
	x := &execution{e: e, l: unrecorded{}, p: p, log: e.logOf(p), trial: t, safe: safe{secrets: e.Secrets, repo: p.Repo}}
	*p = pipeline.NewPromotion(*p)
	p.Start(e.Ports.Now(), nil)
	for i := p.Next(); i >= 0; i = p.Next() {
		if err := x.step(ctx, i); err != nil {
			return nil, err
		}
		s := &p.Steps[i]
		if s.Phase.Terminal() || s.Phase == "" { // or started over
			continue
		}
		if t.Faults > 0 && s.Faults >= t.Faults {
			p.Apply(i, pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: s.Message}, e.Ports.Now())
			continue
		}
		if !t.Wait(ctx, s.WakeAt) {
			return t.files(ctx, x, i)
		}
	}
	p.Finish(e.Ports.Now())
	return t.files(ctx, x, len(p.Steps))
}

// files makes the Workspace as the steps before step i left it.
func (t *Trial) files(ctx context.Context, x *execution, i int) (*tree.Workspace, error) {
	res, err := x.workspace(ctx, i)
	if err == nil && res != nil {
		err = errors.New(res.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("gather the files: %w", err)
	}
	return x.ws, nil
}

// unrecorded is the Ledger of a Promotion that is recorded nowhere and whose Stage
// is never closed.
type unrecorded struct{ Ledger }

func (unrecorded) Save(context.Context, pipeline.Promotion) error { return nil }

func (unrecorded) Closure(context.Context, time.Time) (pipeline.Closure, error) {
	return pipeline.Closure{}, nil
}
