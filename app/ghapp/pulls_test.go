package ghapp_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// opened returns a world in which the App opened a pull request.
func opened(t *testing.T, options ...worldOption) (*world, step.PullRequest) {
	t.Helper()
	w := newWorld(t, options...)
	must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	pr := must(w.app.Pulls().Create(t.Context(), w.repoURL, newPull))(t)
	return w, pr
}

var newPull = step.NewPullRequest{Head: ownBranch, Base: "main", Title: "promote web", Body: "body"}

func TestCreateAdoptsThePullRequestThatExists(t *testing.T) {
	t.Parallel()
	w, first := opened(t)
	second := must(w.app.Pulls().Create(t.Context(), w.repoURL, newPull))(t)
	if second.Number != first.Number || len(must(w.PullRequests(gitops))(t)) != 1 {
		t.Errorf("opened #%d and then #%d", first.Number, second.Number)
	}
}

func TestCreateWithALostAnswerMakesOnePullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	w.Inject(forge.BadGateway("POST", repoAny("/pulls"), true))
	_, err := w.app.Pulls().Create(t.Context(), w.repoURL, newPull)
	if _, transient := pipeline.IsTransient(err); !transient {
		t.Fatalf("got %v", err)
	}
	must(w.app.Pulls().Create(t.Context(), w.repoURL, newPull))(t)
	if n := len(must(w.PullRequests(gitops))(t)); n != 1 {
		t.Errorf("%d pull requests", n)
	}
}

func TestCreateWithoutADifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.Push(gitops, "same", "bob", "x", map[string]*string{"x": forge.Text("x")}))(t)
	must(w.Push(gitops, "same2", "bob", "x", map[string]*string{"x": forge.Text("x")}))(t)
	refs := must(w.Refs(gitops))(t)
	if err := w.ForcePush(gitops, "same2", "bob", refs["refs/heads/same"]); err != nil {
		t.Fatal(err)
	}
	n := newPull
	n.Head, n.Base = "same2", "same"
	if _, err := w.app.Pulls().Create(t.Context(), w.repoURL, n); !errors.Is(err, step.ErrNoDifference) {
		t.Errorf("got %v", err)
	}
}

func TestWishesThatGitHubRefusesDoNotFailThePullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	n := newPull
	n.Labels, n.Reviewers, n.Assignees = []string{"promotion"}, []string{"stranger", "bob"}, []string{"alice"}
	pr := must(w.app.Pulls().Create(t.Context(), w.repoURL, n))(t)
	got := must(w.PullRequest(gitops, pr.Number))(t)
	if !slices.Equal(got.Labels, n.Labels) || !slices.Equal(got.Assignees, n.Assignees) || !slices.Equal(got.RequestedReviewers, []string{"bob"}) {
		t.Errorf("labels %q, assignees %q, reviewers %q", got.Labels, got.Assignees, got.RequestedReviewers)
	}
}

func TestCreateWaitsForReplicasThatDoNotSeeTheBranch(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("POST /repos/acme/gitops/pulls",
		say(422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","field":"head","code":"invalid"}]}`), say(201, openPull))
	if _, err := o.app.Pulls().Create(t.Context(), o.repoURL(), newPull); err != nil {
		t.Error(err)
	}
}

func TestCreateWithoutDraftsWhereThePlanHasNone(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("POST /repos/acme/gitops/pulls", refuse(422, "Draft pull requests are not supported in this repository."), say(201, openPull))
	n := newPull
	n.Draft = true
	if _, err := o.app.Pulls().Create(t.Context(), o.repoURL(), n); err != nil {
		t.Error(err)
	}
}

func TestPullRequestThatExistsButIsNotShownYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on("POST /repos/acme/gitops/pulls", say(422, `{"message":"Validation Failed","errors":[{"message":"A pull request already exists for acme:x."}]}`))
	o.on("GET /repos/acme/gitops/pulls", say(200, `[]`))
	_, err := o.app.Pulls().Create(t.Context(), o.repoURL(), newPull)
	if _, transient := pipeline.IsTransient(err); !transient {
		t.Errorf("got %v", err)
	}
}

func TestByHeadPrefersOpenThenMergedThenNewest(t *testing.T) {
	t.Parallel()
	end := func(ref, repo string) string { return `{"ref":"` + ref + `","sha":"s","repo":{"id":` + repo + `}}` }
	pr := func(number, state, merged, headRepo string) string {
		return `{"number":` + number + `,"state":"` + state + `","merged_at":` + merged + `,"head":` + end(ownBranch, headRepo) + `,"base":` + end("main", "1") + `}`
	}
	const at = `"2026-01-01T00:00:00Z"`
	for name, tc := range map[string]struct {
		list []string
		want int
	}{
		"open":           {[]string{pr("9", "closed", at, "1"), pr("8", "open", "null", "1")}, 8},
		"merged":         {[]string{pr("9", "closed", "null", "1"), pr("8", "closed", at, "1")}, 8},
		"newest closed":  {[]string{pr("9", "closed", "null", "1"), pr("8", "closed", "null", "1")}, 9},
		"never a fork's": {[]string{pr("9", "open", "null", "2")}, 0},
		"none":           {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t)
			o.on("GET /repos/acme/gitops/pulls", say(200, "["+strings.Join(tc.list, ",")+"]"))
			got, err := o.app.Pulls().ByHead(t.Context(), o.repoURL(), ownBranch, "main")
			if got.Number != tc.want || (tc.want == 0) != errors.Is(err, step.ErrNotFound) {
				t.Errorf("#%d, %v", got.Number, err)
			}
		})
	}
}

func TestByHeadReadsFurtherPages(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	one := `[{"number":9,"state":"closed","head":{"ref":"x","repo":{"id":1}},"base":{"ref":"main","repo":{"id":1}}}]`
	two := strings.ReplaceAll(strings.ReplaceAll(one, "closed", "open"), "9", "3")
	o.on("GET /repos/acme/gitops/pulls", say(200, one, "Link", "<"+o.url+api+`/repos/acme/gitops/pulls?page=2>; rel="next"`), say(200, two))
	got, err := o.app.Pulls().ByHead(t.Context(), o.repoURL(), "x", "main")
	if err != nil || got.Number != 3 {
		t.Errorf("#%d, %v", got.Number, err)
	}
}

func TestMergeCommitIsNamedOnlyOnceMerged(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	for range 3 { // GitHub names a test merge by then
		pr = must(w.app.Pulls().Get(t.Context(), w.repoURL, pr.Number))(t)
	}
	if pr.MergeCommit != "" || pr.Mergeable == nil || !*pr.Mergeable {
		t.Errorf("open: %+v", pr)
	}
	sha := must(w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash", Title: "t", Message: "m"}))(t)
	pr = must(w.app.Pulls().Get(t.Context(), w.repoURL, pr.Number))(t)
	if !pr.Merged || pr.MergeCommit != sha || sha != must(w.Refs(gitops))(t)["refs/heads/main"] {
		t.Errorf("merged as %s: %+v", sha, pr)
	}
	if got := must(w.Commits(gitops, "main"))(t)[0].Message; got != "t\n\nm" {
		t.Errorf("message %q", got)
	}
}

func TestMergeWithALostAnswerIsFoundToBeMerged(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]forge.Fault{
		"502": forge.BadGateway("PUT", repoAny("/pulls/*/merge"), true), "cut": {Method: "PUT", Path: repoAny("/pulls/*/merge"), AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, pr := opened(t)
			w.Inject(fault)
			sha := must(w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash"}))(t)
			if sha != must(w.Refs(gitops))(t)["refs/heads/main"] {
				t.Errorf("returned %s", sha)
			}
		})
	}
}

func TestMergeThatDidNotHappenIsTransientAfterA502(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	w.Inject(forge.BadGateway("PUT", repoAny("/pulls/*/merge"), false))
	_, err := w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash"})
	if _, transient := pipeline.IsTransient(err); !transient {
		t.Errorf("got %v", err)
	}
}

func TestMergeTwiceReturnsTheSameCommit(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	m := step.MergeRequest{SHA: pr.Head, Method: "merge"}
	first := must(w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, m))(t)
	if second := must(w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, m))(t); second != first {
		t.Errorf("%s, then %s", first, second)
	}
}

func TestMergeRefusesAHeadThatMoved(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	must(w.Push(gitops, ownBranch, "bob", "more", map[string]*string{"x": forge.Text("x")}))(t)
	_, err := w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash"})
	if !errors.Is(err, step.ErrHeadMoved) {
		t.Errorf("got %v", err)
	}
}

func TestMergeTellsRacesFromVerdicts(t *testing.T) {
	t.Parallel()
	const busy = `{"number":1,"state":"open","mergeable":null,"head":{"sha":"aaa"},"base":{"ref":"main"}}`
	const fine = `{"number":1,"state":"open","mergeable":true,"head":{"sha":"aaa"},"base":{"ref":"main"}}`
	for name, tc := range map[string]struct {
		code          int
		message, pull string
		retry         bool
	}{
		"base branch was modified":      {405, "Base branch was modified. Review and try the merge again.", fine, true},
		"review is missing":             {405, "At least 1 approving review is required by reviewers with write access.", fine, false},
		"mergeable is not computed yet": {405, "Pull Request is not mergeable", busy, true},
		"conflict":                      {405, "Pull Request is not mergeable", strings.Replace(fine, "true", "false", 1), false},
		"method is not allowed":         {422, "Squash merges are not allowed on this repository.", fine, false},
		"another update is under way":   {409, "Merge already in progress", fine, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t)
			o.on("PUT /repos/acme/gitops/pulls/1/merge", refuse(tc.code, tc.message))
			o.on(pullOne, say(200, tc.pull))
			_, err := o.app.Pulls().Merge(t.Context(), o.repoURL(), 1, step.MergeRequest{SHA: "aaa", Method: "squash"})
			var refused *step.NotMergeableError
			if !errors.As(err, &refused) || refused.Retry != tc.retry || refused.Message != tc.message {
				t.Errorf("got %v (%+v)", err, refused)
			}
		})
	}
}

func TestMergeOfWorkflowsNamesThePermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.git.Push(t.Context(), w.change(map[string]*string{".github/workflows/x.yml": forge.Text("on: push\n")}), ownPush))(t)
	pr := must(w.app.Pulls().Create(t.Context(), w.repoURL, newPull))(t)
	_, err := w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash"})
	var user *pipeline.UserError
	if !errors.As(err, &user) || !strings.Contains(user.Hint, "workflows") {
		t.Errorf("got %v", err)
	}
}

func TestCloseSaysWhyOnce(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	w.Inject(forge.BadGateway("PATCH", repoAny("/pulls/*"), false))
	err := w.app.Pulls().Close(t.Context(), w.repoURL, pr.Number, "superseded by #9")
	if _, transient := pipeline.IsTransient(err); !transient {
		t.Fatalf("got %v", err)
	}
	for range 2 {
		if err := w.app.Pulls().Close(t.Context(), w.repoURL, pr.Number, "superseded by #9"); err != nil {
			t.Fatal(err)
		}
	}
	got := must(w.PullRequest(gitops, pr.Number))(t)
	var bodies []string
	for _, c := range got.Comments {
		bodies = append(bodies, c.Body)
	}
	if d := cmp.Diff([]string{"superseded by #9"}, bodies); d != "" || got.State != "closed" {
		t.Errorf("state %s, comments:\n%s", got.State, d)
	}
}
