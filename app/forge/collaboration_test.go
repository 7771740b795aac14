package forge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

func TestCollaboratorPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CreateUser("dave")
	for user, role := range map[string]string{"erin": "maintain", "frank": "triage"} {
		if err := w.SetRole(repoName, user, role); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string][2]string{
		"alice": {"admin", "admin"}, "bob": {"write", "write"}, "carol": {"read", "read"}, "dave": {"none", "none"}, "erin": {"write", "maintain"}, "frank": {"read", "triage"},
	} {
		status, body, _ := w.raw("GET", "/api/v3/repos/acme/gitops/collaborators/"+user+"/permission", "Bearer "+w.token(), "")
		if got := [2]string{body["permission"].(string), body["role_name"].(string)}; status != 200 || got != want {
			t.Errorf("%s: %d %v, want %v", user, status, got, want)
		}
	}
}

func TestEverybodyReadsAPublicRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *forge.Options, r *forge.RepoOptions) { r.Private = false })
	w.CreateUser("dave")
	level, _, err := w.client.Repositories.GetPermissionLevel(t.Context(), "acme", "gitops", "dave")
	if err != nil || level.GetPermission() != "read" {
		t.Errorf("a stranger on a public repository: %q %v, want read", level.GetPermission(), err)
	}
}

func TestReactionsAreIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	id, err := w.CommentOn(repoName, n, "bob", "/promote")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{201, 200} {
		_, resp, err := w.client.Reactions.CreateIssueCommentReaction(t.Context(), "acme", "gitops", id, "eyes")
		if err != nil || resp.StatusCode != want {
			t.Errorf("reaction: %v %v, want %d", resp.StatusCode, err, want)
		}
	}
	pr, err := w.PullRequest(repoName, n)
	if diff := cmp.Diff([]forge.Reaction{{Author: "kargo[bot]", Content: "eyes"}}, pr.Comments[0].Reactions); diff != "" || err != nil {
		t.Errorf("reactions (-want +got):\n%s%v", diff, err)
	}
}

func TestReviews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.AddRuleset(repoName, "main", forge.Protection{RequiredReviews: 1, DismissStale: true}); err != nil {
		t.Fatal(err)
	}
	n := w.openPR("topic")
	if err := w.Review(repoName, n, "bob", forge.Approved, ""); err == nil {
		t.Error("the author approved their own pull request")
	}
	if err := w.Review(repoName, n, "alice", forge.Approved, ""); err != nil {
		t.Fatal(err)
	}
	w.push("topic", "bob", map[string]*string{"more": forge.Text("x")})
	if _, err := w.Merge(repoName, n, "alice", "merge", false); err == nil {
		t.Error("a stale approval was enough")
	}
	if err := w.Review(repoName, n, "alice", forge.Approved, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Merge(repoName, n, "alice", "merge", true); err != nil {
		t.Errorf("merge with a fresh approval: %v", err)
	}
	if w.head("topic") != "" {
		t.Error("the branch is still there")
	}
	if got := w.hooks("pull_request_review"); len(got) != 3 || got[0].payload["review"].(map[string]any)["state"] != "approved" {
		t.Errorf("%d review events", len(got))
	}
}

func TestCheckRunLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok, head := "Bearer "+w.token(), w.head("main")
	body := func(rest string) string { return `{"name":"n","head_sha":"` + head + `"` + rest + `}` }
	annotation := `{"path":"x","start_line":1,"end_line":1,"annotation_level":"notice","message":"m"}`
	action := `{"label":"l","description":"d","identifier":"i"}`
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"plain":                        {body(""), 201},
		"an unknown head_sha":          {`{"name":"n","head_sha":"` + strings.Repeat("1", 40) + `"}`, 422},
		"completed needs a conclusion": {body(`,"status":"completed"`), 422},
		"output needs a title":         {body(`,"output":{"summary":"s"}`), 422},
		"a summary of 65,535 is fine":  {body(`,"output":{"title":"t","summary":"` + strings.Repeat("x", 65535) + `"}`), 201},
		"a summary of 65,536 is not":   {body(`,"output":{"title":"t","summary":"` + strings.Repeat("x", 65536) + `"}`), 422},
		"50 annotations are fine":      {body(`,"output":{"title":"t","summary":"s","annotations":[` + strings.TrimSuffix(strings.Repeat(annotation+",", 50), ",") + `]}`), 201},
		"51 annotations are not":       {body(`,"output":{"title":"t","summary":"s","annotations":[` + strings.TrimSuffix(strings.Repeat(annotation+",", 51), ",") + `]}`), 422},
		"three actions are fine":       {body(`,"actions":[` + action + "," + action + "," + action + `]`), 201},
		"four actions are not":         {body(`,"actions":[` + action + "," + action + "," + action + "," + action + `]`), 422},
		"labels have 20 characters":    {body(`,"actions":[{"label":"` + strings.Repeat("x", 21) + `","description":"d","identifier":"i"}]`), 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, answer, _ := w.raw("POST", "/api/v3/repos/acme/gitops/check-runs", tok, tc.body); got != tc.want {
				t.Errorf("%d %v, want %d", got, answer["message"], tc.want)
			}
		})
	}
}

func TestCheckRunButtonsAndOwnership(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run, _, err := w.client.Checks.CreateCheckRun(t.Context(), "acme", "gitops", github.CreateCheckRunOptions{
		Name: "gate", HeadSHA: w.head("main"), Status: github.String("completed"), Conclusion: github.String("action_required"),
		Actions: []*github.CheckRunAction{{Label: "Approve", Description: "d", Identifier: "approve"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RequestCheckAction(repoName, run.GetID(), "carol", "approve"); err != nil {
		t.Fatal(err)
	}
	var last hook
	for _, last = range w.hooks("check_run") {
	}
	if last.action() != "requested_action" || last.payload["requested_action"].(map[string]any)["identifier"] != "approve" {
		t.Errorf("last check_run event: %s", last.action())
	}
	other, err := w.SetCheck(repoName, "main", "ci-app", "ci", "success")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.client.Checks.UpdateCheckRun(t.Context(), "acme", "gitops", other, github.UpdateCheckRunOptions{Name: "ci"}); status(err) != 403 {
		t.Errorf("updating another App's run: %v, want 403", err)
	}
	got, _, err := w.client.Checks.ListCheckRunsForRef(t.Context(), "acme", "gitops", "main", &github.ListCheckRunsOptions{AppID: github.Int64(42)})
	if err != nil || got.GetTotal() != 1 {
		t.Errorf("%d runs of the App (%v), want 1", got.GetTotal(), err)
	}
}

func TestDeploymentDefaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("topic", "bob", map[string]*string{"x": forge.Text("x")})
	w.push("main", "alice", map[string]*string{"y": forge.Text("y")})
	if err := w.SetStatus(repoName, "main", "ci", "ci", "failure"); err != nil {
		t.Fatal(err)
	}
	deploy := func(r *github.DeploymentRequest) (*github.Deployment, error) {
		d, _, err := w.client.Repositories.CreateDeployment(t.Context(), "acme", "gitops", r)
		return d, err
	}
	if _, err := deploy(&github.DeploymentRequest{Ref: github.String("topic")}); err == nil || !strings.Contains(err.Error(), "job scheduled") {
		t.Errorf("a branch that is behind: %v, want 202 and no deployment", err)
	}
	if _, err := deploy(&github.DeploymentRequest{Ref: github.String("main")}); status(err) != 409 {
		t.Errorf("red contexts: %v, want 409", err)
	}
	none := []string{}
	var ids []int64
	for range 2 {
		d, err := deploy(&github.DeploymentRequest{Ref: github.String(w.head("main")), AutoMerge: github.Bool(false), RequiredContexts: &none, Environment: github.String("staging")})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.GetID())
		if _, _, err := w.client.Repositories.CreateDeploymentStatus(t.Context(), "acme", "gitops", d.GetID(), &github.DeploymentStatusRequest{State: github.String("success")}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := w.Deployments(repoName)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d deployments (%v), want 2", len(all), err)
	}
	if n := len(all[0].Statuses); n != 2 || all[0].Statuses[1].State != "inactive" {
		t.Errorf("the older deployment was not retired: %+v", all[0].Statuses)
	}
	_, _, err = w.client.Repositories.CreateDeploymentStatus(t.Context(), "acme", "gitops", ids[1], &github.DeploymentStatusRequest{State: github.String("success"), Description: github.String(strings.Repeat("x", 141))})
	if status(err) != 422 {
		t.Errorf("a description of 141 characters: %v, want 422", err)
	}
	if n := len(w.hooks("deployment_status")); n != 2 {
		t.Errorf("%d deployment_status events, want 2: none for inactive", n)
	}
}

func TestRulesAndClassicProtectionAreSeenSeparately(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.ProtectBranch(repoName, "main", forge.Protection{RequiredChecks: []string{"classic"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.AddRuleset(repoName, "main", forge.Protection{RequiredReviews: 2}); err != nil {
		t.Fatal(err)
	}
	branch, _, err := w.client.Repositories.GetBranch(t.Context(), "acme", "gitops", "main", 0)
	if err != nil || !branch.GetProtected() || branch.Protection.RequiredStatusChecks.Contexts == nil {
		t.Fatalf("branch: %+v %v", branch.GetProtection(), err)
	}
	if diff := cmp.Diff([]string{"classic"}, *branch.Protection.RequiredStatusChecks.Contexts); diff != "" {
		t.Errorf("classic checks (-want +got):\n%s", diff)
	}
	rules, _, err := w.client.Repositories.GetRulesForBranch(t.Context(), "acme", "gitops", "main")
	if err != nil || len(rules) != 2 || rules[0].Type != "pull_request" {
		t.Errorf("rules: %+v %v", rules, err)
	}
	if _, _, err := w.client.Repositories.GetBranchProtection(t.Context(), "acme", "gitops", "main"); status(err) != 403 {
		t.Errorf("protection without administration: %v, want 403", err)
	}
}
