package ghapp_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

const ownBranch = "kargo/prod/prod-1"

var (
	ownPush    = step.PushRequest{Branch: ownBranch, Own: true, Promotion: "prod-1", Attempts: 3}
	sharedPush = step.PushRequest{Branch: "main", Promotion: "prod-1", Attempts: 3}
)

func webV2() map[string]*string {
	return map[string]*string{"apps/web/values.yaml": forge.Text("image: v2\nreplicas: 1\nport: 80\nhost: a\n")}
}

func TestOneFilePromotionTakesFourRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Whatever was done before has a token.
	must(w.app.Permission(t.Context(), w.repo, "alice", nil))(t)
	w.ResetTraffic()
	c := w.change(webV2())
	res := must(w.git.Push(t.Context(), c, ownPush))(t)
	pr := must(w.app.Pulls().Create(t.Context(), w.repoURL, step.NewPullRequest{Head: ownBranch, Base: "main", Title: "promote", Body: "b"}))(t)
	want := map[string]int{
		"POST " + repoRoute + "/git/trees": 1, "POST " + repoRoute + "/git/commits": 1,
		"POST " + repoRoute + "/git/refs": 1, "POST " + repoRoute + "/pulls": 1,
	}
	if d := cmp.Diff(want, w.RequestCounts()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
	if pr.Head != res.Commit || !pr.Open || pr.MergeCommit != "" {
		t.Errorf("pull request %+v is not of commit %s", pr, res.Commit)
	}
	commits := must(w.Commits(gitops, ownBranch))(t)
	if !commits[0].Verified || commits[0].SHA != res.Commit || res.Base != commits[1].SHA {
		t.Errorf("pushed %+v, branch holds %+v", res, commits[0])
	}
	if got := w.file(ownBranch, "apps/db/values.yaml"); got != "tag: 1\n" {
		t.Errorf("a file that was not touched is now %q", got)
	}
	if len(c.Pending()) != 0 || c.Head.String() != res.Commit {
		t.Errorf("checkout is at %s with %d pending commits", c.Head, len(c.Pending()))
	}
}

func TestWhatWasPushedIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.git.Push(t.Context(), w.change(webV2()), sharedPush))(t)
	repo := must(w.repos.Repository(w.repoURL + ".git"))(t)
	before := repo.Traffic()
	c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "main"}))(t)
	if got := must(c.FS.ReadFile(t.Context(), "apps/web/values.yaml"))(t); string(got) != *webV2()["apps/web/values.yaml"] {
		t.Errorf("reads %q", got)
	}
	// The reference, and the commit, whose date only GitHub knows.
	if n := repo.Traffic().Sub(before).Requests; n > 2 {
		t.Errorf("reading what was just written took %d requests", n)
	}
}

func TestCommitKeepsEveryKindOfContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := map[string]string{
		"binary": "\xff\xfe\x00", "nul": "a\x00b", "empty": "", "large.txt": strings.Repeat("0123456789abcdef", 1<<17),
		"html.yaml": "a: <b> & \u2028 \"\\\n", "deep/er/file": "x",
	}
	c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{}))(t)
	for p, s := range files {
		if err := c.FS.WriteFile(t.Context(), p, []byte(s), tree.ModeExec); err != nil {
			t.Fatal(err)
		}
	}
	w.commit(c, message, map[string]*string{"README.md": nil})
	must(w.git.Push(t.Context(), c, ownPush))(t)
	for p, want := range files {
		if got := w.file(ownBranch, p); got != want {
			t.Errorf("%s holds %d bytes, want %d", p, len(got), len(want))
		}
	}
	if _, err := w.File(gitops, ownBranch, "README.md"); err == nil {
		t.Error("README.md was deleted and is still there")
	}
}

func TestFileMayTakeThePlaceOfADirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "main"}))(t)
	if err := c.FS.RemoveAll(t.Context(), "apps/web"); err != nil {
		t.Fatal(err)
	}
	w.commit(c, message, map[string]*string{"apps/web": forge.Text("now a file\n")})
	must(w.git.Push(t.Context(), c, ownPush))(t)
	if got := w.file(ownBranch, "apps/web"); got != "now a file\n" {
		t.Errorf("apps/web is %q", got)
	}
}

func TestClearedCheckoutKeepsOnlyWhatWasWritten(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]*string{"one file": {"only": forge.Text("x")}, "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "main"}))(t)
			c.Clear()
			w.commit(c, message, files)
			must(w.git.Push(t.Context(), c, ownPush))(t)
			if _, err := w.File(gitops, ownBranch, "README.md"); err == nil {
				t.Error("README.md survived")
			}
		})
	}
}

// Every fault of an own push ends, possibly after another attempt, with exactly
// one commit on the branch.
func TestOwnPushSurvives(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]forge.Fault{
		"a lost answer after the branch was made":    {forge.BadGateway("POST", repoAny("/git/refs"), true)},
		"a 502 before the branch was made":           {forge.BadGateway("POST", repoAny("/git/refs"), false)},
		"a connection cut after the branch was made": {{Method: "POST", Path: repoAny("/git/refs"), AfterEffect: true}},
		"a lost answer to the tree":                  {forge.BadGateway("POST", repoAny("/git/trees"), true)},
		"a lost answer to the commit":                {forge.BadGateway("POST", repoAny("/git/commits"), true)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Inject(faults...)
			var res step.PushResult
			for again := false; ; again = true {
				c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "main"}))(t)
				if err := c.FS.WriteFile(t.Context(), "README.md", []byte("v2\n"), tree.ModeFile); err != nil {
					t.Fatal(err)
				}
				must(c.Commit(t.Context(), message, nil))(t)
				req := ownPush
				req.Again = again
				var err error
				if res, err = w.git.Push(t.Context(), c, req); err == nil {
					break
				}
				if _, transient := pipeline.IsTransient(err); !transient || again {
					t.Fatalf("push: %v", err)
				}
			}
			commits := must(w.Commits(gitops, ownBranch))(t)
			if len(commits) != 2 || commits[0].SHA != res.Commit {
				t.Errorf("branch holds %d commits, tip %s, push returned %s", len(commits), commits[0].SHA, res.Commit)
			}
		})
	}
}

func repoAny(path string) string { return "/repos/*/*" + path }

func TestOwnPushReplacesWhatTheBranchHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.Push(gitops, ownBranch, "bob", "stray", map[string]*string{"stray": forge.Text("x")}))(t)
	res := must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	commits := must(w.Commits(gitops, ownBranch))(t)
	if len(commits) != 2 || commits[0].SHA != res.Commit {
		t.Errorf("branch holds %d commits", len(commits))
	}
}

func TestOwnPushAgainAdoptsACommitWithAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	w.clock.Advance(5e9) // another time makes another commit
	w.ResetTraffic()
	c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "main"}))(t)
	if err := c.FS.WriteFile(t.Context(), "apps/web/values.yaml", []byte(*webV2()["apps/web/values.yaml"]), tree.ModeFile); err != nil {
		t.Fatal(err)
	}
	must(c.Commit(t.Context(), message, nil))(t)
	req := ownPush
	req.Again = true
	second := must(w.git.Push(t.Context(), c, req))(t)
	if d := cmp.Diff(first, second); d != "" {
		t.Errorf("second push differs:\n%s", d)
	}
	if n := len(w.RequestCounts()); n != 0 {
		t.Errorf("adopting wrote: %v", w.RequestCounts())
	}
}

func TestSharedPushFastForwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.change(webV2())
	w.ResetTraffic()
	res := must(w.git.Push(t.Context(), c, sharedPush))(t)
	if got := w.file("main", "apps/web/values.yaml"); !strings.Contains(got, "v2") {
		t.Errorf("main holds %q", got)
	}
	if d := cmp.Diff(map[string]int{"PATCH " + repoRoute + "/git/refs/{ref}": 1}, w.RequestCounts()); d != "" {
		t.Errorf("requests:\n%s", d)
	}
	if res.Commit != must(w.Refs(gitops))(t)["refs/heads/main"] {
		t.Error("result is not the tip")
	}
}

func TestSharedPushMergesByLineWhenTheBranchMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.change(webV2())
	theirs := must(w.Push(gitops, "main", "bob", "host", map[string]*string{
		"apps/web/values.yaml": forge.Text("image: v1\nreplicas: 1\nport: 80\nhost: b\n"),
	}))(t)
	res := must(w.git.Push(t.Context(), c, sharedPush))(t)
	if got, want := w.file("main", "apps/web/values.yaml"), "image: v2\nreplicas: 1\nport: 80\nhost: b\n"; got != want {
		t.Errorf("main holds %q, want %q", got, want)
	}
	if res.Base != theirs {
		t.Errorf("base is %s, want %s", res.Base, theirs)
	}
}

func TestSharedPushReportsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.change(webV2())
	must(w.Push(gitops, "main", "bob", "v3", map[string]*string{"apps/web/values.yaml": forge.Text("image: v3\n")}))(t)
	_, err := w.git.Push(t.Context(), c, sharedPush)
	var conflict *tree.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
}

func TestSharedPushWithALostAnswerIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.change(webV2())
	w.Inject(forge.BadGateway("PATCH", repoAny("/git/refs/heads/main"), true))
	res := must(w.git.Push(t.Context(), c, sharedPush))(t)
	commits := must(w.Commits(gitops, "main"))(t)
	if len(commits) != 2 || commits[0].SHA != res.Commit {
		t.Errorf("main holds %d commits, push returned %s", len(commits), res.Commit)
	}
}

// After a SIGKILL the workspace is rebuilt on the commit that was recorded,
// wherever the branch is by then.
func TestSharedPushAgainFindsWhatACrashedAttemptPushed(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]bool{"at the tip": false, "below somebody else's push": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.change(webV2())
			base := c.Head.String()
			// The crashed attempt had lost a race first.
			must(w.Push(gitops, "main", "bob", "db", map[string]*string{"apps/db/values.yaml": forge.Text("tag: 2\n")}))(t)
			first := must(w.git.Push(t.Context(), c, sharedPush))(t)
			if others {
				must(w.Push(gitops, "main", "bob", "db", map[string]*string{"apps/db/values.yaml": forge.Text("tag: 3\n")}))(t)
			}
			before := must(w.Commits(gitops, "main"))(t)
			w.clock.Advance(5e9)

			c = must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Commit: base}))(t)
			c.Branch = "main"
			w.commit(c, message, webV2())
			req := sharedPush
			req.Again = true
			second := must(w.git.Push(t.Context(), c, req))(t)
			if d := cmp.Diff(first, second); d != "" {
				t.Errorf("second push differs:\n%s", d)
			}
			if after := must(w.Commits(gitops, "main"))(t); len(after) != len(before) {
				t.Errorf("main went from %d to %d commits", len(before), len(after))
			}
			if len(c.Pending()) != 0 {
				t.Errorf("%d commits are still pending", len(c.Pending()))
			}
		})
	}
}

func TestSharedPushDoesNotAdoptAnotherPipelinesCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.change(webV2())
	must(w.Push(gitops, "main", "bob", "other\n\nKargo-Stage: other\nKargo-Promotion: prod-1\n", map[string]*string{"x": forge.Text("x")}))(t)
	must(w.git.Push(t.Context(), c, sharedPush))(t)
	if got := w.file("main", "apps/web/values.yaml"); !strings.Contains(got, "v2") {
		t.Errorf("main holds %q", got)
	}
}

func TestSharedPushToAProtectedBranchIsAVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.ProtectBranch(gitops, "main", forge.Protection{PullRequestOnly: true}); err != nil {
		t.Fatal(err)
	}
	_, err := w.git.Push(t.Context(), w.change(webV2()), sharedPush)
	var failed *step.FailedError
	if !errors.As(err, &failed) || !failed.Terminal || !strings.Contains(err.Error(), "through a pull request") {
		t.Fatalf("got %v", err)
	}
}

func TestSharedPushStartsABranch(t *testing.T) {
	t.Parallel()
	t.Run("from another branch", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		req := sharedPush
		req.Branch = "env/prod"
		must(w.git.Push(t.Context(), w.change(webV2()), req))(t)
		if got := w.file("env/prod", "README.md"); got != "hello\n" {
			t.Errorf("README.md is %q", got)
		}
	})
	t.Run("without history", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := tree.NewCheckout(w.repoURL, "env/prod", tree.Hash{}, nil, tree.Hash{})
		w.commit(c, message, map[string]*string{"out.yaml": forge.Text("a: 1\n")})
		req := sharedPush
		req.Branch = "env/prod"
		must(w.git.Push(t.Context(), c, req))(t)
		commits := must(w.Commits(gitops, "env/prod"))(t)
		if len(commits) != 1 || w.file("env/prod", "out.yaml") != "a: 1\n" {
			t.Errorf("branch holds %d commits", len(commits))
		}
	})
}

func TestPushGoesToTheBranchThatWasNamedAndOnTopOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tip := must(w.Push(gitops, "env/prod", "bob", "start", map[string]*string{"prod": forge.Text("x")}))(t)
	req := sharedPush
	req.Branch = "env/prod"
	res := must(w.git.Push(t.Context(), w.change(webV2()), req))(t)
	if res.Base != tip {
		t.Errorf("base is %s, want %s", res.Base, tip)
	}
}

func TestDeleteBranchTwiceIsNoError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	for range 2 {
		if err := w.git.DeleteBranch(t.Context(), w.repoURL, ownBranch); err != nil {
			t.Fatal(err)
		}
	}
	if _, exists := must(w.Refs(gitops))(t)["refs/heads/"+ownBranch]; exists {
		t.Error("the branch is still there")
	}
}

func TestCheckoutTellsAnAbsentBranchFromAnAbsentRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "nope"}); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("absent branch: %v", err)
	}
	if _, err := w.git.Checkout(t.Context(), w.repoURL, step.Ref{Commit: strings.Repeat("ab", 20)}); !errors.Is(err, step.ErrNotFound) {
		t.Errorf("absent commit: %v", err)
	}
	if _, err := w.git.Checkout(t.Context(), w.url+"/acme/nope", step.Ref{Branch: "main"}); err == nil || errors.Is(err, step.ErrNotFound) {
		t.Errorf("absent repository: %v", err)
	}
}

// A branch that did not exist at the checkout and does now cannot be merged by
// line: there is nothing that both sides started from.
func TestPushOfANewBranchThatSomebodyStartedFirstIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := tree.NewCheckout(w.repoURL, "env/prod", tree.Hash{}, nil, tree.Hash{})
	w.commit(c, message, map[string]*string{"out.yaml": forge.Text("a: 1\n")})
	must(w.Push(gitops, "env/prod", "bob", "first", map[string]*string{"out.yaml": forge.Text("a: 2\n")}))(t)
	req := sharedPush
	req.Branch = "env/prod"
	_, err := w.git.Push(t.Context(), c, req)
	var conflict *tree.ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("got %v", err)
	}
}

func TestPushOfANewBranchAgainFindsItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req := sharedPush
	req.Branch = "env/prod"
	var all []step.PushResult
	for range 2 {
		c := tree.NewCheckout(w.repoURL, "env/prod", tree.Hash{}, nil, tree.Hash{})
		w.commit(c, message, map[string]*string{"out.yaml": forge.Text("a: 1\n")})
		all = append(all, must(w.git.Push(t.Context(), c, req))(t))
		req.Again = true
		w.clock.Advance(5e9)
	}
	if d := cmp.Diff(all[0], all[1]); d != "" {
		t.Errorf("second push differs:\n%s", d)
	}
}

// Many Promotions push to one branch at once while answers are lost. Each ends
// with exactly one commit on it.
func TestRacingPushesLeaveOneCommitEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Inject(
		forge.BadGateway("PATCH", repoAny("/git/refs/heads/main"), true),
		forge.Fault{Method: "PATCH", Path: repoAny("/git/refs/heads/main"), Skip: 2, AfterEffect: true},
		forge.BadGateway("PATCH", repoAny("/git/refs/heads/main"), false),
	)
	const promotions = 5
	var all sync.WaitGroup
	for i := range promotions {
		all.Go(func() {
			id := fmt.Sprintf("prod-%d", i)
			base := must(w.Refs(gitops))(t)["refs/heads/main"]
			for again := false; ; again = true {
				c, err := w.git.Checkout(t.Context(), w.repoURL, step.Ref{Commit: base})
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				c.Branch = "main"
				err = errors.Join(c.FS.WriteFile(t.Context(), id, []byte(id), tree.ModeFile))
				if err == nil {
					_, err = c.Commit(t.Context(), "x\n\nKargo-Promotion: "+id+"\n", nil)
				}
				if err == nil {
					_, err = w.git.Push(t.Context(), c, step.PushRequest{Branch: "main", Promotion: id, Attempts: 2 * promotions, Again: again})
				}
				if err == nil {
					return
				}
				if _, transient := pipeline.IsTransient(err); !transient {
					t.Errorf("%s: %v", id, err)
					return
				}
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, c := range must(w.Commits(gitops, "main"))(t) {
		seen[c.Message]++
	}
	if len(seen) != promotions+1 {
		t.Errorf("main holds %v", seen)
	}
	for m, n := range seen {
		if n != 1 {
			t.Errorf("%d commits %q", n, m)
		}
	}
}

func TestReplicasThatLagAreGivenAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Inject(
		forge.Fault{Method: "POST", Path: repoAny("/git/commits"), Status: 422, Message: "Tree SHA does not exist"},
		forge.Fault{Method: "POST", Path: repoAny("/git/refs"), Status: 422, Message: "Object does not exist"},
	)
	must(w.git.Push(t.Context(), w.change(webV2()), ownPush))(t)
	if n := len(w.clock.slept); n != 2 {
		t.Errorf("waited %d times, want 2", n)
	}
}
