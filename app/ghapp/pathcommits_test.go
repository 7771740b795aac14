package ghapp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestPathCommitsTellsWhoChangedAPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := must(w.Push(gitops, "main", "bob", "Raise the limit\n\nlong", map[string]*string{"a b/x": forge.Text("1"), "y": forge.Text("1")}))(t)
	must(w.Push(gitops, "main", "alice", "elsewhere", map[string]*string{"y": forge.Text("2")}))(t)
	gone := must(w.Push(gitops, "main", "alice", "away with it", map[string]*string{"a b/x": nil}))(t)

	got := must(w.app.PathCommits(t.Context(), w.repoURL, gone, "a b/x", time.Time{}))(t)
	if len(got) != 2 || got[0].ID != gone || got[1].ID != first {
		t.Fatalf("commits %+v", got)
	}
	c := got[1]
	if c.Author != "bob" || c.Message != "Raise the limit\n\nlong" || c.At.IsZero() || !strings.HasSuffix(c.URL, "/acme/gitops/commit/"+first) {
		t.Errorf("commit %+v", c)
	}
	if got := must(w.app.PathCommits(t.Context(), w.repoURL, first, "a b/x", time.Time{}))(t); len(got) != 1 {
		t.Errorf("from an earlier head: %+v", got)
	}
	if got := must(w.app.PathCommits(t.Context(), w.repoURL, gone, "a b/x", c.At.Add(24*time.Hour)))(t); len(got) != 0 {
		t.Errorf("since later: %+v", got)
	}
	if got := must(w.app.PathCommits(t.Context(), w.repoURL, gone, "nothing", time.Time{}))(t); len(got) > step.MaxPathCommits || len(got) != 0 {
		t.Errorf("of a path that never was: %+v", got)
	}
	if _, err := w.app.PathCommits(t.Context(), "https://git.example.com/acme/gitops", gone, "y", time.Time{}); err == nil {
		t.Error("a repository of another host is no error")
	}
}
