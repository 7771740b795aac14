package promotion

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// record keeps what a step is about to do.
func (x *execution) record(ctx context.Context, i int, output any) error {
	raw, err := json.Marshal(output)
	if err != nil {
		return fmt.Errorf("record output: %w", err)
	}
	x.p.Steps[i].Output = x.safe.mask.JSON(raw)
	return x.save(ctx)
}

// release takes back what step i left running outside. What cannot be taken back is
// logged; only a fault that may pass is returned.
func (x *execution) release(ctx context.Context, i int) error {
	s := x.p.Steps[i]
	def, ok := x.e.Steps.Lookup(x.p.Stage.Steps[i].Uses)
	if !ok || s.Attempts == 0 {
		return nil
	}
	err := def.End(ctx, x.stepEnv(i, s.Attempts, s.Output, false))
	if err == nil {
		return nil
	}
	if _, transient := pipeline.IsTransient(err); transient || ctx.Err() != nil {
		return err
	}
	x.log.WarnContext(ctx, "what a step started goes on", "step", x.p.Stage.Steps[i].As, "err", err)
	return nil
}
