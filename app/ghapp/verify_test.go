package ghapp_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/verify"
)

func head(w *world) string { return must(w.Refs(gitops))(w.t)["refs/heads/main"] }

func TestResultsOfACheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sha := head(w)
	v := w.app.Verifications()
	if got := must(v.Head(t.Context(), w.repo))(t); got != sha {
		t.Errorf("head %s, want %s", got, sha)
	}
	if got := must(v.Results(t.Context(), w.repo, sha, "smoke"))(t); len(got) != 0 {
		t.Errorf("before anything is reported: %v", got)
	}
	must(w.SetCheck(gitops, sha, "ci", "smoke", ""))(t)
	must(w.SetCheck(gitops, sha, "other", "smoke", "failure"))(t)
	must(w.SetCheck(gitops, sha, "ci", "smoke-2", "failure"))(t)
	if err := w.SetStatus(gitops, sha, "alice", "smoke", "pending"); err != nil {
		t.Fatal(err)
	}
	got := must(v.Results(t.Context(), w.repo, sha, "smoke"))(t)
	slices.SortFunc(got, func(a, b verify.CheckResult) int { return strings.Compare(a.App, b.App) })
	for i := range got {
		if i > 0 && got[i].URL == "" {
			t.Errorf("%s has no address", got[i].App)
		}
		got[i].URL = ""
	}
	want := []verify.CheckResult{
		{Conclusion: "pending"}, {App: "ci"}, {App: "other", Done: true, Conclusion: "failure"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	must(w.SetCheck(gitops, sha, "ci", "smoke", "success"))(t)
	if err := w.SetStatus(gitops, sha, "alice", "smoke", "success"); err != nil {
		t.Fatal(err)
	}
	for _, r := range must(v.Results(t.Context(), w.repo, sha, "smoke"))(t) {
		if !r.Done {
			t.Errorf("%+v is not done", r)
		}
	}
}

const smokeWorkflow = "run-name: smoke ${{ inputs.id }}\non:\n  workflow_dispatch:\n    inputs:\n      version: {required: true}\n      id: {}\n"

func withSmoke(t *testing.T) (*world, *forgeVerify) {
	t.Helper()
	w := newWorld(t)
	must(w.Push(gitops, "main", "alice", "workflow", map[string]*string{".github/workflows/smoke.yml": forge.Text(smokeWorkflow)}))(t)
	return w, &forgeVerify{w}
}

type forgeVerify struct{ w *world }

func (f *forgeVerify) dispatch(file, ref string, inputs map[string]string) (int64, error) {
	return f.w.app.Workflows().Dispatch(f.w.t.Context(), f.w.repo, actions.Dispatch{File: file, Ref: ref, Inputs: inputs})
}

func TestWorkflowIsDispatchedAndFound(t *testing.T) {
	t.Parallel()
	w, f := withSmoke(t)
	v := w.app.Workflows()
	before := w.clock.Now()
	id := must(f.dispatch("smoke.yml", "main", map[string]string{"version": "1", "id": "prod-v1.smoke.1"}))(t)
	run := must(v.WorkflowRun(t.Context(), w.repo, id))(t)
	if run.ID != id || run.Done || run.Title != "smoke prod-v1.smoke.1" || !strings.HasPrefix(run.URL, w.url) {
		t.Errorf("%+v", run)
	}
	if got := must(v.Dispatched(t.Context(), w.repo, "smoke.yml", "main", before.Add(-time.Second)))(t); len(got) != 1 || got[0].ID != id {
		t.Errorf("%+v", got)
	}
	if got := must(v.Dispatched(t.Context(), w.repo, "smoke.yml", "other", before.Add(-time.Second)))(t); len(got) != 0 {
		t.Errorf("on another branch: %+v", got)
	}
	if got := must(v.Dispatched(t.Context(), w.repo, "smoke.yml", "main", before.Add(time.Hour)))(t); len(got) != 0 {
		t.Errorf("later: %+v", got)
	}
	if err := w.FinishWorkflow(gitops, id, "failure"); err != nil {
		t.Fatal(err)
	}
	if run := must(v.WorkflowRun(t.Context(), w.repo, id))(t); !run.Done || run.Conclusion != "failure" {
		t.Errorf("%+v", run)
	}
}

func TestWorkflowRunIsCancelled(t *testing.T) {
	t.Parallel()
	w, f := withSmoke(t)
	v := w.app.Workflows()
	id := must(f.dispatch("smoke.yml", "main", map[string]string{"version": "1"}))(t)
	for range 2 { // one that has ended is no error
		if err := v.Cancel(t.Context(), w.repo, id); err != nil {
			t.Fatal(err)
		}
	}
	if run := must(v.WorkflowRun(t.Context(), w.repo, id))(t); run.Conclusion != "cancelled" {
		t.Errorf("%+v", run)
	}
}

func TestDispatchThatGitHubRefusesIsTold(t *testing.T) {
	t.Parallel()
	w, f := withSmoke(t)
	for name, tt := range map[string]struct {
		file, ref string
		inputs    map[string]string
		says      string
	}{
		"no such workflow": {"nope.yml", "main", nil, "there is no workflow nope.yml on the default branch of acme/gitops"},
		"a bad input":      {"smoke.yml", "main", map[string]string{"version": "1", "x": "1"}, "Unexpected inputs"},
		"no such branch":   {"smoke.yml", "nope", map[string]string{"version": "1"}, "No ref found"},
	} {
		_, err := f.dispatch(tt.file, tt.ref, tt.inputs)
		var u *pipeline.UserError
		if !errors.As(err, &u) || !strings.Contains(u.Message, tt.says) || u.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.app.Workflows().Dispatched(t.Context(), w.repo, "nope.yml", "main", w.clock.Now()); err == nil || !strings.Contains(err.Error(), "there is no workflow") {
		t.Errorf("runs of no workflow: %v", err)
	}
}

// A server that has never heard of run details answers 400 to the field.
func TestServerWithoutRunDetails(t *testing.T) {
	t.Parallel()
	w, f := withSmoke(t)
	w.Inject(forge.Fault{
		Method: http.MethodPost, Path: "/repos/*/*/actions/workflows/*/dispatches", Status: http.StatusBadRequest,
		Message: `"return_run_details" is not a permitted key.`,
	})
	id, err := f.dispatch("smoke.yml", "main", map[string]string{"version": "1"})
	if err != nil || id != 0 {
		t.Errorf("run %d, %v", id, err)
	}
	if runs := must(w.WorkflowRuns(gitops))(t); len(runs) != 1 {
		t.Errorf("%+v", runs)
	}
}

func TestDeploymentsOfOthersOnly(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	sha := head(w)
	v := w.app.Verifications()
	own := must(w.app.Deployments().CreateDeployment(t.Context(), w.repo, report.Deployment{Ref: sha, Environment: "prod"}))(t)
	if got := must(v.Deployed(t.Context(), w.repo, sha, "prod"))(t); len(got) != 0 {
		t.Errorf("its own deployment %d counts: %+v", own, got)
	}
	id := must(w.Deploy(gitops, "argo", sha, "prod"))(t)
	must(w.Deploy(gitops, "argo", sha, "test"))(t)
	must(w.Deploy(gitops, "argo", pr.Head, "prod"))(t)
	for _, state := range []string{"in_progress", "success"} {
		if err := w.SetDeploymentState(gitops, "argo", id, state, "it is "+state); err != nil {
			t.Fatal(err)
		}
	}
	got := must(v.Deployed(t.Context(), w.repo, sha, "prod"))(t)
	want := []verify.Deployed{{States: []string{"success", "in_progress"}, Description: "it is success"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
