package promotion_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// deploys is a Stage whose only step runs a workflow.
func deploys() pipeline.Stage {
	s := prod()
	s.Steps = []pipeline.StepSpec{use("workflow", config{"file": "deploy.yml"})}
	return s
}

func TestWhatAStepStartedEndsWithIt(t *testing.T) {
	t.Parallel()
	running := func(t *testing.T, stage pipeline.Stage) *town {
		t.Helper()
		c := newTown(t)
		c.queue(stage, freight("1.0.1"))
		c.must()
		if n := len(c.world.Workflows.Dispatches); n != 1 {
			t.Fatalf("%d dispatches", n)
		}
		return c
	}
	cancelled := func(c *town) bool { return slices.Equal(c.world.Workflows.Cancelled, []int64{100}) }

	t.Run("when the Promotion is aborted", func(t *testing.T) {
		t.Parallel()
		c := running(t, deploys())
		c.abort("prod-1")
		c.must()
		if c.wantPhase("prod-1", pipeline.Aborted); !cancelled(c) {
			t.Errorf("cancelled %v", c.world.Workflows.Cancelled)
		}
	})
	t.Run("when its time is up", func(t *testing.T) {
		t.Parallel()
		stage := deploys()
		stage.Steps[0].Retry.Timeout = pipeline.Duration(time.Minute)
		c := running(t, stage)
		c.world.Now = c.world.Now.Add(time.Minute)
		c.must()
		if c.wantPhase("prod-1", pipeline.Errored); !cancelled(c) {
			t.Errorf("cancelled %v", c.world.Workflows.Cancelled)
		}
	})
	t.Run("an abort goes on without what cannot be taken back", func(t *testing.T) {
		t.Parallel()
		c := running(t, deploys())
		c.world.Fault = func(op string, after bool) error {
			if op == "cancel" && !after {
				return errors.New("no permission")
			}
			return nil
		}
		c.abort("prod-1")
		c.must()
		c.wantPhase("prod-1", pipeline.Aborted)
	})
	t.Run("an abort waits out a fault", func(t *testing.T) {
		t.Parallel()
		c := running(t, deploys())
		failed := false
		c.world.Fault = func(op string, after bool) error {
			if op == "cancel" && !after && !failed {
				failed = true
				return &pipeline.TransientError{Err: errors.New("502")}
			}
			return nil
		}
		c.abort("prod-1")
		if _, err := c.advance(); err == nil {
			t.Error("the abort did not wait")
		}
		c.must()
		if c.wantPhase("prod-1", pipeline.Aborted); !cancelled(c) {
			t.Errorf("cancelled %v", c.world.Workflows.Cancelled)
		}
	})
}
