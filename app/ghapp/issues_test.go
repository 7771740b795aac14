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
	"github.com/kargo-app/kargo/pipeline/step"
)

func ptr[T any](v T) *T { return &v }

func TestIssueIsCreatedChangedAndFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issues := w.app.Issues()
	theirs := must(w.OpenIssue(gitops, "bob", "release of bob", ""))(t)
	before := w.clock.Now()
	made := must(issues.CreateIssue(t.Context(), w.repo, step.NewIssue{Title: "release", Body: "b", Labels: []string{"one", "two words"}, Assignees: []string{"bob"}}))(t)
	want := step.Issue{
		Number: theirs + 1, URL: made.URL, Title: "release", Body: "b", State: "open", Labels: []string{"one", "two words"},
		Assignees: []string{"bob"}, Own: true,
	}
	if diff := cmp.Diff(want, made); diff != "" || !strings.HasPrefix(made.URL, w.url) {
		t.Error(diff, made.URL)
	}
	if got := must(issues.Issue(t.Context(), w.repo, theirs))(t); got.Own || got.Title != "release of bob" {
		t.Errorf("%+v", got)
	}
	if got := must(issues.OwnIssues(t.Context(), w.repo, before.Add(-time.Minute)))(t); len(got) != 1 || got[0].Number != made.Number {
		t.Errorf("%+v", got)
	}
	if got := must(issues.OwnIssues(t.Context(), w.repo, before.Add(time.Hour)))(t); len(got) != 0 {
		t.Errorf("later: %+v", got)
	}
	change := step.IssueChange{
		Title: ptr("done"), Body: ptr(""), State: ptr("closed"), Assignees: &[]string{}, AddLabels: []string{"three"}, RemoveLabels: []string{"two words", "gone"},
	}
	for range 2 {
		if err := issues.UpdateIssue(t.Context(), w.repo, made.Number, change); err != nil {
			t.Fatal(err)
		}
	}
	want.Title, want.Body, want.State, want.Labels, want.Assignees = "done", "", "closed", []string{"one", "three"}, nil
	if diff := cmp.Diff(want, must(issues.Issue(t.Context(), w.repo, made.Number))(t)); diff != "" {
		t.Error(diff)
	}
}

func TestSearchStaysInItsRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.CreateRepo(forge.RepoOptions{Owner: "acme", Name: "other"}); err != nil {
		t.Fatal(err)
	}
	n := must(w.OpenIssue(gitops, "bob", "release one", ""))(t)
	must(w.OpenIssue(gitops, "bob", "something else", ""))(t)
	must(w.OpenIssue("acme/other", "bob", "release elsewhere", ""))(t)
	opened := must(w.app.Issues().SearchIssues(t.Context(), w.repo, `release is:open repo:acme/other`, 30))(t)
	if len(opened) != 1 || opened[0].Number != n {
		t.Errorf("%+v", opened)
	}
	if got := must(w.app.Issues().SearchIssues(t.Context(), w.repo, "is:closed", 30))(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestCommentsOfSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	comments := w.app.IssueComments()
	n := must(w.OpenIssue(gitops, "bob", "release", ""))(t)
	theirs := must(w.CommentOn(gitops, n, "bob", "mine"))(t)
	made := must(comments.AddComment(t.Context(), w.repo, n, "hello"))(t)
	if !made.Own || made.Author != "kargo[bot]" || made.Body != "hello" || !strings.HasPrefix(made.URL, w.url) {
		t.Errorf("%+v", made)
	}
	if got := must(comments.Comment(t.Context(), w.repo, theirs))(t); got.Own || got.Author != "bob" {
		t.Errorf("%+v", got)
	}
	own := must(comments.OwnComments(t.Context(), w.repo, n, w.clock.Now().Add(-time.Minute)))(t)
	if !slices.Equal(own, []step.IssueComment{made}) {
		t.Errorf("%+v", own)
	}
	if err := comments.EditComment(t.Context(), w.repo, made.ID, "changed"); err != nil {
		t.Fatal(err)
	}
	if got := must(comments.Comment(t.Context(), w.repo, made.ID))(t); got.Body != "changed" {
		t.Errorf("%+v", got)
	}
	for range 2 {
		if err := comments.DeleteComment(t.Context(), w.repo, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := comments.Comment(t.Context(), w.repo, made.ID); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := comments.AddComment(t.Context(), w.repo, 99, "x"); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("no issue: %v", err)
	}
}

func TestRefusalsAboutIssuesSayWhatToDo(t *testing.T) {
	t.Parallel()
	create := func(w *world, repo pipeline.Repo, n step.NewIssue) error {
		_, err := w.app.Issues().CreateIssue(w.t.Context(), repo, n)
		return err
	}
	for name, tt := range map[string]struct {
		do   func(w *world) error
		says []string
	}{
		"a permission that nobody granted": {func(w *world) error {
			w.Inject(forge.Fault{Method: http.MethodPost, Path: "/repos/*/*/issues", Status: http.StatusForbidden, Message: "Resource not accessible by integration"})
			return create(w, w.repo, step.NewIssue{Title: "t"})
		}, []string{"Resource not accessible by integration", "App's permissions"}},
		"a repository without the App": {func(w *world) error {
			w.CreateOrg("other", "carol")
			if err := w.CreateRepo(forge.RepoOptions{Owner: "other", Name: "x"}); err != nil {
				return err
			}
			return create(w, pipeline.Repo{Owner: "other", Name: "x"}, step.NewIssue{Title: "t"})
		}, []string{"the App is not installed on other/x", "an owner of other"}},
		"a repository without issues": {func(w *world) error {
			w.Inject(forge.Fault{Method: http.MethodPost, Path: "/repos/*/*/issues", Status: http.StatusGone, Message: "Issues has been disabled in this repository."})
			return create(w, w.repo, step.NewIssue{Title: "t"})
		}, []string{"Issues has been disabled", "settings of acme/gitops"}},
		"an assignee who cannot be": {func(w *world) error {
			return create(w, w.repo, step.NewIssue{Title: "t", Assignees: []string{"nobody"}})
		}, []string{"GitHub refuses", "assignees"}},
	} {
		err := tt.do(newWorld(t))
		var u *pipeline.UserError
		if !errors.As(err, &u) || slices.ContainsFunc(tt.says, func(s string) bool { return !strings.Contains(u.Error(), s) }) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRepositoryAtAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for address, want := range map[string]string{
		w.url + "/Acme/GitOps.git": "Acme/GitOps", w.url + "/acme/gitops": "acme/gitops",
		"https://github.com/acme/gitops": "", "not an address": "", w.url + "/acme": "", w.url + "/acme/gitops/issues": "",
	} {
		got, err := w.app.Repository(address)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%s: %v, %v", address, got, err)
		}
	}
}

func TestOutputsOfAWorkflowRun(t *testing.T) {
	t.Parallel()
	w, f := withSmoke(t)
	id := must(f.dispatch("smoke.yml", "main", map[string]string{"version": "1"}))(t)
	flows := w.app.Workflows()
	if got := must(flows.Annotations(t.Context(), w.repo, id, "kargo-output"))(t); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for _, n := range [][3]string{{"build", "kargo-output", "a=1"}, {"build", "note", "b=2"}, {"deploy", "kargo-output", "c=3"}} {
		if err := w.Notice(gitops, id, n[0], n[1], n[2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.FinishWorkflow(gitops, id, "success"); err != nil {
		t.Fatal(err)
	}
	if got := must(flows.Annotations(t.Context(), w.repo, id, "kargo-output"))(t); !slices.Equal(got, []string{"a=1", "c=3"}) {
		t.Errorf("%v", got)
	}
	_, err := flows.WorkflowRun(t.Context(), w.repo, 999)
	var u *pipeline.UserError
	if !errors.As(err, &u) || !strings.Contains(u.Message, "there is no workflow run 999 in acme/gitops") {
		t.Errorf("%v", err)
	}
}
