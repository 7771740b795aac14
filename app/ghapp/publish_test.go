package ghapp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestCheckRunIsFoundAndUpdated(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	checks := w.app.Checks()
	c := report.CheckRun{Name: report.PromotionCheck, SHA: pr.Head, ExternalID: "prod-1", Status: "in_progress", Title: "t", Summary: "s", DetailsURL: "not a url"}
	if _, err := checks.FindCheck(t.Context(), w.repo, c.SHA, c.Name, c.ExternalID); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	id := must(checks.CreateCheck(t.Context(), w.repo, c))(t)
	if found := must(checks.FindCheck(t.Context(), w.repo, c.SHA, c.Name, c.ExternalID))(t); found != id {
		t.Errorf("found %d, made %d", found, id)
	}
	if _, err := checks.FindCheck(t.Context(), w.repo, c.SHA, c.Name, "prod-2"); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("another Promotion's: %v", err)
	}
	c.Status, c.Conclusion = "completed", "success"
	if err := checks.UpdateCheck(t.Context(), w.repo, id, c); err != nil {
		t.Fatal(err)
	}
	runs := must(w.CheckRuns(gitops, pr.Head))(t)
	if len(runs) != 1 || runs[0].Conclusion != "success" || runs[0].External != "prod-1" {
		t.Errorf("runs %+v", runs)
	}
}

func TestAnnotationsGoInBatchesAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	head := must(w.Refs(gitops))(t)["refs/heads/main"]
	c := report.CheckRun{Name: report.ConfigCheck, SHA: head, Status: "completed", Conclusion: "failure", Summary: strings.Repeat("ä", 70_000)}
	for i := range 120 {
		c.Annotations = append(c.Annotations, report.Annotation{Path: ".kargo.yaml", Line: i, Column: 3, EndColumn: 1, Level: "failure", Title: strings.Repeat("t", 300)})
	}
	id := must(w.app.Checks().CreateCheck(t.Context(), w.repo, c))(t)
	if err := w.app.Checks().UpdateCheck(t.Context(), w.repo, id, c); err != nil {
		t.Fatal(err)
	}
	run := must(w.CheckRuns(gitops, head))(t)[0]
	if run.Annotations != 120 || len(run.Summary) > 65_535 {
		t.Errorf("%d annotations, summary of %d bytes", run.Annotations, len(run.Summary))
	}
}

func TestDeploymentIsMadeWithoutGitHubsDefaults(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	// By default GitHub would want this to be green.
	must(w.SetCheck(gitops, pr.Head, "ci", "build", "failure"))(t)
	d := report.Deployment{Ref: pr.Head, Environment: "prod", Description: strings.Repeat("é", 200), Payload: report.Payload{Pipeline: "web", Stage: "prod", Promotion: "prod-1"}}
	deployments := w.app.Deployments()
	if _, err := deployments.FindDeployment(t.Context(), w.repo, d); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	id := must(deployments.CreateDeployment(t.Context(), w.repo, d))(t)
	if found := must(deployments.FindDeployment(t.Context(), w.repo, d))(t); found != id {
		t.Errorf("found %d, made %d", found, id)
	}
	other := d
	other.Payload.Promotion = "prod-2"
	if _, err := deployments.FindDeployment(t.Context(), w.repo, other); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("another Promotion's: %v", err)
	}
	if err := deployments.FindDeploymentStatus(t.Context(), w.repo, id, "success"); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("status before: %v", err)
	}
	err := deployments.SetDeploymentStatus(t.Context(), w.repo, id, report.DeploymentStatus{State: "success", Description: strings.Repeat("é", 200)})
	if err != nil {
		t.Fatal(err)
	}
	if err := deployments.FindDeploymentStatus(t.Context(), w.repo, id, "success"); err != nil {
		t.Errorf("status after: %v", err)
	}
	got := must(w.Deployments(gitops))(t)[0]
	if len(got.Statuses) != 1 || got.Statuses[0].State != "success" || len(got.Statuses[0].Description) > 140 {
		t.Errorf("statuses %+v", got.Statuses)
	}
}

func TestAcceptedDeploymentIsAFailure(t *testing.T) {
	t.Parallel()
	for _, code := range []int{202, 409} {
		o := newOdd(t)
		o.on("POST /repos/acme/gitops/deployments", refuse(code, "Auto-merged main into x on deployment."))
		if id, err := o.app.Deployments().CreateDeployment(t.Context(), acme, report.Deployment{}); err == nil {
			t.Errorf("%d: id %d", code, id)
		}
	}
}

func TestDeploymentPayloadMayComeAsText(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/deployments", say(200, `[{"id":3,"payload":"{\"promotion\":\"prod-1\"}"},{"id":4,"payload":{}},{"id":5,"payload":"x"}]`))
	id, err := o.app.Deployments().FindDeployment(t.Context(), acme, report.Deployment{Payload: report.Payload{Promotion: "prod-1"}})
	if id != 3 || err != nil {
		t.Errorf("%d, %v", id, err)
	}
}

func TestForgedMarkerIsNotOurComment(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	const marker = "<!-- kargo:v1 status promotion=prod-1 -->"
	must(w.CommentOn(gitops, pr.Number, "carol", marker+"\nforged"))(t)
	comments := w.app.Comments()
	if _, err := comments.FindComment(t.Context(), w.repo, pr.Number, marker); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	id := must(comments.CreateComment(t.Context(), w.repo, pr.Number, marker+"\nours"))(t)
	if found := must(comments.FindComment(t.Context(), w.repo, pr.Number, marker))(t); found != id {
		t.Errorf("found %d, made %d", found, id)
	}
	if err := comments.UpdateComment(t.Context(), w.repo, id, marker+"\n"+strings.Repeat("x", 70_000)); err != nil {
		t.Error(err)
	}
	if err := w.DeleteComment(gitops, id, "alice"); err != nil {
		t.Fatal(err)
	}
	if err := comments.UpdateComment(t.Context(), w.repo, id, "x"); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("deleted comment: %v", err)
	}
}

func TestOwnCommentIsKnownByTheBotsLoginWhereTheAppIsNotNamed(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("GET /repos/acme/gitops/issues/1/comments", say(200, `[{"id":1,"body":"m","user":{"login":"kargo","type":"User"}},
		{"id":2,"body":"m","user":{"login":"other[bot]","type":"Bot"}},{"id":3,"body":"m","user":{"login":"kargo[bot]","type":"Bot"}}]`))
	o.on("GET /app", say(200, `{"slug":"kargo"}`))
	for range 2 {
		id, err := o.app.Comments().FindComment(t.Context(), acme, 1, "m")
		if id != 3 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
	}
	asked := 0
	for _, r := range o.requests() {
		if r == "GET /app" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked for the App %d times", asked)
	}
}

func TestReactionTwiceIsOne(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	id := must(w.CommentOn(gitops, pr.Number, "alice", "/promote prod"))(t)
	for range 2 {
		if err := w.app.React(t.Context(), w.repo, id, "eyes"); err != nil {
			t.Fatal(err)
		}
	}
	got := must(w.PullRequest(gitops, pr.Number))(t).Comments[0].Reactions
	if d := cmp.Diff([]forge.Reaction{{Author: "kargo[bot]", Content: "eyes"}}, got); d != "" {
		t.Error(d)
	}
	if err := w.app.React(t.Context(), w.repo, 999_999, "eyes"); err != nil {
		t.Errorf("a comment that is gone: %v", err)
	}
}

func TestInstalledRepositoriesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CreateOrg("paused")
	if err := w.CreateRepo(forge.RepoOptions{Owner: "paused", Name: "x", Files: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	paused := must(w.Install("paused"))(t)
	if err := w.Suspend(paused, true); err != nil {
		t.Fatal(err)
	}
	got := must(w.app.InstallationRepos(t.Context()))(t)
	if len(got) != 1 || got[0].String() != gitops || got[0].Installation != w.install || got[0].DefaultBranch != "main" || !got[0].Private || got[0].ID == 0 {
		t.Errorf("got %+v", got)
	}
	one := must(w.app.Repo(t.Context(), "acme", "gitops"))(t)
	if d := cmp.Diff(got[0], one); d != "" {
		t.Error(d)
	}
}

func TestOnlyDeliveriesWithoutALaterSuccessAreFailed(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	at := func(minutes int) string {
		return time.Date(2026, 1, 1, 0, minutes, 0, 0, time.UTC).Format(time.RFC3339)
	}
	item := func(id int, guid string, minutes, code int) string {
		return fmt.Sprintf(`{"id":%d,"guid":%q,"delivered_at":%q,"status":"x","status_code":%d,"event":"push","installation_id":7,"repository_id":null}`, id, guid, at(minutes), code)
	}
	next := "<" + o.url + api + `/app/hook/deliveries?cursor=v1_5&per_page=100>; rel="next"`
	o.on("GET /app/hook/deliveries",
		say(200, "["+strings.Join([]string{item(9, "healed", 59, 202), item(8, "twice", 58, 502), item(7, "healed", 57, 500)}, ",")+"]", "Link", next),
		say(200, "["+strings.Join([]string{item(6, "twice", 40, 0), item(5, "lost", 30, 0), item(4, "fine", 20, 200), item(3, "before", 5, 500)}, ",")+"]", "Link", next))
	var got []int64
	err := o.app.FailedDeliveries(t.Context(), time.Date(2026, 1, 1, 0, 10, 0, 0, time.UTC), func(d ghapp.Delivery) error {
		got = append(got, d.ID)
		return nil
	})
	if d := cmp.Diff([]int64{5, 8}, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestPayloadStaysAsGitHubHasIt(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	const payload = `{ "b":1,  "a":"\u00e9", "big":12345678901234567890 }`
	o.on("GET /app/hook/deliveries/5", say(200, `{"id":5,"guid":"g","event":"push","request":{"headers":{},"payload":`+payload+`}}`))
	o.on("GET /app/hook/deliveries/6", say(200, `{"id":6,"request":{"payload":null}}`))
	o.on("POST /app/hook/deliveries/5/attempts", say(202, `{}`))
	d, raw, err := o.app.DeliveryPayload(t.Context(), 5)
	if err != nil || string(raw) != payload || d.Event != "push" || d.GUID != "g" {
		t.Errorf("%+v %s %v", d, raw, err)
	}
	if _, _, err := o.app.DeliveryPayload(t.Context(), 6); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("a payload that is gone: %v", err)
	}
	if err := o.app.Redeliver(t.Context(), 5); err != nil {
		t.Error(err)
	}
}
