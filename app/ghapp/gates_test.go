package ghapp_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

func (w *world) required(base, sha string) []step.Check {
	w.t.Helper()
	checks := must(w.app.Gates().RequiredChecks(w.t.Context(), w.repoURL, base, sha))(w.t)
	for i := range checks {
		checks[i].URL = ""
	}
	return checks
}

func TestRequiredChecksUniteRulesetsAndClassicProtection(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	if err := w.ProtectBranch(gitops, "main", forge.Protection{RequiredChecks: []string{"build", "lint"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.AddRuleset(gitops, "main", forge.Protection{RequiredChecks: []string{"scan", "build", "docs", "skipped"}}); err != nil {
		t.Fatal(err)
	}
	must(w.SetCheck(gitops, pr.Head, "ci", "build", "success"))(t)
	must(w.SetCheck(gitops, pr.Head, "ci", "lint", ""))(t)
	must(w.SetCheck(gitops, pr.Head, "ci", "skipped", "skipped"))(t)
	if err := w.SetStatus(gitops, pr.Head, "bob", "scan", "error"); err != nil {
		t.Fatal(err)
	}
	want := []step.Check{
		{Name: "build", State: "success"},
		{Name: "docs", State: "pending"},
		{Name: "lint", State: "pending"},
		{Name: "scan", State: "failure"},
		{Name: "skipped", State: "success"},
	}
	if d := cmp.Diff(want, w.required("main", pr.Head)); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
}

func TestNothingRequiredAsksNothingMore(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	w.ResetTraffic()
	for range 3 {
		if got := w.required("main", pr.Head); got != nil {
			t.Errorf("got %v", got)
		}
	}
	want := map[string]int{"GET " + repoRoute + "/rules/branches/{branch}": 1, "GET " + repoRoute + "/branches/{branch}": 1}
	if d := cmp.Diff(want, w.RequestCounts()); d != "" {
		t.Error(d)
	}
	w.clock.Advance(time.Minute)
	w.required("main", pr.Head)
	if n := w.count("GET " + repoRoute + "/branches/{branch}"); n != 2 {
		t.Errorf("rules were read %d times after a minute, want 2", n)
	}
}

func TestOwnCheckIsNeverWaitedFor(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	if err := w.ProtectBranch(gitops, "main", forge.Protection{RequiredChecks: []string{report.PromotionCheck, "build"}}); err != nil {
		t.Fatal(err)
	}
	// The App's own run of a name that somebody else is to report does not count.
	must(w.app.Checks().CreateCheck(t.Context(), w.repo, report.CheckRun{Name: "build", SHA: pr.Head, Status: "completed", Conclusion: "success"}))(t)
	if d := cmp.Diff([]step.Check{{Name: "build", State: "pending"}}, w.required("main", pr.Head)); d != "" {
		t.Error(d)
	}
}

func TestCheckOfTheWrongAppDoesNotCount(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/rules/branches/release%2F1", say(200, `[{"type":"deletion"},{"type":"required_status_checks","parameters":{"required_status_checks":[
		{"context":"a","integration_id":5},{"context":"b","integration_id":5},{"context":"s","integration_id":5},{"context":"mine","integration_id":42}]}}]`))
	o.on("GET /repos/acme/gitops/branches/release%2F1", refuse(404, "Branch not found"))
	o.on("GET /repos/acme/gitops/commits/aaa/check-runs", say(200, `{"check_runs":[
		{"id":1,"name":"a","status":"completed","conclusion":"failure","app":{"id":5}},
		{"id":2,"name":"a","status":"completed","conclusion":"success","app":{"id":5}},
		{"id":3,"name":"b","status":"completed","conclusion":"success","app":{"id":6}}]}`))
	o.on("GET /repos/acme/gitops/commits/aaa/status", say(200, `{"statuses":[{"context":"s","state":"success","avatar_url":"https://avatars.githubusercontent.com/in/5?v=4"}]}`))
	got, err := o.app.Gates().RequiredChecks(t.Context(), o.repoURL(), "release/1", "aaa")
	want := []step.Check{{Name: "a", State: "success"}, {Name: "b", State: "pending"}, {Name: "s", State: "success"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestAbsentRulesEndpointMeansNoRulesets(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/rules/branches/main", refuse(404, "Not Found"))
	o.on("GET /repos/acme/gitops/branches/main", say(200, `{"protection":{"required_status_checks":{"enforcement_level":"everyone","contexts":["old"]}}}`))
	o.on("GET /repos/acme/gitops/commits/aaa/check-runs", say(200, `{}`))
	o.on("GET /repos/acme/gitops/commits/aaa/status", say(200, `{}`))
	got, err := o.app.Gates().RequiredChecks(t.Context(), o.repoURL(), "main", "aaa")
	if d := cmp.Diff([]step.Check{{Name: "old", State: "pending"}}, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestApprovalsCountForTheHeadOnly(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	if err := w.CreateTeam("acme", "release", "bob"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		who   string
		state forge.ReviewState
	}{{"alice", forge.Approved}, {"alice", forge.ChangesRequested}, {"bob", forge.Approved}, {"bob", forge.Commented}, {"carol", forge.Approved}} {
		if err := w.Review(gitops, pr.Number, r.who, r.state, ""); err != nil {
			t.Fatal(err)
		}
	}
	teams := []string{"@acme/release", "@acme/none", "@other/release"}
	got := must(w.app.Gates().Approvals(t.Context(), w.repoURL, pr.Number, pr.Head, teams))(t)
	want := []pipeline.Actor{{Login: "bob", Role: "maintain", Teams: []string{"@acme/release"}}, {Login: "carol", Role: "read"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("approvals (-want +got):\n%s", d)
	}
	head := must(w.Push(gitops, ownBranch, "bob", "more", map[string]*string{"x": forge.Text("x")}))(t)
	if got := must(w.app.Gates().Approvals(t.Context(), w.repoURL, pr.Number, head, teams))(t); len(got) != 0 {
		t.Errorf("approvals of the old head count for the new one: %v", got)
	}
}

func TestAuthorsDoNotApproveTheirOwn(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/pulls/1/reviews", say(200, `[{"user":{"login":"Ana"},"state":"APPROVED","commit_id":"aaa"},{"user":null,"state":"APPROVED","commit_id":"aaa"}]`))
	o.on(pullOne, say(200, `{"number":1,"user":{"login":"ana"}}`))
	got, err := o.app.Gates().Approvals(t.Context(), o.repoURL(), 1, "aaa", nil)
	if err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestPermissionReadsTheRoleName(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"permission":"write","role_name":"maintain"}`: "maintain", `{"permission":"read","role_name":"triage"}`: "triage",
		`{"permission":"write","role_name":"deployer"}`: "write", `{"permission":"none","role_name":""}`: "none", `{"permission":"admin"}`: "admin",
	} {
		o := newOdd(t)
		o.on("GET /repos/acme/gitops/collaborators/ana/permission", say(200, body))
		got, err := o.app.Permission(context.Background(), acme, "ana", nil)
		if err != nil || got.Role != want {
			t.Errorf("%s: %q, %v, want %q", body, got.Role, err, want)
		}
	}
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/collaborators/ghost/permission", refuse(404, "ghost is not a user"))
	if got, err := o.app.Permission(t.Context(), acme, "ghost", nil); err != nil || got.Role != "none" {
		t.Errorf("unknown user: %v, %v", got, err)
	}
}

func TestTeamsThatCannotBeReadAreNoAuthorityAndNoReasonForAWiderToken(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(mint, say(201, `{"token":"ghs_1","expires_at":"2099-01-01T00:00:00Z"}`), refuse(422, "The permissions requested are not granted to this installation."))
	o.on("GET /repos/acme/gitops/collaborators/ana/permission", say(200, `{"permission":"write","role_name":"write"}`))
	got, err := o.app.Permission(t.Context(), acme, "ana", []string{"@acme/a"})
	if err != nil || len(got.Teams) != 0 || len(o.mints) != 2 {
		t.Errorf("%v, %v, %d mints", got, err, len(o.mints))
	}
}

func TestPendingTeamMembershipIsNone(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/collaborators/ana/permission", say(200, `{"permission":"write","role_name":"write"}`))
	o.on("GET /orgs/acme/teams/a/memberships/ana", say(200, `{"state":"pending"}`))
	o.on("GET /orgs/acme/teams/b/memberships/ana", refuse(403, "Resource not accessible by integration"))
	got, err := o.app.Permission(t.Context(), acme, "ana", []string{"@acme/a", "@acme/b"})
	if err != nil || len(got.Teams) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, narrowed := o.mints[1]["repository_ids"]; narrowed {
		t.Error("the token for the organisation is narrowed to a repository, and would get 404")
	}
}
