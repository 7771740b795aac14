package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
)

// dispatched is what a step that dispatches a workflow keeps between its passes.
type dispatched struct {
	actions.State
	// Repo is OWNER/NAME.
	Repo    string `json:"repo"`
	File    string `json:"file"`
	IDInput string `json:"idInput,omitempty"`
	// Round is how often the Promotion had been retried.
	Round int `json:"round,omitempty"`
}

// resume returns what an earlier pass kept. Each retry of the Promotion by a person
// is a round of its own, in which the workflow is dispatched anew; a start over from
// the first git-clone is not.
func (e Env) resume(kept json.RawMessage) dispatched {
	var d dispatched
	if kept == nil || json.Unmarshal(kept, &d) != nil || d.Round != e.Promotion.Retries {
		return dispatched{}
	}
	return d
}

// dispatch makes one pass over an order. Until the run is known it returns a
// WaitError or another error; d is to be kept in any case. keep makes an output of d,
// which is stored before the dispatch.
func (e Env) dispatch(ctx context.Context, o actions.Order, d *dispatched, keep func(dispatched) any) error {
	if e.Workflows == nil {
		return errNoHost
	}
	d.Repo, d.File, d.IDInput, d.Round = o.Repo.String(), o.File, o.IDInput, e.Promotion.Retries
	o.Token = e.identity(d.Round)
	save := func(ctx context.Context, s actions.State) error {
		if e.Record == nil {
			return nil
		}
		next := *d
		next.State = s
		return e.Record(ctx, keep(next))
	}
	err := o.Advance(ctx, e.Workflows, &d.State, e.Now(), save)
	var refused *actions.RefusedError
	switch {
	case errors.As(err, &refused):
		return &PermanentError{err}
	case err != nil:
		return err
	case d.Run == 0:
		return &WaitError{
			Message: fmt.Sprintf("waiting for the run of workflow %s of %s to appear", o.File, o.Repo), Until: e.Now().Add(actions.LookAgain),
		}
	}
	return nil
}

// awaitRun returns a run that has ended. Until then it returns a WaitError and what
// is known of the run.
func (e Env) awaitRun(ctx context.Context, repo pipeline.Repo, id int64, poll time.Duration) (actions.Run, error) {
	if e.Workflows == nil {
		return actions.Run{}, errNoHost
	}
	wait := &WaitError{
		Message: fmt.Sprintf("waiting for workflow run %d of %s", id, repo),
		Until:   e.Now().Add(poll), On: []string{pipeline.WorkflowRunEvent(id)},
	}
	run, err := e.Workflows.WorkflowRun(ctx, repo, id)
	var refused *pipeline.UserError
	if errors.As(err, &refused) && e.Now().Before(e.Promotion.Steps[e.Index].StartedAt.Add(unseen)) {
		// What was dispatched a moment ago may not be known everywhere yet.
		wait.Until = e.Now().Add(actions.LookAgain)
		return run, wait
	}
	if err != nil {
		return run, fmt.Errorf("workflow run %d of %s: %w", id, repo, final(err))
	}
	if !run.Done {
		return run, wait
	}
	return run, nil
}

// unseen is how long after its dispatch a run may be unknown to the host.
const unseen = 30 * time.Second

// conclusions are how GitHub ends a run.
var conclusions = []string{
	"action_required", "cancelled", "failure", "neutral", "skipped", "stale", "startup_failure", "success", "timed_out",
}

// concluded fails the step unless the run ended as expected.
func concluded(what string, run actions.Run, expected string) error {
	if run.Conclusion == expected {
		return nil
	}
	return &FailedError{
		Err: fmt.Errorf("%s ended with %s, not %s; look at %s", what, run.Conclusion, expected, run.URL), Terminal: true,
	}
}

// texts returns values as a workflow takes them, which knows texts only.
func texts(values Values) map[string]string {
	out := make(map[string]string, len(values))
	for name, raw := range values {
		var s string
		switch {
		case bytes.Equal(raw, []byte("null")): // an expression that found nothing
		case json.Unmarshal(raw, &s) == nil:
			out[name] = s
		default:
			out[name] = string(raw)
		}
	}
	return out
}
