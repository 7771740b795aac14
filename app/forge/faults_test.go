package forge_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

func TestFaultBeforeEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	w.Inject(forge.SecondaryLimit("POST", "/repos/*/*/issues/*/comments", 7*time.Second))
	comment := &github.IssueComment{Body: github.String("hi")}
	_, resp, err := w.client.Issues.CreateComment(t.Context(), "acme", "gitops", n, comment)
	if resp == nil || resp.StatusCode != http.StatusForbidden || resp.Header.Get("Retry-After") != "7" {
		t.Fatalf("limited request: %v", err)
	}
	pr, err := w.PullRequest(repoName, n)
	if err != nil || len(pr.Comments) != 0 {
		t.Errorf("a limited request had an effect: %+v %v", pr.Comments, err)
	}
	if status, _, _ := w.raw("POST", "/api/v3/repos/acme/gitops/issues/1/comments", "Bearer "+w.token(), `{"body":"hi"}`); status != http.StatusCreated {
		t.Errorf("the fault is used up, yet: %d", status)
	}
}

func TestFaultAfterEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	w.Inject(forge.BadGateway("PUT", "/repos/*/*/pulls/*/merge", true))
	_, resp, _ := w.client.PullRequests.Merge(t.Context(), "acme", "gitops", n, "", nil)
	if resp == nil || resp.StatusCode != http.StatusBadGateway {
		t.Fatalf("answer: %+v, want 502", resp)
	}
	if pr, err := w.PullRequest(repoName, n); err != nil || !pr.Merged {
		t.Errorf("merged %v %v; the effect must have happened", pr.Merged, err)
	}
}

func TestFaultSkipsAndCountsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := "Bearer " + w.token()
	w.Inject(forge.Fault{Method: "GET", Path: "/repos/acme/gitops/**", Skip: 1, Times: 2, Status: 500})
	var got []int
	for range 4 {
		code, _, _ := w.raw("GET", "/api/v3/repos/acme/gitops/git/ref/heads/main", tok, "")
		got = append(got, code)
	}
	if want := []int{200, 500, 500, 200}; !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
}

func TestFaultOnGitPushAfterEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.git("", "clone", "--quiet", w.authURL(), dir)
	w.git(dir, "commit", "--quiet", "--allow-empty", "-m", "work")
	w.Inject(forge.Fault{Method: "POST", Path: "/acme/gitops.git/git-receive-pack", Status: 502, AfterEffect: true})
	if out, err := w.tryGit(dir, "push", "origin", "HEAD:refs/heads/topic"); err == nil {
		t.Errorf("the push succeeded:\n%s", out)
	}
	if w.head("topic") != w.git(dir, "rev-parse", "HEAD") {
		t.Error("the push had no effect")
	}
}

func TestProtectedBranchRejectsPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.ProtectBranch(repoName, "main", forge.Protection{RequiredReviews: 1}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w.git("", "clone", "--quiet", w.authURL(), dir)
	w.git(dir, "commit", "--quiet", "--allow-empty", "-m", "work")
	before := w.head("main")
	out, err := w.tryGit(dir, "push", "origin", "HEAD:refs/heads/main", "HEAD:refs/heads/free")
	if err == nil || !strings.Contains(out, "hook declined") || w.head("main") != before {
		t.Errorf("push to a protected branch: %v\n%s", err, out)
	}
	if w.head("free") == "" {
		t.Error("the unprotected ref of the same push must get through")
	}
}
