package forge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
)

const smoke = `
name: Smoke
run-name: smoke ${{ inputs.version }} (${{ inputs.id }})
on:
  push:
  workflow_dispatch:
    inputs:
      version: {required: true}
      target: {type: choice, options: [eu, us], default: eu}
      id: {}
`

const workflows = "/api/v3/repos/acme/gitops/actions/workflows/"

func withWorkflows(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t)
	w.push("main", "alice", map[string]*string{
		".github/workflows/smoke.yml": forge.Text(smoke), ".github/workflows/push.yml": forge.Text("on: [push]\n"),
	})
	return w, "token " + w.token()
}

func TestWorkflowIsDispatched(t *testing.T) {
	t.Parallel()
	w, auth := withWorkflows(t)
	status, answer, _ := w.raw("POST", workflows+"smoke.yml/dispatches", auth, `{"ref":"main","inputs":{"version":"1.2","id":"x"},"return_run_details":true}`)
	run, _ := answer["workflow_run_id"].(float64)
	if status != http.StatusOK || run == 0 {
		t.Fatalf("%d %v", status, answer)
	}
	status, _, _ = w.raw("POST", workflows+"smoke.yml/dispatches", auth, `{"ref":"refs/heads/main","inputs":{"version":"1.3"}}`)
	if status != http.StatusNoContent {
		t.Errorf("without return_run_details: %d", status)
	}
	runs, err := w.WorkflowRuns(repoName)
	if err != nil {
		t.Fatal(err)
	}
	want := forge.WorkflowRun{
		ID: int64(run), File: "smoke.yml", Title: "smoke 1.2 (x)", Branch: "main", Actor: "kargo[bot]", Status: "queued",
		Inputs: map[string]string{"version": "1.2", "id": "x", "target": "eu"},
	}
	if diff := cmp.Diff(want, runs[0]); diff != "" || len(runs) != 2 {
		t.Errorf("%d runs: %s", len(runs), diff)
	}
	if err := w.FinishWorkflow(repoName, int64(run), ""); err != nil {
		t.Fatal(err)
	}
	if err := w.FinishWorkflow(repoName, int64(run), "success"); err != nil {
		t.Fatal(err)
	}
	if err := w.FinishWorkflow(repoName, int64(run), "failure"); err == nil {
		t.Error("a run ends twice")
	}
	var actions []string
	for _, h := range w.hooks("workflow_run") {
		if p := h.payload["workflow_run"].(map[string]any); p["id"].(float64) == run {
			actions = append(actions, h.action()+" "+p["status"].(string))
		}
	}
	if diff := cmp.Diff([]string{"requested queued", "in_progress in_progress", "completed completed"}, actions); diff != "" {
		t.Error(diff)
	}
	for query, n := range map[string]float64{
		"?event=workflow_dispatch&branch=main&actor=kargo%5Bbot%5D": 2, "?status=success": 1, "?status=queued": 1, "?branch=other": 0,
		"?actor=alice": 0, "?created=%3E%3D2100-01-01T00:00:00Z": 0, "?created=%3E%3D2020-01-01": 2,
	} {
		_, list, _ := w.raw("GET", workflows+"smoke.yml/runs"+query, auth, "")
		if list["total_count"] != n {
			t.Errorf("%s: %v runs, want %v", query, list["total_count"], n)
		}
	}
}

func TestDispatchThatIsRefused(t *testing.T) {
	t.Parallel()
	w, auth := withWorkflows(t)
	w.push("old", "alice", map[string]*string{".github/workflows/smoke.yml": nil})
	for name, tt := range map[string]struct {
		file, body string
		status     int
		message    string
	}{
		"a workflow that is not there":    {"nope.yml", `{"ref":"main"}`, 404, "Not Found"},
		"a path":                          {"..%2Fx.yml", `{"ref":"main"}`, 404, "Not Found"},
		"one that cannot be dispatched":   {"push.yml", `{"ref":"main"}`, 422, "does not have 'workflow_dispatch' trigger"},
		"a ref that is not there":         {"smoke.yml", `{"ref":"nope","inputs":{"version":"1"}}`, 422, "No ref found for: nope"},
		"a ref without the workflow":      {"smoke.yml", `{"ref":"old","inputs":{"version":"1"}}`, 422, "does not have 'workflow_dispatch' trigger"},
		"an input that is not declared":   {"smoke.yml", `{"ref":"main","inputs":{"version":"1","x":"1"}}`, 422, `Unexpected inputs provided: ["x"]`},
		"a required input that lacks":     {"smoke.yml", `{"ref":"main"}`, 422, "Required input 'version' not provided"},
		"a choice that is not on offer":   {"smoke.yml", `{"ref":"main","inputs":{"version":"1","target":"mars"}}`, 422, "not in the list of allowed values"},
		"a field that GitHub has not":     {"smoke.yml", `{"ref":"main","x":1}`, 422, "not a permitted key"},
		"no ref":                          {"smoke.yml", `{}`, 422, "wasn't supplied"},
		"an input that is no plain value": {"smoke.yml", `{"ref":"main","inputs":{"version":{}}}`, 422, "is not a string"},
	} {
		status, answer, _ := w.raw("POST", workflows+tt.file+"/dispatches", auth, tt.body)
		if message, _ := answer["message"].(string); status != tt.status || !strings.Contains(message, tt.message) {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	if runs, err := w.WorkflowRuns(repoName); err != nil || len(runs) != 0 {
		t.Errorf("%v %v", runs, err)
	}
}

func TestDeploymentOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.Deploy(repoName, "argo", "main", "prod")
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"in_progress", "success"} {
		if err := w.SetDeploymentState(repoName, "argo", id, state, "rolled out"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetDeploymentState(repoName, "argo", 1, "success", ""); err == nil {
		t.Error("a deployment that is not there has a state")
	}
	hooks := w.hooks("deployment_status")
	if len(hooks) != 2 {
		t.Fatalf("%d events", len(hooks))
	}
	d := hooks[1].payload["deployment"].(map[string]any)
	if d["sha"] != w.head("main") || d["environment"] != "prod" || d["performed_via_github_app"] != nil {
		t.Errorf("%v", d)
	}
}
