package step_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
	"github.com/kargo-app/kargo/pipeline/step"
)

func dispatchStep() pipeline.StepSpec {
	return use("gha-dispatch-workflow", config{"repoURL": repoURL, "workflowFile": "deploy.yml", "ref": "main"})
}

func workflowStep(more config) pipeline.StepSpec {
	c := config{"file": ".github/workflows/deploy.yml"}
	for k, v := range more {
		c[k] = v
	}
	return use("workflow", c)
}

func TestDispatchWorkflow(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("gha-dispatch-workflow", config{
		"repoURL": repoURL, "workflowFile": "deploy.yml", "ref": "release", "idInput": "id",
		"inputs": config{"version": "1.10", "count": 3, "dry": true, "zones": []any{"a", "b"}, "absent": nil},
	}))
	b.want(0, pipeline.Succeeded)
	d := b.world.Workflows.Dispatches
	if len(d) != 1 || d[0].File != "deploy.yml" || d[0].Ref != "release" {
		t.Fatalf("%+v", d)
	}
	id := d[0].Inputs["id"]
	if !strings.HasPrefix(id, "prod-142.gha-dispatch-workflow.") {
		t.Errorf("id %q", id)
	}
	want := map[string]string{"version": "1.10", "count": "3", "dry": "true", "zones": `["a","b"]`, "id": id}
	if diff := cmp.Diff(want, d[0].Inputs); diff != "" {
		t.Error(diff)
	}
	if out := output[step.DispatchWorkflowOutput](b, 0); out.RunID != 100 {
		t.Errorf("run %d", out.RunID)
	}
}

// TestWorkflowRunsOnceWhereverTheServerDies lets the process die, or the answer get
// lost, around everything that happens until the run is known.
func TestWorkflowRunsOnceWhereverTheServerDies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		op    string
		after bool
		lag   time.Duration
		mute  bool
		with  config
	}{
		"before the intention is stored":             {op: "dispatched"},
		"once the intention is stored":               {op: "record", after: true},
		"before the dispatch":                        {op: "dispatch"},
		"after the dispatch":                         {op: "dispatch", after: true},
		"after the dispatch, which shows late":       {op: "dispatch", after: true, lag: 40 * time.Second},
		"after the dispatch, with an id":             {op: "dispatch", after: true, with: config{"idInput": "id"}, lag: 20 * time.Second},
		"after the dispatch, on a host that is mute": {op: "dispatch", after: true, mute: true, lag: 20 * time.Second},
		"never, on a host that is mute":              {mute: true, lag: 20 * time.Second},
		"when the run is looked at":                  {op: "run"},
	} {
		for _, uses := range []string{"gha-dispatch-workflow", "workflow"} {
			t.Run(name+" of "+uses, func(t *testing.T) {
				t.Parallel()
				spec := dispatchStep()
				if uses == "workflow" {
					spec = workflowStep(nil)
				}
				for k, v := range tt.with {
					spec.Config[k] = v
				}
				b := newBench(t, spec)
				b.world.Workflows.Lag, b.world.Workflows.Mute = tt.lag, tt.mute
				killed := errors.New("killed")
				hit := false
				b.world.Fault = func(op string, after bool) error {
					if hit || op != tt.op || after != tt.after {
						return nil
					}
					hit = true
					return killed
				}
				for range 30 {
					res, err := b.try(t.Context(), 0)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(res.Message, "killed") {
						continue // nobody recorded the result
					}
					b.p.Apply(0, res, b.world.Now)
					if s := b.p.Steps[0]; s.Phase.Terminal() || len(s.WakeOn) > 0 {
						break
					}
					b.world.Now = b.world.Now.Add(10 * time.Second)
				}
				if n := len(b.world.Workflows.Dispatches); n != 1 {
					t.Errorf("%d dispatches: %s", n, b.p.Steps[0].Message)
				}
				if out := output[struct{ RunID int64 }](b, 0); out.RunID != 100 {
					t.Errorf("run %d, %s: %s", out.RunID, b.p.Steps[0].Phase, b.p.Steps[0].Message)
				}
			})
		}
	}
}

func TestRunThatDoesNotAppearInTimeIsAnError(t *testing.T) {
	t.Parallel()
	spec := dispatchStep()
	spec.Config["timeout"] = 20
	b := newBench(t, spec)
	b.world.Workflows.Lag, b.world.Workflows.Mute = time.Hour, true
	for range 3 {
		if res := b.want(0, pipeline.Running); res.WakeAt != b.world.Now.Add(10*time.Second) {
			t.Errorf("wakes at %s", res.WakeAt)
		}
		b.world.Now = b.world.Now.Add(10 * time.Second)
	}
	if res := b.want(0, pipeline.Errored); !strings.Contains(res.Message, "no run of it appeared") {
		t.Error(res.Message)
	}
}

func TestWaitForWorkflow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		conclusion string
		expected   any
		phase      pipeline.Phase
	}{
		"any end will do":    {"failure", nil, pipeline.Succeeded},
		"the expected end":   {"cancelled", "cancelled", pipeline.Succeeded},
		"another end":        {"failure", "success", pipeline.Failed},
		"skipped is another": {"skipped", "success", pipeline.Failed},
	} {
		b := newBench(t, dispatchStep(), use("gha-wait-for-workflow", config{
			"repoURL": repoURL, "runID": 100, "expectedConclusion": tt.expected, "pollInterval": "1m",
		}))
		b.upTo(1)
		res := b.want(1, pipeline.Running)
		if !slices.Equal(res.WakeOn, []string{"workflow-run/100"}) || res.WakeAt != b.world.Now.Add(time.Minute) {
			t.Errorf("%s: wakes at %s on %v", name, res.WakeAt, res.WakeOn)
		}
		b.world.Workflows.End(100, tt.conclusion)
		res = b.want(1, tt.phase)
		if res.Terminal != (tt.phase == pipeline.Failed) || output[step.WaitForWorkflowOutput](b, 1).Conclusion != tt.conclusion {
			t.Errorf("%s: %+v", name, res)
		}
		if tt.phase == pipeline.Failed && !strings.Contains(res.Message, "https://github.com/acme/gitops/actions/runs/100") {
			t.Errorf("%s: %s", name, res.Message)
		}
	}
}

func TestRunThatIsNotKnownIsWaitedForAMoment(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("gha-wait-for-workflow", config{"repoURL": repoURL, "runID": 7}))
	b.want(0, pipeline.Running)
	b.world.Now = b.world.Now.Add(31 * time.Second)
	if res := b.want(0, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "there is no workflow run 7 in acme/gitops") {
		t.Errorf("%+v", res)
	}
}

func TestWorkflowReturnsOutputs(t *testing.T) {
	t.Parallel()
	b := newBench(t, workflowStep(config{"inputs": config{"version": "1"}}))
	b.world.Workflows.Returned[100] = map[string][]string{
		actions.OutputTitle: {"digest=sha256:01", `{"replicas": 3, "zones": ["a"]}`}, "other": {"nonsense"},
	}
	b.want(0, pipeline.Running)
	b.world.Workflows.End(100, "success")
	b.want(0, pipeline.Succeeded)
	out := output[step.WorkflowOutput](b, 0)
	want := map[string]any{"digest": "sha256:01", "replicas": 3.0, "zones": []any{"a"}}
	if diff := cmp.Diff(want, out.Outputs); diff != "" || out.Conclusion != "success" || out.RunID != 100 || out.URL == "" {
		t.Errorf("%+v\n%s", out, diff)
	}
	if d := b.world.Workflows.Dispatches[0]; d.Ref != "main" || d.File != "deploy.yml" {
		t.Errorf("%+v", d)
	}
}

func TestWorkflowThatEndsOtherwiseFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		conclusion string
		returned   string
		says       string
	}{
		"with a failure":              {"failure", "why=bad", "ended with failure, not success"},
		"cancelled":                   {"cancelled", "", "ended with cancelled"},
		"with outputs that mean none": {"success", "it went well", "neither NAME=VALUE nor a JSON object"},
	} {
		b := newBench(t, workflowStep(nil))
		b.want(0, pipeline.Running)
		if tt.returned != "" {
			b.world.Workflows.Returned[100] = map[string][]string{actions.OutputTitle: {tt.returned}}
		}
		b.world.Workflows.End(100, tt.conclusion)
		if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, tt.says) || !strings.Contains(res.Message, "/actions/runs/100") {
			t.Errorf("%s: %+v", name, res)
		}
	}
}

func TestRetryDispatchesTheWorkflowAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, workflowStep(config{"idInput": "id"}))
	b.want(0, pipeline.Running)
	b.world.Workflows.End(100, "failure")
	b.want(0, pipeline.Failed)
	b.p.Finish(b.world.Now)
	b.p.Retry(b.world.Now)
	b.p.Start(b.world.Now, nil)
	b.want(0, pipeline.Running)
	b.world.Workflows.End(101, "success")
	b.want(0, pipeline.Succeeded)
	d := b.world.Workflows.Dispatches
	if len(d) != 2 || d[0].Inputs["id"] == d[1].Inputs["id"] {
		t.Errorf("%+v", d)
	}
}

func TestStartOverKeepsTheRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, workflowStep(nil))
	b.want(0, pipeline.Running)
	b.world.Workflows.End(100, "success")
	b.want(0, pipeline.Succeeded)
	b.p.Rewind(0, "main moved")
	b.want(0, pipeline.Succeeded)
	if n := len(b.world.Workflows.Dispatches); n != 1 {
		t.Errorf("%d dispatches", n)
	}
}

func TestEndOfTheStepCancelsItsWorkflow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(b *bench)
		want    []int64
	}{
		"that runs":      {func(b *bench) { b.want(0, pipeline.Running) }, []int64{100}},
		"that has ended": {func(b *bench) { b.want(0, pipeline.Running); b.world.Workflows.End(100, "success"); b.run(0) }, nil},
		"that never was": {func(*bench) {}, nil},
		"whose run is not known yet": {func(b *bench) {
			b.world.Fault = func(op string, after bool) error {
				if op == "dispatch" && after {
					return &pipeline.TransientError{Err: errors.New("502")}
				}
				return nil
			}
			b.want(0, pipeline.Running)
		}, []int64{100}},
	} {
		b := newBench(t, workflowStep(nil))
		tt.prepare(b)
		b.world.Fault = nil
		def, _ := b.steps.Lookup("workflow")
		if err := def.End(t.Context(), b.env(0)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, b.world.Workflows.Cancelled); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDispatchThatIsRefusedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, workflowStep(nil))
	b.world.Workflows.Refuse = &pipeline.UserError{Message: "GitHub refuses: Unexpected inputs", Hint: "see on.workflow_dispatch"}
	if res := b.want(0, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "Unexpected inputs (see on.workflow_dispatch)") {
		t.Errorf("%+v", res)
	}
}

func TestWorkflowConfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	dispatch := func(more config) pipeline.StepSpec {
		s := dispatchStep()
		for k, v := range more {
			s.Config[k] = v
		}
		return s
	}
	wait := func(more config) pipeline.StepSpec {
		c := config{"repoURL": repoURL, "runID": 1}
		for k, v := range more {
			c[k] = v
		}
		return use("gha-wait-for-workflow", c)
	}
	for name, tt := range map[string]struct {
		spec pipeline.StepSpec
		says string
	}{
		"the form of Kargo 1.8": {
			use("gha-dispatch-workflow", config{"credentials": config{"secretName": "x"}, "owner": "acme", "repo": "gitops", "workflowFile": "a.yml", "ref": "main"}),
			`field "owner" is Kargo 1.8's: write repoURL: https://github.com/OWNER/REPO`,
		},
		"credentials of Kargo 1.8":       {wait(config{"credentials": config{"secretName": "x"}}), `field "credentials" is Kargo 1.8's: the App signs in by itself`},
		"no workflow file":               {dispatch(config{"workflowFile": "deploy"}), "is not the name of a workflow file"},
		"no ref":                         {dispatch(config{"ref": ""}), "ref must not be empty"},
		"too long a timeout":             {dispatch(config{"timeout": 301}), "want 1 to 300 seconds"},
		"a conclusion that there is not": {wait(config{"expectedConclusion": "succeeded"}), `expectedConclusion "succeeded": want one of`},
		"no run":                         {wait(config{"runID": 0}), "runID must be at least 1"},
		"a repository of somebody else":  {workflowStep(config{"repoURL": "https://github.com/other/repo"}), "may act in repositories of acme only"},
		"a repository on another host":   {workflowStep(config{"repoURL": "https://git.example.com/acme/gitops"}), "is not a repository on https://github.com"},
		"a negative pollInterval":        {workflowStep(config{"pollInterval": "-1s"}), "pollInterval must not be negative"},
	} {
		b := newBench(t, tt.spec)
		if res := b.run(0); !res.Terminal || !strings.Contains(res.Message, tt.says) {
			t.Errorf("%s: %+v", name, res)
		}
		if len(b.world.Workflows.Dispatches) != 0 {
			t.Errorf("%s: dispatched", name)
		}
	}
}

func TestWorkflowOfASisterRepository(t *testing.T) {
	t.Parallel()
	b := newBench(t, workflowStep(config{"repoURL": "https://github.com/ACME/deploy.git"}))
	b.want(0, pipeline.Running)
	var out struct{ State struct{ Repo string } }
	if err := json.Unmarshal(b.p.Steps[0].Output, &out); err != nil || !strings.EqualFold(out.State.Repo, "acme/deploy") {
		t.Errorf("%v %+v", err, out)
	}
}
