//go:build conformance

package forge_test

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/openapi"
)

var description = sync.OnceValues(func() (*openapi.Description, error) { return openapi.Load(os.Getenv("KARGO_OPENAPI")) })

// TestConformance runs every endpoint once and holds both sides of each exchange against GitHub's own description.
func TestConformance(t *testing.T) {
	if os.Getenv("KARGO_OPENAPI") == "" {
		t.Fatal("set KARGO_OPENAPI to generated/api.github.com.json of the npm package @octokit/openapi (npm pack @octokit/openapi)")
	}
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	var report openapi.Report
	client := w.enterprise(d.Transport(w.installTransport(nil), &report))
	app := w.enterprise(d.Transport(w.appTransport(), &report))
	c := &conformer{w: w, gh: client, app: app}
	c.run()
	for _, p := range report.Problems() {
		t.Error(p)
	}
	t.Logf("%d exchanges on %d routes", report.Exchanges(), len(w.RequestCounts()))
	if got := len(w.RequestCounts()); got < 75 {
		t.Errorf("only %d routes were exercised", got)
	}
}

type conformer struct {
	w       *world
	gh, app *github.Client
}

// do sends a request by hand, for what go-github does not offer, and returns the decoded answer.
func (c *conformer) do(gh *github.Client, want int, method, path string, body any) map[string]any {
	c.w.t.Helper()
	req, err := gh.NewRequest(method, strings.TrimPrefix(path, "/"), body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	var out any
	resp, err := gh.Do(c.w.t.Context(), req, &out)
	if resp == nil {
		c.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != want {
		c.w.t.Errorf("%s %s: %d, want %d: %v", method, path, resp.StatusCode, want, err)
	}
	o, _ := out.(map[string]any)
	return o
}

type o = map[string]any

func id(m map[string]any) string {
	f, _ := m["id"].(float64)
	return strconv.FormatInt(int64(f), 10)
}

const rp = "repos/acme/gitops"

func (c *conformer) get(path string) map[string]any {
	c.w.t.Helper()
	return c.do(c.gh, 200, "GET", path, nil)
}

func (c *conformer) post(want int, path string, body o) map[string]any {
	c.w.t.Helper()
	return c.do(c.gh, want, "POST", path, body)
}

func (c *conformer) run() {
	c.appRoutes()
	c.gitRoutes()
	n := c.pullRoutes()
	c.issueRoutes(n)
	c.checkRoutes()
	c.deploymentRoutes()
	c.workflowRoutes()
	c.ruleRoutes()
	c.refusals()
}

func (c *conformer) appRoutes() {
	w, t := c.w, c.w.t
	if err := w.CreateTeam("acme", "ops", "alice"); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"app", "app/installations", "app/installations/" + strconv.Itoa(int(w.install)), rp + "/installation"} {
		c.do(c.app, 200, "GET", p, nil)
	}
	c.do(c.app, 201, "POST", "app/installations/"+strconv.Itoa(int(w.install))+"/access_tokens", o{
		"repositories": []string{"gitops"}, "permissions": o{"contents": "read"},
	})
	w.hooks("installation")
	list := w.Deliveries()
	c.do(c.app, 200, "GET", "app/hook/deliveries?status=success&per_page=1", nil)
	one := "app/hook/deliveries/" + strconv.Itoa(int(list[0].ID))
	c.do(c.app, 200, "GET", one, nil)
	c.do(c.app, 202, "POST", one+"/attempts", nil)
	for _, p := range []string{
		"meta", "rate_limit", "users/alice", "users/kargo%5Bbot%5D", "installation/repositories", "orgs/acme/teams/ops/memberships/alice", rp,
		rp + "/collaborators/bob/permission",
	} {
		c.get(p)
	}
	c.do(c.gh, 204, "GET", rp+"/collaborators/bob", nil)
}

func (c *conformer) gitRoutes() {
	w := c.w
	head := w.head("main")
	commit := c.get(rp + "/git/commits/" + head)
	tree := commit["tree"].(o)["sha"].(string)
	blob := c.post(201, rp+"/git/blobs", o{"content": "aGk=", "encoding": "base64"})["sha"].(string)
	newTree := c.post(201, rp+"/git/trees", o{"base_tree": tree, "tree": []o{
		{"path": "a/b.txt", "mode": "100644", "type": "blob", "sha": blob}, {"path": "c.txt", "mode": "100644", "content": "c"}, {"path": "README.md", "mode": "100644", "type": "blob", "sha": nil},
	}})["sha"].(string)
	made := c.post(201, rp+"/git/commits", o{"message": "m", "tree": newTree, "parents": []string{head}})["sha"].(string)
	c.post(201, rp+"/git/refs", o{"ref": "refs/heads/kargo/git", "sha": made})
	again := c.post(201, rp+"/git/commits", o{"message": "n", "tree": newTree, "parents": []string{made}, "author": o{"name": "n", "email": "n@example.com", "date": "2026-01-02T03:04:05Z"}})["sha"].(string)
	c.do(c.gh, 200, "PATCH", rp+"/git/refs/heads/kargo/git", o{"sha": again})
	tag := c.post(201, rp+"/git/tags", o{"tag": "v1", "message": "one", "object": head, "type": "commit"})["sha"].(string)
	c.post(201, rp+"/git/refs", o{"ref": "refs/tags/v1", "sha": tag})
	for _, p := range []string{
		"/git/ref/heads/kargo/git", "/git/matching-refs/tags/", "/git/trees/" + newTree + "?recursive=1", "/git/blobs/" + blob, "/git/tags/" + tag,
		"/contents/README.md", "/contents/apps?ref=main", "/compare/main...kargo/git", "/commits?sha=main&path=README.md&since=2020-01-01T00:00:00Z&per_page=30", "/commits/main",
		"/branches", "/branches/kargo%2Fgit", "/branches/main", "/tags", "/commits/" + made + "/pulls",
	} {
		c.get(rp + p)
	}
	c.do(c.gh, 201, "PUT", rp+"/contents/put.txt", o{"message": "put", "content": "aGk=", "branch": "kargo/git"})
	c.post(201, rp+"/merges", o{"base": "kargo/git", "head": w.push("side", "bob", map[string]*string{"side": forge.Text("s")})})
	c.do(c.gh, 204, "DELETE", rp+"/git/refs/heads/kargo/git", nil)
}

func (c *conformer) pullRoutes() int {
	w, t := c.w, c.w.t
	w.push("topic", "bob", map[string]*string{"apps/web/values.yaml": forge.Text("image:\n  tag: v3\n")})
	pr := c.post(201, rp+"/pulls", o{"title": "t", "head": "topic", "base": "main", "body": "b", "draft": true})
	n := int(pr["number"].(float64))
	self := rp + "/pulls/" + strconv.Itoa(n)
	if err := w.SetDraft(repoName, n, "bob", false); err != nil {
		t.Fatal(err)
	}
	c.get(self)
	c.get(self)
	c.do(c.gh, 200, "PATCH", self, o{"title": "t2", "body": "b2"})
	c.get(rp + "/pulls?head=acme:topic&state=all&sort=updated&direction=desc")
	c.post(200, self+"/reviews", o{"event": "COMMENT", "body": "looks fine"})
	c.post(201, self+"/requested_reviewers", o{"reviewers": []string{"alice"}})
	for _, p := range []string{"/reviews", "/requested_reviewers", "/files", "/commits"} {
		c.get(self + p)
	}
	w.push("main", "alice", map[string]*string{"moved": forge.Text("m")})
	c.do(c.gh, 202, "PUT", self+"/update-branch", o{"expected_head_sha": w.head("topic")})
	c.do(c.gh, 404, "GET", self+"/merge", nil)
	c.do(c.gh, 409, "PUT", self+"/merge", o{"sha": strings.Repeat("1", 40)})
	c.do(c.gh, 200, "PUT", self+"/merge", o{"sha": w.head("topic"), "merge_method": "squash", "commit_title": "done", "commit_message": "well"})
	c.do(c.gh, 204, "GET", self+"/merge", nil)
	c.get(self)
	c.get(rp + "/commits/" + w.head("main") + "/pulls")
	return n
}

func (c *conformer) issueRoutes(pr int) {
	issue := rp + "/issues/" + strconv.Itoa(int(c.post(201, rp+"/issues", o{"title": "i", "body": "b"})["number"].(float64)))
	comment := rp + "/issues/comments/" + id(c.post(201, rp+"/issues/"+strconv.Itoa(pr)+"/comments", o{"body": "hello"}))
	c.do(c.gh, 200, "PATCH", comment, o{"body": "changed"})
	for _, to := range []string{issue, comment} {
		c.post(201, to+"/reactions", o{"content": "eyes"})
		c.post(200, to+"/reactions", o{"content": "eyes"})
		c.get(to + "/reactions")
		c.get(to)
	}
	c.post(200, issue+"/labels", o{"labels": []string{"kargo"}})
	c.post(201, issue+"/assignees", o{"assignees": []string{"bob"}})
	c.do(c.gh, 200, "PATCH", issue, o{"title": "j", "assignees": []string{"alice"}, "labels": []string{"kargo", "two"}})
	c.do(c.gh, 200, "DELETE", issue+"/labels/two", nil)
	c.do(c.gh, 404, "DELETE", issue+"/labels/two", nil)
	c.do(c.gh, 200, "PATCH", issue, o{"state": "closed"})
	c.get("search/issues?per_page=30&q=repo%3Aacme%2Fgitops+is%3Aissue+is%3Aclosed+label%3Akargo")
	c.get(rp + "/issues?state=all&creator=kargo%5Bbot%5D&since=2020-01-01T00:00:00Z&sort=created&direction=desc")
	for _, p := range []string{issue + "/labels", issue + "/comments", rp + "/issues/" + strconv.Itoa(pr) + "/comments", rp + "/issues?state=all"} {
		c.get(p)
	}
	c.do(c.gh, 204, "DELETE", comment, nil)
}

func (c *conformer) checkRoutes() {
	w, t := c.w, c.w.t
	n := w.openPR("checked")
	sha := w.head("checked")
	run := rp + "/check-runs/" + id(c.post(201, rp+"/check-runs", o{"name": "kargo / promotion", "head_sha": sha, "status": "in_progress", "external_id": "x"}))
	c.do(c.gh, 200, "PATCH", run, o{
		"status": "completed", "conclusion": "action_required", "details_url": "https://example.com",
		"output":  o{"title": "t", "summary": "s", "annotations": []o{{"path": "README.md", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "m"}}},
		"actions": []o{{"label": "Approve", "description": "d", "identifier": "approve"}},
	})
	if err := w.SetStatus(repoName, sha, "alice", "ci/x", "success"); err != nil {
		t.Fatal(err)
	}
	suite := id(c.get(run)["check_suite"].(o))
	for _, p := range []string{
		"/check-suites/" + suite, "/commits/" + sha + "/check-runs?filter=latest&per_page=100", "/commits/checked/check-suites",
		"/commits/" + sha + "/status", "/commits/" + sha + "/statuses", "/pulls/" + strconv.Itoa(n),
	} {
		c.get(rp + p)
	}
	c.get(run + "/annotations")
}

func (c *conformer) deploymentRoutes() {
	sha := c.w.head("main")
	d := rp + "/deployments/" + id(c.post(201, rp+"/deployments", o{
		"ref": sha, "auto_merge": false, "required_contexts": []string{}, "environment": "staging", "payload": o{"freight": "abc"}, "transient_environment": false, "production_environment": false, "description": "d",
	}))
	c.post(201, d+"/statuses", o{"state": "in_progress", "description": "working", "log_url": "https://example.com/log", "environment_url": "https://example.com"})
	c.post(201, d+"/statuses", o{"state": "success"})
	if err := c.w.CreateEnvironment(repoName, "staging", 5, "alice"); err != nil {
		c.w.t.Fatal(err)
	}
	for _, p := range []string{d, d + "/statuses", rp + "/deployments?environment=staging&sha=" + sha, rp + "/environments", rp + "/environments/staging"} {
		c.get(p)
	}
	c.post(409, rp+"/deployments", o{"ref": "main", "required_contexts": []string{"nope"}})
}

func (c *conformer) workflowRoutes() {
	c.w.push("main", "alice", map[string]*string{".github/workflows/smoke.yml": forge.Text("name: Smoke\non: workflow_dispatch\n")})
	smoke := rp + "/actions/workflows/smoke.yml"
	c.get(smoke)
	c.do(c.gh, 204, "POST", smoke+"/dispatches", o{"ref": "main"})
	run, _ := c.post(200, smoke+"/dispatches", o{"ref": "main", "inputs": o{}, "return_run_details": true})["workflow_run_id"].(float64)
	c.get(smoke + "/runs?event=workflow_dispatch&branch=main&per_page=1&created=%3E%3D2020-01-01T00:00:00Z")
	self := rp + "/actions/runs/" + strconv.Itoa(int(run))
	c.get(self)
	if err := c.w.Notice(repoName, int64(run), "build", "kargo-output", "a=b"); err != nil {
		c.w.t.Fatal(err)
	}
	c.get(self + "/jobs?filter=latest")
	c.do(c.gh, 202, "POST", self+"/cancel", nil)
	c.get(self + "/jobs")
	c.do(c.gh, 409, "POST", self+"/cancel", nil)
	c.get(self)
}

func (c *conformer) ruleRoutes() {
	w, t := c.w, c.w.t
	all := forge.Protection{RequiredChecks: []string{"ci"}, RequiredReviews: 1}
	if err := w.ProtectBranch(repoName, "main", all); err != nil {
		t.Fatal(err)
	}
	if err := w.AddRuleset(repoName, "main", all); err != nil {
		t.Fatal(err)
	}
	c.get(rp + "/branches/main")
	c.get(rp + "/rules/branches/main")
	c.do(c.gh, 403, "GET", rp+"/branches/main/protection", nil)
}

func (c *conformer) refusals() {
	c.do(c.gh, 404, "GET", rp+"/pulls/999", nil)
	c.do(c.gh, 404, "GET", "repos/acme/nothing", nil)
	c.do(c.gh, 422, "POST", rp+"/git/refs", o{"ref": "main"})
	c.do(c.gh, 422, "POST", rp+"/pulls", o{"title": "x", "head": "nope", "base": "main"})
	c.do(c.gh, 404, "POST", "repos/acme/gitops/nothing", o{})
	if status, _, _ := c.w.raw("GET", "/api/v3/"+rp, "", ""); status != http.StatusUnauthorized {
		c.w.t.Errorf("anonymous request: %d", status)
	}
}
