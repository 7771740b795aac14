package step_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

type probeConfig struct {
	Value string `json:"value,omitempty"`
}

type probeOutput struct {
	Seen string `json:"seen"`
}

// probe runs a step that returns out and err.
func probe(t *testing.T, state pipeline.StepState, out *probeOutput, err error) (pipeline.StepResult, error) {
	t.Helper()
	def := step.Define("probe", step.Remote, step.Doc{}, func(context.Context, step.Env, probeConfig) (*probeOutput, error) {
		return out, err
	})
	p := pipeline.NewPromotion(pipeline.Promotion{Stage: pipeline.Stage{Steps: []pipeline.StepSpec{{Uses: "probe"}}}})
	p.Steps[0] = state
	return def.Run(t.Context(), step.Env{Ports: steptest.New().Ports(), Promotion: &p}, nil)
}

func TestRunTranslatesErrors(t *testing.T) {
	t.Parallel()
	now := steptest.New().Now
	cause := errors.New("cause")
	out := &probeOutput{Seen: "it"}
	seen := []byte(`{"seen":"it"}`)
	tests := []struct {
		name  string
		state pipeline.StepState
		err   error
		want  pipeline.StepResult
	}{
		{name: "no error is success", want: pipeline.StepResult{Phase: pipeline.Succeeded}},
		{name: "skip", err: &step.SkipError{Message: "m"}, want: pipeline.StepResult{Phase: pipeline.Skipped, Message: "m"}},
		{
			name: "wait", err: fmt.Errorf("wrapped: %w", &step.WaitError{Message: "m", Until: now.Add(time.Hour), On: []string{"k"}}),
			want: pipeline.StepResult{Phase: pipeline.Running, Message: "wrapped: m", WakeAt: now.Add(time.Hour), WakeOn: []string{"k"}},
		},
		{name: "aborted", err: &step.AbortedError{Message: "m"}, want: pipeline.StepResult{Phase: pipeline.Aborted, Message: "m"}},
		{
			name: "failed may be tried again", state: pipeline.StepState{Errors: 2}, err: &step.FailedError{Err: cause},
			want: pipeline.StepResult{Phase: pipeline.Failed, Message: "cause", WakeAt: now.Add(2 * time.Second)},
		},
		{
			name: "failed for good", err: &step.FailedError{Err: cause, Terminal: true},
			want: pipeline.StepResult{Phase: pipeline.Failed, Message: "cause", Terminal: true, WakeAt: now.Add(500 * time.Millisecond)},
		},
		{
			name: "permanent", err: &step.PermanentError{Err: cause},
			want: pipeline.StepResult{Phase: pipeline.Errored, Message: "cause", Terminal: true},
		},
		{
			name: "any other error is tried again", err: cause,
			want: pipeline.StepResult{Phase: pipeline.Errored, Message: "cause", WakeAt: now.Add(500 * time.Millisecond)},
		},
		{
			name: "a fault is waited out with its own backoff", state: pipeline.StepState{Faults: 3},
			err:  fmt.Errorf("call: %w", &pipeline.TransientError{Err: cause}),
			want: pipeline.StepResult{Phase: pipeline.Running, Transient: true, Message: "waiting out a fault: call: cause", WakeAt: now.Add(4 * time.Second)},
		},
		{
			name: "the other side's wish is respected", err: &pipeline.TransientError{Err: cause, RetryAfter: time.Hour},
			want: pipeline.StepResult{Phase: pipeline.Running, Transient: true, Message: "waiting out a fault: cause", WakeAt: now.Add(time.Hour)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := probe(t, tt.state, out, tt.err)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Output = seen // an output counts whatever the error is
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunHandsOnARewind(t *testing.T) {
	t.Parallel()
	_, err := probe(t, pipeline.StepState{}, nil, fmt.Errorf("wrapped: %w", &step.RewindError{Reason: "moved"}))
	var rewind *step.RewindError
	if !errors.As(err, &rewind) || rewind.Reason != "moved" {
		t.Errorf("error %v", err)
	}
}

func TestRunSurvivesAPanic(t *testing.T) {
	t.Parallel()
	def := step.Define("probe", step.Remote, step.Doc{}, func(context.Context, step.Env, probeConfig) (*probeOutput, error) {
		panic("boom")
	})
	res, err := def.Run(t.Context(), step.Env{}, nil)
	if err != nil || res.Phase != pipeline.Errored || !res.Terminal || !strings.Contains(res.Message, "boom") {
		t.Errorf("result %+v, error %v", res, err)
	}
}

func TestBackoffGrowsToAMinute(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: 500 * time.Millisecond, 1: time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := step.Backoff(n); got != want {
			t.Errorf("Backoff(%d) is %s, want %s", n, got, want)
		}
	}
}

func TestRegistryRejectsTwoOfOneName(t *testing.T) {
	t.Parallel()
	defs := step.Builtin()
	if _, err := step.NewRegistry(append(defs, defs[0])...); err == nil || !strings.Contains(err.Error(), "defined twice") {
		t.Errorf("error %v", err)
	}
}
