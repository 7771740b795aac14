package steptest

import (
	"context"
	"errors"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// audit is the World's record of events.
type audit World

// Record implements step.Audit.
func (a *audit) Record(ctx context.Context, _ pipeline.Repo, e step.AuditEvent) error {
	w := (*World)(a)
	if err := errors.Join(ctx.Err(), w.fault("audit", false)); err != nil {
		return err
	}
	w.mu.Lock()
	if _, known := w.Events[e.Promotion+" "+e.Step]; !known {
		w.Events[e.Promotion+" "+e.Step] = e
	}
	w.mu.Unlock()
	return w.fault("audit", true)
}
