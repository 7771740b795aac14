package steptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
)

// Workflows are the GitHub Actions of all repositories of a World. Nothing runs: a
// test says how a run ends.
type Workflows struct {
	world *World
	// Runs and Dispatches grow with every dispatch.
	Runs       []actions.Run
	Dispatches []actions.Dispatch
	// Returned are the annotations of runs, by id and title.
	Returned map[int64]map[string][]string
	// Cancelled are the runs that were cancelled.
	Cancelled []int64
	// Mute has dispatches tell no id, Lag is how long runs take to show in lists.
	Mute bool
	Lag  time.Duration
	// Refuse, when not nil, is what Dispatch answers.
	Refuse error
}

var (
	_ actions.Workflows = (*Workflows)(nil)
	_ actions.Outputs   = (*Workflows)(nil)
)

// DefaultBranch implements actions.Workflows.
func (w *Workflows) DefaultBranch(ctx context.Context, _ pipeline.Repo) (string, error) {
	return "main", ctx.Err()
}

// Dispatch implements actions.Workflows. The run is called by the input "id".
func (w *Workflows) Dispatch(ctx context.Context, _ pipeline.Repo, d actions.Dispatch) (int64, error) {
	if err := errors.Join(ctx.Err(), w.world.fault("dispatch", false), w.Refuse); err != nil {
		return 0, err
	}
	w.world.mu.Lock()
	id := int64(100 + len(w.Runs))
	w.Dispatches = append(w.Dispatches, d)
	w.Runs = append(w.Runs, actions.Run{
		ID: id, Title: "run " + d.Inputs["id"], CreatedAt: w.world.Now, URL: fmt.Sprintf("https://github.com/acme/gitops/actions/runs/%d", id),
	})
	w.world.mu.Unlock()
	if w.Mute {
		id = 0
	}
	return id, w.world.fault("dispatch", true)
}

// Dispatched implements actions.Workflows.
func (w *Workflows) Dispatched(ctx context.Context, _ pipeline.Repo, _, _ string, since time.Time) ([]actions.Run, error) {
	if err := errors.Join(ctx.Err(), w.world.fault("dispatched", false)); err != nil {
		return nil, err
	}
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	var out []actions.Run
	for _, run := range slices.Backward(w.Runs) {
		if !run.CreatedAt.Before(since) && !w.world.Now.Before(run.CreatedAt.Add(w.Lag)) {
			out = append(out, run)
		}
	}
	return out, nil
}

// WorkflowRun implements actions.Workflows.
func (w *Workflows) WorkflowRun(ctx context.Context, repo pipeline.Repo, id int64) (actions.Run, error) {
	if err := errors.Join(ctx.Err(), w.world.fault("run", false)); err != nil {
		return actions.Run{}, err
	}
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	for _, run := range w.Runs {
		if run.ID == id {
			return run, nil
		}
	}
	return actions.Run{}, &pipeline.UserError{Message: fmt.Sprintf("there is no workflow run %d in %s", id, repo)}
}

// Cancel implements actions.Workflows.
func (w *Workflows) Cancel(ctx context.Context, _ pipeline.Repo, id int64) error {
	if err := errors.Join(ctx.Err(), w.world.fault("cancel", false)); err != nil {
		return err
	}
	w.world.mu.Lock()
	w.Cancelled = append(w.Cancelled, id)
	w.world.mu.Unlock()
	return w.world.fault("cancel", true)
}

// Annotations implements actions.Outputs.
func (w *Workflows) Annotations(ctx context.Context, _ pipeline.Repo, run int64, title string) ([]string, error) {
	if err := errors.Join(ctx.Err(), w.world.fault("annotations", false)); err != nil {
		return nil, err
	}
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	return w.Returned[run][title], nil
}

// End ends a run.
func (w *Workflows) End(id int64, conclusion string) {
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	for i := range w.Runs {
		if w.Runs[i].ID == id {
			w.Runs[i].Done, w.Runs[i].Conclusion = true, conclusion
		}
	}
}
