package ghapp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

var person = &tree.Person{Name: "Ana", Email: "ana@example.com"}

// inQueue is a pull request on a branch with a merge queue that wants one check.
func inQueue(t *testing.T) (*world, step.PullRequest) {
	t.Helper()
	w, pr := opened(t)
	if err := w.AddRuleset(gitops, "main", forge.Protection{MergeQueue: true, RequiredChecks: []string{"build"}}); err != nil {
		t.Fatal(err)
	}
	must(w.SetCheck(gitops, pr.Head, "ci", "build", "success"))(t)
	return w, pr
}

func (w *world) queue(number int) step.QueueState {
	w.t.Helper()
	return must(w.app.Queues().Queue(w.t.Context(), w.repoURL, number))(w.t)
}

func TestQueueMergesWhatPasses(t *testing.T) {
	t.Parallel()
	w, pr := inQueue(t)
	if rules := must(w.app.Gates().BranchRules(t.Context(), w.repoURL, "main"))(t); !rules.MergeQueue {
		t.Errorf("rules %+v tell of no queue", rules)
	}
	for range 2 {
		if at := must(w.app.Queues().Enqueue(t.Context(), w.repoURL, pr.Number, pr.Head))(t); at != 1 {
			t.Errorf("at position %d", at)
		}
	}
	if d := cmp.Diff(step.QueueState{Enabled: true, Position: 1}, w.queue(pr.Number)); d != "" {
		t.Error(d)
	}
	_, heads, err := w.Queue(gitops, "main")
	if err != nil || len(heads) != 1 {
		t.Fatalf("queue %v, %v", heads, err)
	}
	must(w.SetCheck(gitops, heads[0], "ci", "build", "success"))(t)
	got := must(w.app.Pulls().Get(t.Context(), w.repoURL, pr.Number))(t)
	if !got.Merged || got.MergeCommit != heads[0] || must(w.Refs(gitops))(t)["refs/heads/main"] != heads[0] {
		t.Errorf("merged %v as %s, the group was %s", got.Merged, got.MergeCommit, heads[0])
	}
}

func TestQueueSaysWhyItGaveBack(t *testing.T) {
	t.Parallel()
	w, pr := inQueue(t)
	must(w.app.Queues().Enqueue(t.Context(), w.repoURL, pr.Number, pr.Head))(t)
	_, heads, err := w.Queue(gitops, "main")
	if err != nil {
		t.Fatal(err)
	}
	must(w.SetCheck(gitops, heads[0], "ci", "build", "failure"))(t)
	if got := w.queue(pr.Number); got.Position != 0 || !strings.EqualFold(got.Removed, "CI_FAILURE") {
		t.Errorf("queue state %+v", got)
	}
}

func TestQueueRefuses(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	enqueue := func(sha string) error {
		_, err := w.app.Queues().Enqueue(t.Context(), w.repoURL, pr.Number, sha)
		return err
	}
	var refused *step.NotMergeableError
	if err := enqueue(pr.Head); !errors.As(err, &refused) || !strings.Contains(refused.Message, "no merge queue") {
		t.Errorf("without a queue: %v", err)
	}
	if err := w.AddRuleset(gitops, "main", forge.Protection{MergeQueue: true, RequiredReviews: 1}); err != nil {
		t.Fatal(err)
	}
	if err := enqueue(strings.Repeat("1", 40)); !errors.Is(err, step.ErrHeadMoved) {
		t.Errorf("another head: %v", err)
	}
	if err := enqueue(pr.Head); !errors.As(err, &refused) || !strings.Contains(refused.Message, "approving review") {
		t.Errorf("without a review: %v", err)
	}
	_, err := w.app.Pulls().Merge(t.Context(), w.repoURL, pr.Number, step.MergeRequest{SHA: pr.Head, Base: "main", Method: "squash"})
	if !errors.As(err, &refused) {
		t.Errorf("merged past the queue: %v", err)
	}
}

func TestCodeOwnersAreNamed(t *testing.T) {
	t.Parallel()
	w, pr := opened(t)
	must(w.Push(gitops, "main", "alice", "owners", map[string]*string{"CODEOWNERS": forge.Text("* @alice\n/apps/ @acme/platform @bob\n")}))(t)
	if err := errors.Join(w.CreateTeam("acme", "platform", "carol"), w.AddRuleset(gitops, "main", forge.Protection{CodeOwners: true})); err != nil {
		t.Fatal(err)
	}
	want := step.ReviewState{Decision: "REVIEW_REQUIRED", CodeOwners: []string{"@acme/platform", "@bob"}}
	if d := cmp.Diff(want, must(w.app.Gates().ReviewState(t.Context(), w.repoURL, pr.Number))(t)); d != "" {
		t.Errorf("reviews (-want +got):\n%s", d)
	}
	if err := w.Review(gitops, pr.Number, "carol", forge.Approved, ""); err != nil {
		t.Fatal(err)
	}
	if got := must(w.app.Gates().ReviewState(t.Context(), w.repoURL, pr.Number))(t); len(got.CodeOwners) != 0 {
		t.Errorf("still asked: %v", got.CodeOwners)
	}
}

// A rule that refuses a push is named, with the way out.
func TestPushThatARuleRefusesSaysTheWayOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule forge.Protection
		want []string
	}{
		"signatures":    {forge.Protection{Signatures: true}, []string{"verified signatures", "github-push"}},
		"a merge queue": {forge.Protection{MergeQueue: true}, []string{"merge queue", "git-open-pr"}},
		"a review":      {forge.Protection{RequiredReviews: 1}, []string{"pull request", "git-open-pr"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := w.AddRuleset(gitops, "main", tt.rule); err != nil {
				t.Fatal(err)
			}
			c := must(w.git.Checkout(t.Context(), w.repoURL, step.Ref{Branch: "main"}))(t)
			if err := c.FS.WriteFile(t.Context(), "README.md", []byte("by a person\n"), 0); err != nil {
				t.Fatal(err)
			}
			must(c.Commit(t.Context(), message, person))(t)
			_, err := w.git.Push(t.Context(), c, sharedPush)
			if err == nil {
				t.Fatal("it was not refused")
			}
			var failed *step.FailedError
			if !errors.As(err, &failed) || !failed.Terminal {
				t.Errorf("got %v, want a verdict", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
