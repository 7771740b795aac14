package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// workflow dispatches a GitHub Actions workflow and waits for its end.
type workflow struct{ workflows Workflows }

var _ Ender = (*workflow)(nil)

type workflowConfig struct {
	// File is its file name; .github/workflows/ may stand before it.
	File   string          `json:"file"`
	Ref    string          `json:"ref"`
	Inputs map[string]text `json:"inputs"`
	// IDInput names an input that receives a unique text. A workflow whose run-name
	// shows it can be told from others for sure after a crash.
	IDInput string `json:"idInput"`
}

// dispatched is what is remembered of a dispatch, stored before it is made.
type dispatched struct {
	// Token is unique to the measurement.
	Token string `json:"token"`
	Ref   string `json:"ref"`
	// At is when the dispatch was begun, Known the runs that were there before.
	At    time.Time `json:"at"`
	Known []int64   `json:"known,omitempty"`
	Run   int64     `json:"run,omitempty"`
	// Sent is whether the host has said that it started the workflow.
	Sent bool `json:"sent,omitempty"`
}

const (
	// hostLag is how long a dispatched run may take to show in lists. Within it a
	// dispatch whose outcome is unknown is not repeated.
	hostLag = time.Minute
	// clockSkew is how far the host's clock may be behind ours.
	clockSkew = 5 * time.Second
	lookAgain = 10 * time.Second
)

// Measure implements Provider. Only success passes; a run that was skipped has
// verified nothing.
func (w *workflow) Measure(ctx context.Context, in Look) (Outcome, error) {
	config, err := w.config(in)
	if err != nil {
		return Outcome{}, err
	}
	repo := in.Repo()
	state, begun := remembered[dispatched](in)
	if !begun {
		if state, err = w.prepare(ctx, in, config); err != nil {
			return Outcome{}, err
		}
	} else if state.Run == 0 {
		if state.Run, err = w.find(ctx, repo, config, state); err != nil {
			return Outcome{}, fmt.Errorf("look for the run of workflow %s: %w", config.File, err)
		}
	}
	if state.Run == 0 && !state.Sent && (!begun || !in.Now.Before(state.At.Add(hostLag))) {
		if begun {
			// The first dispatch was lost. What appears late is still found.
			state.At = in.Now
			if err := in.Remember(ctx, state); err != nil {
				return Outcome{}, err
			}
		}
		if state.Run, err = w.dispatch(ctx, repo, config, state); err != nil {
			return Outcome{}, err
		}
		state.Sent = true
	}
	if state.Run == 0 {
		if state.Sent && in.Now.After(state.At.Add(10*hostLag)) {
			return Outcome{}, fmt.Errorf("workflow %s was dispatched on %s, but no run of it appeared", config.File, state.Ref)
		}
		return Outcome{
			State: state, Message: "waiting for the run of workflow " + config.File + " to appear",
			Wait: &Wait{After: lookAgain},
		}, nil
	}
	return w.await(ctx, repo, config, state)
}

func (w *workflow) config(in Look) (workflowConfig, error) {
	var config workflowConfig
	if err := in.Decode(&config); err != nil {
		return config, err
	}
	config.File = path.Base(config.File)
	if !strings.HasSuffix(config.File, ".yml") && !strings.HasSuffix(config.File, ".yaml") {
		return config, Permanent(fmt.Errorf("%q is not the name of a workflow file, such as smoke.yml", config.File))
	}
	return config, nil
}

// prepare stores the intention to dispatch, with what tells its run from others.
func (w *workflow) prepare(ctx context.Context, in Look, config workflowConfig) (dispatched, error) {
	repo := in.Repo()
	state := dispatched{Token: fmt.Sprintf("%s.%s.%d", in.Run.ID, in.Metric, in.Number), Ref: config.Ref, At: in.Now}
	if state.Ref == "" {
		var err error
		if state.Ref, err = w.workflows.DefaultBranch(ctx, repo); err != nil {
			return state, fmt.Errorf("default branch of %s: %w", repo, err)
		}
	}
	earlier, err := w.workflows.Dispatched(ctx, repo, config.File, state.Ref, in.Now.Add(-clockSkew))
	if err != nil {
		return state, fmt.Errorf("runs of workflow %s: %w", config.File, refused(err))
	}
	for _, run := range earlier {
		state.Known = append(state.Known, run.ID)
	}
	return state, in.Remember(ctx, state)
}

func (w *workflow) dispatch(ctx context.Context, repo pipeline.Repo, config workflowConfig, state dispatched) (int64, error) {
	inputs := map[string]string{}
	for name, value := range config.Inputs {
		inputs[name] = string(value)
	}
	if config.IDInput != "" {
		inputs[config.IDInput] = state.Token
	}
	id, err := w.workflows.Dispatch(ctx, repo, Dispatch{File: config.File, Ref: state.Ref, Inputs: maps.Clone(inputs)})
	if err != nil {
		return 0, fmt.Errorf("dispatch workflow %s: %w", config.File, refused(err))
	}
	return id, nil
}

// refused makes the host's refusals final: they do not change by themselves.
func refused(err error) error {
	var u *pipeline.UserError
	if errors.As(err, &u) {
		return Permanent(err)
	}
	return err
}

// find looks for the run of a dispatch whose outcome is not known. Without an
// IDInput it is the first run that was not there before.
func (w *workflow) find(ctx context.Context, repo pipeline.Repo, config workflowConfig, state dispatched) (int64, error) {
	runs, err := w.workflows.Dispatched(ctx, repo, config.File, state.Ref, state.At.Add(-clockSkew))
	if err != nil {
		return 0, err
	}
	var first int64
	for _, run := range runs {
		switch {
		case config.IDInput != "" && strings.Contains(run.Title, state.Token):
			return run.ID, nil
		case config.IDInput != "", known(state.Known, run.ID):
		case first == 0 || run.ID < first:
			first = run.ID
		}
	}
	return first, nil
}

func known(ids []int64, id int64) bool {
	for _, k := range ids {
		if k == id {
			return true
		}
	}
	return false
}

func (w *workflow) await(ctx context.Context, repo pipeline.Repo, config workflowConfig, state dispatched) (Outcome, error) {
	run, err := w.workflows.WorkflowRun(ctx, repo, state.Run)
	if err != nil {
		return Outcome{}, fmt.Errorf("run %d of workflow %s: %w", state.Run, config.File, err)
	}
	out := Outcome{State: state, URL: run.URL, Value: run.Conclusion, Text: run.Conclusion}
	if !run.Done {
		out.Message = "waiting for workflow " + config.File
		out.Wait = &Wait{On: []string{pipeline.WorkflowRunEvent(state.Run)}}
		return out, nil
	}
	out.Message = "workflow " + config.File + " ended with " + run.Conclusion
	switch run.Conclusion {
	case "success":
		out.Phase = pipeline.VerificationSuccessful
	case "skipped", "neutral":
		out.Phase = pipeline.VerificationInconclusive
	default:
		out.Phase = pipeline.VerificationFailed
	}
	return out, nil
}

// End implements Ender: a run that nobody waits for any more is cancelled.
func (w *workflow) End(ctx context.Context, in Look) error {
	state, ok := remembered[dispatched](in)
	if !ok || state.Run == 0 {
		return nil
	}
	if err := w.workflows.Cancel(ctx, in.Repo(), state.Run); err != nil {
		return fmt.Errorf("cancel run %d: %w", state.Run, err)
	}
	return nil
}
