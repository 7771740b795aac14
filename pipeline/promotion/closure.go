package promotion

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// closure is what steps ask before they let anything in. That the answer was no
// is remembered, because time in which a Stage is closed does not count toward a
// step's timeout.
func (x *execution) closure(ctx context.Context) (pipeline.Closure, error) {
	c, err := x.l.Closure(ctx, x.e.Ports.Now())
	if err != nil {
		return c, fmt.Errorf("see whether %s is closed: %w", x.p.Stage.Name, err)
	}
	x.closed = x.closed || c.Closed
	return c, nil
}

// shut parks a step that would publish past any pull request while the Stage is
// closed; nil means that it may run. It is asked before the Workspace is built.
func (x *execution) shut(ctx context.Context, spec pipeline.StepSpec, config map[string]any) (*pipeline.StepResult, error) {
	if !pipeline.IsPush(spec.Uses) || step.PushesToOwnBranch(x.p, config) {
		return nil, nil //nolint:nilnil // "may run" has neither a result nor an error
	}
	c, err := x.closure(ctx)
	if err != nil || !c.Closed {
		return nil, err
	}
	wait := step.Closed(c, x.e.Ports.Now(), x.e.Ports.PollInterval)
	return &pipeline.StepResult{Phase: pipeline.Running, Message: wait.Message, WakeAt: wait.Until}, nil
}
