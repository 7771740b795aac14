package ghapp_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline/report"
)

func TestCompareTellsWhatLiesBetweenTwoCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := must(w.Refs(gitops))(t)["refs/heads/main"]
	first := must(w.Push(gitops, "main", "bob", "Raise the limit (#12)\n\nlong", map[string]*string{"x": forge.Text("1")}))(t)
	second := must(w.Push(gitops, "main", "alice", "tidy", map[string]*string{"x": forge.Text("2")}))(t)
	span := report.Span{RepoURL: w.repoURL, Base: base, Head: second}
	got := must(w.app.Compare(t.Context(), span))(t)
	want := report.History{Span: span, Total: 2, Commits: []report.HistoryCommit{
		{ID: first, Message: "Raise the limit (#12)\n\nlong", Author: "bob"}, {ID: second, Message: "tidy", Author: "alice"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	span.Base = "1111111111111111111111111111111111111111"
	if _, err := w.app.Compare(t.Context(), span); err == nil {
		t.Error("a commit that does not exist is no error")
	}
	span.RepoURL = "https://git.example.com/acme/gitops"
	if _, err := w.app.Compare(t.Context(), span); err == nil {
		t.Error("a repository of another host is no error")
	}
}
