package step_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

// queued is a bench whose pull request is in the merge queue.
func queued(t *testing.T) *bench {
	t.Helper()
	b := opened(t)
	b.world.Rules.Branch.MergeQueue = true
	b.waits("in the merge queue at position 1")
	return b
}

// waits runs the last step, which must park with that message.
func (b *bench) waits(message string) {
	b.t.Helper()
	if res := b.want(mergeStep, pipeline.Running); !strings.Contains(res.Message, message) {
		b.t.Errorf("waits for %q, want %q", res.Message, message)
	}
}

func TestMergeQueueTakesWhatWasPushed(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(b *bench){
		"a ruleset wants it": func(b *bench) { b.world.Rules.Branch.MergeQueue = true },
		"the Stage wants it": func(b *bench) { b.p.Stage.PullRequest.Merge = pipeline.MergeQueue },
		"only the refusal to merge tells of it": func(b *bench) {
			b.world.Pulls.Refuse = &step.NotMergeableError{Message: "Changes must be made through the merge queue"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			prepare(b)
			b.waits("in the merge queue at position 1")
			b.waits("in the merge queue at position 1")
			if put := b.world.Queues.Put; len(put) != 1 || put[0] != b.head() {
				t.Errorf("put into the queue: %v", put)
			}
			b.world.Pulls.Refuse = nil
			if _, err := b.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{SHA: b.head(), Method: "squash"}); err != nil {
				t.Fatal(err)
			}
			b.want(mergeStep, pipeline.Succeeded)
			if got, want := b.p.MergeCommit(), b.world.Tip(repoURL, "main"); got != want {
				t.Errorf("merge commit %s, main is at %s", got, want)
			}
		})
	}
}

func TestMergeQueueThatGivesBackIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	b := queued(t)
	b.world.Queues.State = step.QueueState{Enabled: true, Removed: "FAILED_CHECKS"}
	b.waits("removed from the merge queue (failed checks)")
	b.waits("put it back")
	if n := len(b.world.Queues.Put); n != 1 {
		t.Errorf("put into the queue %d times", n)
	}
	b.world.Queues.State = step.QueueState{Enabled: true, Position: 3}
	b.waits("at position 3")
}

func TestMergeQueueThatGivesBackIsAFailureWithoutWait(t *testing.T) {
	t.Parallel()
	b := queued(t)
	b.p.Stage.Steps[mergeStep].Config["wait"] = false
	b.waits("at position 1") // which is no failure
	b.world.Queues.State = step.QueueState{Removed: "CI_FAILURE"}
	if res := b.want(mergeStep, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, "ci failure") {
		t.Errorf("terminal %v: %s", res.Terminal, res.Message)
	}
}

func TestMergeQueueIsNotEnteredTwice(t *testing.T) {
	t.Parallel()
	b := opened(t)
	b.world.Rules.Branch.MergeQueue = true
	b.world.Fault = failOnce("enqueue", true, &pipeline.TransientError{Err: errors.New("502")})
	b.waits("502")
	b.waits("at position 1")
	if n := len(b.world.Queues.Put); n != 1 {
		t.Errorf("put into the queue %d times", n)
	}
}

func TestMergeQueueThatLeavesOutIsSaid(t *testing.T) {
	t.Parallel()
	b := opened(t)
	b.world.Rules.Branch.MergeQueue = true
	b.world.Queues.Refuse = &step.NotMergeableError{Message: "queue is full"}
	b.waits("refuses to put #1 into the merge queue: queue is full")
	b.world.Queues.Refuse = step.ErrHeadMoved
	b.waits("moved while")
}

func TestWaitingForPeopleSaysThatTheQueueHasIt(t *testing.T) {
	t.Parallel()
	specs := promotion()
	specs[mergeStep] = use("git-wait-for-pr", config{"repoURL": repoURL, "prNumber": 1})
	b := newBench(t, specs...)
	b.upTo(mergeStep)
	b.world.Rules.Branch.MergeQueue = true
	b.waits("waits to be merged by hand")
	b.world.Queues.State.Position = 2
	b.waits("in the merge queue at position 2")
	b.world.Queues.State = step.QueueState{Removed: "MANUAL"}
	b.waits("removed from the merge queue (manual)")
}

func TestBlockedSaysByWhat(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rules steptest.Rules
		want  string
	}{
		"code owners": {steptest.Rules{Reviews: step.ReviewState{Decision: "REVIEW_REQUIRED", CodeOwners: []string{"@acme/platform", "@ana"}}}, "waits for a review by code owners @acme/platform, @ana"},
		"a review":    {steptest.Rules{Reviews: step.ReviewState{Decision: "REVIEW_REQUIRED"}}, "waits for an approving review"},
		"reviews":     {steptest.Rules{Branch: step.BranchRules{Reviews: 2}, Reviews: step.ReviewState{Decision: "REVIEW_REQUIRED"}}, "waits for 2 approving reviews"},
		"a rejection": {steptest.Rules{Reviews: step.ReviewState{Decision: "CHANGES_REQUESTED"}}, "changes were requested"},
		"signatures":  {steptest.Rules{Branch: step.BranchRules{Signatures: true}}, "main takes only verified commits: push with github-push"},
		"own checks":  {steptest.Rules{Branch: step.BranchRules{OwnChecks: []string{"kargo / promotion"}}}, "until kargo / promotion has passed"},
		"who knows":   {steptest.Rules{}, "is blocked by branch protection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			b.world.Pulls.State = "blocked"
			*b.world.Rules = tt.rules
			b.waits(tt.want)
			if out := output[step.PullOutput](b, mergeStep); out.Ready != (name == "own checks") {
				t.Errorf("ready: %v", out.Ready)
			}
		})
	}
}
