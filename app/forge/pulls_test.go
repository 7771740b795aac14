package forge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

// TestPromotionOverREST is the App's whole job with go-github: commit by the Git Data API, branch, pull request, merge.
func TestPromotionOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, gh := t.Context(), w.client
	base, _, err := gh.Git.GetRef(ctx, "acme", "gitops", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	parent, _, err := gh.Git.GetCommit(ctx, "acme", "gitops", base.Object.GetSHA())
	if err != nil {
		t.Fatal(err)
	}
	tree, _, err := gh.Git.CreateTree(ctx, "acme", "gitops", parent.Tree.GetSHA(), []*github.TreeEntry{
		{Path: github.String("apps/web/values.yaml"), Mode: github.String("100644"), Type: github.String("blob"), Content: github.String("image:\n  tag: v2\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	commit, _, err := gh.Git.CreateCommit(ctx, "acme", "gitops", &github.Commit{
		Message: github.String("Promote v2"), Tree: tree, Parents: []*github.Commit{{SHA: parent.SHA}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !commit.GetVerification().GetVerified() || commit.GetAuthor().GetName() != "kargo[bot]" {
		t.Errorf("commit by %s, verified %v; want the bot, verified", commit.GetAuthor().GetName(), commit.GetVerification().GetVerified())
	}
	ref := &github.Reference{Ref: github.String("refs/heads/kargo/web"), Object: &github.GitObject{SHA: commit.SHA}}
	if _, _, err := gh.Git.CreateRef(ctx, "acme", "gitops", ref); err != nil {
		t.Fatal(err)
	}
	if _, _, err := gh.Git.CreateRef(ctx, "acme", "gitops", ref); status(err) != 422 || !strings.Contains(err.Error(), "Reference already exists") {
		t.Errorf("creating the ref twice: %v", err)
	}
	pr, _, err := gh.PullRequests.Create(ctx, "acme", "gitops", &github.NewPullRequest{
		Title: github.String("Promote v2"), Head: github.String("kargo/web"), Base: github.String("main"), Body: github.String("body"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = gh.PullRequests.Create(ctx, "acme", "gitops", &github.NewPullRequest{Title: github.String("x"), Head: github.String("kargo/web"), Base: github.String("main")})
	if status(err) != 422 || !strings.Contains(err.Error(), "A pull request already exists for acme:kargo/web.") {
		t.Errorf("opening it twice: %v", err)
	}
	merged, _, err := gh.PullRequests.Merge(ctx, "acme", "gitops", pr.GetNumber(), "", &github.PullRequestOptions{SHA: commit.GetSHA(), MergeMethod: "squash"})
	if err != nil {
		t.Fatal(err)
	}
	if merged.GetSHA() != w.head("main") {
		t.Errorf("merge says %s, main is %s", merged.GetSHA(), w.head("main"))
	}
	got, err := w.File(repoName, "main", "apps/web/values.yaml")
	if err != nil || got != "image:\n  tag: v2\n" {
		t.Errorf("file on main is %q, %v", got, err)
	}
	changed, err := w.ChangedFiles(repoName, base.Object.GetSHA(), "main")
	if diff := cmp.Diff([]string{"apps/web/values.yaml"}, changed); diff != "" || err != nil {
		t.Errorf("changed files (-want +got):\n%s%v", diff, err)
	}
	commits, err := w.Commits(repoName, "main")
	if err != nil || len(commits) != 2 || !commits[0].Verified || commits[0].Message != "Promote v2 (#1)" {
		t.Errorf("history of main: %+v, %v", commits, err)
	}
	var actions []string
	for _, h := range w.hooks("pull_request") {
		actions = append(actions, h.action())
	}
	if diff := cmp.Diff([]string{"opened", "closed"}, actions); diff != "" {
		t.Errorf("pull_request events (-want +got):\n%s", diff)
	}
}

func TestMergeableIsNullUntilComputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *forge.Options, _ *forge.RepoOptions) { o.MergeableDelay = 5 * time.Second })
	n := w.openPR("topic")
	get := func() *github.PullRequest {
		t.Helper()
		pr, _, err := w.client.PullRequests.Get(t.Context(), "acme", "gitops", n)
		if err != nil {
			t.Fatal(err)
		}
		return pr
	}
	for i := range 2 {
		if pr := get(); pr.Mergeable != nil || pr.GetMergeableState() != "unknown" {
			t.Errorf("read %d before the delay: %v %s", i, pr.GetMergeable(), pr.GetMergeableState())
		}
	}
	w.clock.Advance(5 * time.Second)
	if pr := get(); !pr.GetMergeable() || pr.GetMergeableState() != "clean" || pr.GetMergeCommitSHA() == "" {
		t.Errorf("after the delay: %v %s %q", pr.GetMergeable(), pr.GetMergeableState(), pr.GetMergeCommitSHA())
	}
	w.push("main", "alice", map[string]*string{"README.md": forge.Text("moved\n")})
	if pr := get(); pr.Mergeable != nil {
		t.Error("a push to the base must start the computation again")
	}
}

func TestMergeableState(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(w *world, n int) error
		want    string
	}{
		"nothing in the way":           {func(*world, int) error { return nil }, "clean"},
		"a draft":                      {func(w *world, n int) error { return w.SetDraft(repoName, n, "bob", true) }, "draft"},
		"a check that nobody requires": {func(w *world, n int) error { return w.SetStatus(repoName, "topic", "ci", "ci", "pending") }, "unstable"},
		"a required check is missing": {func(w *world, n int) error {
			return w.ProtectBranch(repoName, "main", forge.Protection{RequiredChecks: []string{"ci"}})
		}, "blocked"},
		"a required review is missing": {func(w *world, n int) error {
			return w.AddRuleset(repoName, "main", forge.Protection{RequiredReviews: 1})
		}, "blocked"},
		"both sides changed the same line": {func(w *world, n int) error {
			w.push("main", "alice", map[string]*string{"apps/web/values.yaml": forge.Text("image:\n  tag: other\n")})
			return nil
		}, "dirty"},
		"the base moved and must be included": {func(w *world, n int) error {
			w.push("main", "alice", map[string]*string{"README.md": forge.Text("x\n")})
			return w.ProtectBranch(repoName, "main", forge.Protection{Strict: true})
		}, "behind"},
		"the base moved elsewhere": {func(w *world, n int) error {
			w.push("main", "alice", map[string]*string{"README.md": forge.Text("x\n")})
			return nil
		}, "clean"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.openPR("topic")
			if err := tc.arrange(w, n); err != nil {
				t.Fatal(err)
			}
			var pr *github.PullRequest
			for range 2 {
				var err error
				if pr, _, err = w.client.PullRequests.Get(t.Context(), "acme", "gitops", n); err != nil {
					t.Fatal(err)
				}
			}
			if pr.GetMergeableState() != tc.want {
				t.Errorf("mergeable_state is %q, want %q", pr.GetMergeableState(), tc.want)
			}
		})
	}
}

func TestMergeRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(w *world, n int) error
		sha     string
		status  int
		message string
	}{
		"the head moved": {func(*world, int) error { return nil }, strings.Repeat("0", 40), 409, "Head branch was modified"},
		"a draft":        {func(w *world, n int) error { return w.SetDraft(repoName, n, "bob", true) }, "", 405, "still a draft"},
		"a conflict": {func(w *world, n int) error {
			w.push("main", "alice", map[string]*string{"apps/web/values.yaml": forge.Text("other\n")})
			return nil
		}, "", 405, "Pull Request is not mergeable"},
		"a required check that never came": {func(w *world, n int) error {
			return w.ProtectBranch(repoName, "main", forge.Protection{RequiredChecks: []string{"ci"}})
		}, "", 405, `Required status check "ci" is expected.`},
		"no approval": {func(w *world, n int) error {
			return w.AddRuleset(repoName, "main", forge.Protection{RequiredReviews: 1})
		}, "", 405, "At least 1 approving review"},
		"an approval by somebody who cannot write": {func(w *world, n int) error {
			if err := w.AddRuleset(repoName, "main", forge.Protection{RequiredReviews: 1}); err != nil {
				return err
			}
			return w.Review(repoName, n, "carol", forge.Approved, "")
		}, "", 405, "At least 1 approving review"},
		"the base moved during the merge": {func(w *world, n int) error {
			w.BeforeMerge(func(string, int) { w.push("main", "alice", map[string]*string{"README.md": forge.Text("race\n")}) })
			return nil
		}, "", 405, "Base branch was modified. Review and try the merge again."},
		"closed": {func(w *world, n int) error { return w.ClosePullRequest(repoName, n, "bob") }, "", 405, "not mergeable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.openPR("topic")
			if err := tc.arrange(w, n); err != nil {
				t.Fatal(err)
			}
			_, _, err := w.client.PullRequests.Merge(t.Context(), "acme", "gitops", n, "", &github.PullRequestOptions{SHA: tc.sha})
			if status(err) != tc.status || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("merge answered %v, want %d %q", err, tc.status, tc.message)
			}
			pr, err := w.PullRequest(repoName, n)
			if err != nil || pr.Merged {
				t.Errorf("merged %v, %v", pr.Merged, err)
			}
		})
	}
}

func TestMergeMethodsCombineDisjointChanges(t *testing.T) {
	t.Parallel()
	for method, parents := range map[string]int{"merge": 2, "squash": 1, "rebase": 1} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.openPR("topic")
			w.push("main", "alice", map[string]*string{"apps/db/values.yaml": forge.Text("tag: 2\n")})
			if _, _, err := w.client.PullRequests.Merge(t.Context(), "acme", "gitops", n, "", &github.PullRequestOptions{MergeMethod: method}); err != nil {
				t.Fatal(err)
			}
			commits, err := w.Commits(repoName, "main")
			if err != nil || len(commits[0].Parents) != parents {
				t.Errorf("the merge has parents %v, want %d (%v)", commits[0].Parents, parents, err)
			}
			for path, want := range map[string]string{"apps/web/values.yaml": "image:\n  tag: topic\n", "apps/db/values.yaml": "tag: 2\n"} {
				if got, err := w.File(repoName, "main", path); got != want || err != nil {
					t.Errorf("%s is %q, want %q (%v)", path, got, want, err)
				}
			}
		})
	}
}

func TestListPullsIgnoresBareHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openPR("one")
	w.openPR("two")
	for head, want := range map[string]int{"acme:one": 1, "one": 2, "other:one": 0, "": 2} {
		got, _, err := w.client.PullRequests.List(t.Context(), "acme", "gitops", &github.PullRequestListOptions{Head: head})
		if err != nil || len(got) != want {
			t.Errorf("head=%q lists %d, want %d (%v)", head, len(got), want, err)
		}
	}
}

func TestPullRequestBodyLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("topic", "bob", map[string]*string{"x": forge.Text("x")})
	for size, want := range map[int]int{65_537: http.StatusUnprocessableEntity, 65_536: 0} {
		_, _, err := w.client.PullRequests.Create(t.Context(), "acme", "gitops", &github.NewPullRequest{
			Title: github.String("t"), Head: github.String("topic"), Base: github.String("main"), Body: github.String(strings.Repeat("x", size)),
		})
		if status(err) != want {
			t.Errorf("a body of %d characters: %v, want status %d", size, err, want)
		}
	}
}

func TestDeletingTheHeadClosesAndReopenNeedsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	if err := w.DeleteBranch(repoName, "topic", "bob"); err != nil {
		t.Fatal(err)
	}
	pr, err := w.PullRequest(repoName, n)
	if err != nil || pr.State != "closed" || pr.Merged {
		t.Errorf("state %s merged %v, want closed and not merged (%v)", pr.State, pr.Merged, err)
	}
	if err := w.ReopenPullRequest(repoName, n, "bob"); err == nil {
		t.Error("reopening without a head branch succeeded")
	}
}
