package ghapp_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// verification is a run over a GitHub.
func verification(w *world, metrics ...pipeline.Metric) (*pipeline.VerificationRun, func()) {
	w.t.Helper()
	v := w.app.Verifications()
	runner := &verify.Runner{
		Providers: verify.Builtin(verify.Ports{Commits: v, Workflows: w.app.Workflows(), Deployments: v}),
		Env:       func(context.Context, *pipeline.VerificationRun) (expr.Env, error) { return expr.Env{}, nil },
		Now:       w.clock.Now, Log: slog.New(slog.DiscardHandler),
	}
	run := &pipeline.VerificationRun{
		ID: "prod-v1", Repo: w.repo, Stage: pipeline.Stage{Name: "prod", Verification: &pipeline.Verification{Metrics: metrics}},
		Commit: head(w), CommitRepo: gitops, Phase: pipeline.VerificationPending,
	}
	return run, func() {
		w.t.Helper()
		save := func(context.Context, pipeline.VerificationRun) error { return nil }
		if err := runner.Advance(w.t.Context(), run, save); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestVerificationOnGitHub(t *testing.T) {
	t.Parallel()
	w, _ := withSmoke(t)
	run, advance := verification(w,
		pipeline.Metric{Name: "smoke", Provider: pipeline.Provider{Kind: "check", Config: map[string]any{"name": "smoke"}}},
		pipeline.Metric{Name: "e2e", Provider: pipeline.Provider{Kind: "workflow", Config: map[string]any{
			"file": "smoke.yml", "inputs": map[string]any{"version": "1"}, "idInput": "id",
		}}},
		pipeline.Metric{Name: "prod", Provider: pipeline.Provider{Kind: "deployment", Config: map[string]any{"environment": "prod"}}},
	)
	advance()
	runs := must(w.WorkflowRuns(gitops))(t)
	if len(runs) != 1 || runs[0].Title != "smoke prod-v1.e2e.1" || len(run.WakeOn) != 3 {
		t.Fatalf("runs %+v, wakes on %v", runs, run.WakeOn)
	}
	must(w.SetCheck(gitops, run.Commit, "ci", "smoke", "success"))(t)
	advance()
	if err := w.FinishWorkflow(gitops, runs[0].ID, "success"); err != nil {
		t.Fatal(err)
	}
	advance()
	if run.Phase != pipeline.VerificationRunning {
		t.Errorf("%s: %s", run.Phase, run.Message)
	}
	id := must(w.Deploy(gitops, "argo", run.Commit, "prod"))(t)
	if err := w.SetDeploymentState(gitops, "argo", id, "success", ""); err != nil {
		t.Fatal(err)
	}
	advance()
	if run.Phase != pipeline.VerificationSuccessful {
		t.Errorf("%s: %s", run.Phase, run.Message)
	}
}

func TestFailedCheckCancelsTheWorkflowNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	w, _ := withSmoke(t)
	run, advance := verification(w,
		pipeline.Metric{Name: "smoke", Provider: pipeline.Provider{Kind: "check", Config: map[string]any{"name": "smoke"}}},
		pipeline.Metric{Name: "e2e", Provider: pipeline.Provider{Kind: "workflow", Config: map[string]any{"file": "smoke.yml", "inputs": map[string]any{"version": "1"}}}},
	)
	advance()
	must(w.SetCheck(gitops, run.Commit, "ci", "smoke", "failure"))(t)
	advance()
	if runs := must(w.WorkflowRuns(gitops))(t); run.Phase != pipeline.VerificationFailed || runs[0].Conclusion != "cancelled" {
		t.Errorf("%s, workflow %s", run.Phase, runs[0].Conclusion)
	}
}

func TestDispatchWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	w, _ := withSmoke(t)
	run, advance := verification(w, pipeline.Metric{Name: "e2e", Provider: pipeline.Provider{Kind: "workflow", Config: map[string]any{
		"file": "smoke.yml", "inputs": map[string]any{"version": "1"},
	}}})
	w.Inject(forge.Fault{Method: http.MethodPost, Path: "/repos/*/*/actions/workflows/*/dispatches", Status: http.StatusBadGateway, AfterEffect: true})
	for range 3 {
		advance()
		w.clock.Advance(90 * time.Second)
	}
	if runs := must(w.WorkflowRuns(gitops))(t); len(runs) != 1 || len(run.WakeOn) != 1 {
		t.Errorf("%d runs, wakes on %v: %s", len(runs), run.WakeOn, run.Metrics[0].Message)
	}
}
