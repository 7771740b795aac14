package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
)

// workflow dispatches a GitHub Actions workflow and waits for its end.
type workflow struct{ workflows actions.Workflows }

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

// Measure implements Provider. Only success passes; a run that was skipped has
// verified nothing.
func (w *workflow) Measure(ctx context.Context, in Look) (Outcome, error) {
	order, err := w.order(in)
	if err != nil {
		return Outcome{}, err
	}
	state, _ := remembered[actions.State](in)
	save := func(ctx context.Context, s actions.State) error { return in.Remember(ctx, s) }
	if err := order.Advance(ctx, w.workflows, &state, in.Now, save); err != nil {
		var refused *actions.RefusedError
		if errors.As(err, &refused) {
			return Outcome{}, Permanent(err)
		}
		return Outcome{}, err
	}
	if state.Run == 0 {
		return Outcome{
			State: state, Message: "waiting for the run of workflow " + order.File + " to appear",
			Wait: &Wait{After: actions.LookAgain},
		}, nil
	}
	return w.await(ctx, order, state)
}

func (w *workflow) order(in Look) (actions.Order, error) {
	var config workflowConfig
	if err := in.Decode(&config); err != nil {
		return actions.Order{}, err
	}
	file, err := actions.FileName(config.File)
	if err != nil {
		return actions.Order{}, Permanent(err)
	}
	inputs := map[string]string{}
	for name, value := range config.Inputs {
		inputs[name] = string(value)
	}
	return actions.Order{
		Repo: in.Repo(), File: file, Ref: config.Ref, Inputs: inputs, IDInput: config.IDInput,
		Token: fmt.Sprintf("%s.%s.%d", in.Run.ID, in.Metric, in.Number),
	}, nil
}

func (w *workflow) await(ctx context.Context, order actions.Order, state actions.State) (Outcome, error) {
	run, err := w.workflows.WorkflowRun(ctx, order.Repo, state.Run)
	if err != nil {
		return Outcome{}, fmt.Errorf("run %d of workflow %s: %w", state.Run, order.File, err)
	}
	out := Outcome{State: state, URL: run.URL, Value: run.Conclusion, Text: run.Conclusion}
	if !run.Done {
		out.Message = "waiting for workflow " + order.File
		out.Wait = &Wait{On: []string{pipeline.WorkflowRunEvent(state.Run)}}
		return out, nil
	}
	out.Message = "workflow " + order.File + " ended with " + run.Conclusion
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
	state, ok := remembered[actions.State](in)
	if !ok || state.Run == 0 {
		return nil
	}
	if err := w.workflows.Cancel(ctx, in.Repo(), state.Run); err != nil {
		return fmt.Errorf("cancel run %d: %w", state.Run, err)
	}
	return nil
}
