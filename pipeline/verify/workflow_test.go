package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
)

var smokeConfig = map[string]any{"file": "smoke.yml", "inputs": map[string]any{"version": "{{args.v}}", "count": 3}, "idInput": "id"}

func smokeWorld(t *testing.T, kind string, config map[string]any) (*world, *host) {
	t.Helper()
	v := withProvider(kind, config)
	v.Args = []pipeline.AnalysisArg{{Name: "v", Value: ptr("1.20")}}
	w := newWorld(t, v)
	return w, onHost(w)
}

func TestWorkflowIsDispatchedOnceAndAwaited(t *testing.T) {
	t.Parallel()
	for kind, config := range map[string]map[string]any{
		"workflow": smokeConfig,
		"job":      {"workflow": "smoke.yml", "inputs": smokeConfig["inputs"], "idInput": "id", "metadata": map[string]any{}, "spec": map[string]any{"template": 1}},
	} {
		for conclusion, phase := range map[string]pipeline.VerificationPhase{
			"success": pipeline.VerificationSuccessful, "failure": pipeline.VerificationFailed, "cancelled": pipeline.VerificationFailed,
			"timed_out": pipeline.VerificationFailed, "startup_failure": pipeline.VerificationFailed, "skipped": pipeline.VerificationInconclusive,
		} {
			w, h := smokeWorld(t, kind, config)
			w.advance()
			want := []actions.Dispatch{{File: "smoke.yml", Ref: "main", Inputs: map[string]string{"version": "1.20", "count": "3", "id": "prod-v1." + kind + ".1"}}}
			if diff := cmp.Diff(want, h.dispatches); diff != "" {
				t.Error(diff)
			}
			if len(w.saved) != 1 || !strings.Contains(string(w.saved[0].Metrics[0].State), "prod-v1."+kind+".1") {
				t.Errorf("%s: the intention was stored %d times: %+v", kind, len(w.saved), w.saved)
			}
			if !cmp.Equal(w.run.WakeOn, []string{"workflow-run/100"}) || w.metric(0).Measurements[0].URL != "https://gh/100" {
				t.Errorf("wakes on %v: %+v", w.run.WakeOn, w.metric(0))
			}
			w.advance()
			h.end(100, conclusion)
			w.advance()
			if w.run.Phase != phase || len(h.dispatches) != 1 || len(h.cancelled) != 0 {
				t.Errorf("%s %s: %s after %d dispatches: %s", kind, conclusion, w.run.Phase, len(h.dispatches), w.run.Message)
			}
		}
	}
}

func TestEveryMeasurementIsARunOfItsOwn(t *testing.T) {
	t.Parallel()
	w, h := smokeWorld(t, "workflow", smokeConfig)
	m := &w.run.Stage.Verification.Metrics[0]
	m.Interval, m.Count, m.FailureLimit = pipeline.Duration(time.Minute), 2, 1
	for i := range 2 {
		w.advance()
		h.end(int64(100+i), []string{"failure", "success"}[i])
		w.advance()
		w.now = w.now.Add(time.Minute)
	}
	if w.run.Phase != pipeline.VerificationSuccessful || len(h.dispatches) != 2 || h.dispatches[1].Inputs["id"] != "prod-v1.workflow.2" {
		t.Errorf("%s: %+v", w.run.Phase, h.dispatches)
	}
}

// TestDeathAroundADispatch: wherever the process dies, the workflow runs once.
func TestDeathAroundADispatch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		when    string
		lag     time.Duration
		without bool // an idInput
		mute    bool
		fault   bool // a 5xx instead of a death
	}{
		"before the dispatch":                               {when: "before"},
		"after the dispatch":                                {when: "after"},
		"after the dispatch, which shows late":              {when: "after", lag: 45 * time.Second},
		"after the dispatch, without an idInput":            {when: "after", without: true},
		"after the dispatch, without an idInput and late":   {when: "after", without: true, lag: 30 * time.Second},
		"before the dispatch, on a host that tells no id":   {when: "before", mute: true, lag: 20 * time.Second},
		"no death, on a host that tells no id":              {when: "", mute: true, lag: 20 * time.Second, without: true},
		"no death, but an answer that says nothing, before": {when: "before", fault: true},
		"no death, but an answer that says nothing, after":  {when: "after", fault: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := map[string]any{"file": ".github/workflows/smoke.yml"}
			if !tt.without {
				config["idInput"] = "id"
			}
			w, h := smokeWorld(t, "workflow", config)
			h.lag, h.mute = tt.lag, tt.mute
			// Another Verification dispatches the same workflow: at the same moment where an
			// idInput tells the two apart, earlier where nothing does.
			other := actions.Run{ID: 7, Title: "run other", CreatedAt: w.now}
			if tt.without {
				other.CreatedAt = w.now.Add(-time.Minute)
			}
			h.runs = append(h.runs, other)
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			died := false
			h.die = func(when string) error {
				if when != tt.when || died {
					return nil
				}
				died = true
				if tt.fault {
					return &pipeline.TransientError{Err: errors.New("502")}
				}
				kill()
				return ctx.Err()
			}
			err := w.runner.Advance(ctx, &w.run, w.save)
			if died && !tt.fault {
				if err == nil {
					t.Fatal("the pass survived")
				}
				w.run = clone(t, w.saved[len(w.saved)-1]) // what the store has
			} else if err != nil {
				t.Fatal(err)
			}
			w.run = clone(t, w.run)
			for range 20 {
				if len(w.run.WakeOn) > 0 {
					break
				}
				w.now = w.now.Add(10 * time.Second)
				w.advance()
			}
			if len(w.run.WakeOn) != 1 || w.run.WakeOn[0] != "workflow-run/101" || len(h.dispatches) != 1 {
				t.Fatalf("waits for %v after %d dispatches: %s", w.run.WakeOn, len(h.dispatches), w.metric(0).Message)
			}
			h.end(101, "success")
			w.advance()
			if w.run.Phase != pipeline.VerificationSuccessful {
				t.Errorf("%s: %s", w.run.Phase, w.run.Message)
			}
		})
	}
}

func TestDispatchThatIsRefusedEndsTheMetric(t *testing.T) {
	t.Parallel()
	w, h := smokeWorld(t, "workflow", smokeConfig)
	w.run.Stage.Verification.Metrics[0].ConsecutiveErrorLimit = nil
	h.refuse = &pipeline.UserError{Message: "GitHub refuses: Unexpected inputs"}
	w.advance()
	if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, "Unexpected inputs") {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
}

func TestRunThatNeverAppearsIsAnError(t *testing.T) {
	t.Parallel()
	w, h := smokeWorld(t, "workflow", smokeConfig)
	h.mute, h.lag = true, time.Hour
	w.finish()
	if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, "no run of it appeared") || len(h.dispatches) != 1 {
		t.Errorf("%s after %d dispatches: %s", w.run.Phase, len(h.dispatches), w.run.Message)
	}
}

func TestRunNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	w, h := smokeWorld(t, "workflow", smokeConfig)
	w.advance()
	w.run.AbortRequested = "aborted by alice"
	w.advance()
	if !cmp.Equal(h.cancelled, []int64{100}) {
		t.Errorf("cancelled %v", h.cancelled)
	}
}

func TestConfigurationsThatMeanNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind    string
		config  map[string]any
		message string
	}{
		"a check without a name":                {"check", nil, "the check has no name"},
		"a check with a field of its own":       {"check", map[string]any{"name": "x", "title": "y"}, `unknown field "title"`},
		"a workflow that is no file":            {"workflow", map[string]any{"file": "smoke"}, "is not the name of a workflow file"},
		"a job that is a Kubernetes Job":        {"job", map[string]any{"spec": map[string]any{}}, "name the GitHub Actions workflow that does the same"},
		"a deployment without an environment":   {"deployment", nil, "the deployment has no environment"},
		"a provider that needs a plugin":        {"plugin", nil, "the provider plugin is not supported"},
		"a provider that is not there: kayenta": {"kayenta", nil, "the provider kayenta is not supported"},
	} {
		w := newWorld(t, withProvider(tt.kind, tt.config))
		onHost(w)
		w.advance()
		if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, tt.message) {
			t.Errorf("%s: %s: %s", name, w.run.Phase, w.run.Message)
		}
	}
}
