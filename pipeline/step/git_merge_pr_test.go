package step_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

// opened is a bench whose pull request is open.
func opened(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, promotion()...)
	b.upTo(mergeStep)
	return b
}

func (b *bench) head() string { return b.world.Tip(repoURL, "kargo/prod/prod-142") }

func TestGitMergePRMerges(t *testing.T) {
	t.Parallel()
	b := opened(t)
	b.want(mergeStep, pipeline.Succeeded)
	tip := b.world.Tip(repoURL, "main")
	want := step.PullOutput{Commit: tip, PR: step.PullState{
		Number: 1, URL: "https://github.com/acme/gitops/pull/1", Merged: true, Head: b.head(), Repo: "acme/gitops",
	}}
	if diff := cmp.Diff(want, output[step.PullOutput](b, mergeStep)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if got := b.p.MergeCommit(); got != tip {
		t.Errorf("merge commit %s, want %s", got, tip)
	}
	message := b.world.Log(repoURL, "main")[0]
	if !strings.HasPrefix(message, "promote(prod): web 1.9.3 (#1)\n\n") || !strings.Contains(message, "\nKargo-Promotion: prod-142\n") {
		t.Errorf("merge message %q", message)
	}
	if got := b.world.Files(repoURL, "main")["env/prod/kustomization.yaml"]; !strings.Contains(got, "1.9.3") {
		t.Errorf("main holds %q", got)
	}
}

// waiting are the states in which a pull request is not merged, and what people
// are told.
var waiting = []struct {
	name    string
	arrange func(b *bench)
	message string
}{
	{"a draft holds", func(b *bench) { b.world.Pulls.SetDraft(1, true) }, "is a draft, which holds"},
	{"the Stage merges by hand", func(b *bench) { b.p.Stage.PullRequest.Merge = pipeline.MergeManual }, "waits to be merged by hand"},
	{"somebody changed the base", func(b *bench) { b.world.Pulls.Retarget(1, "other") }, "changed the base of #1 from main to other"},
	{"somebody pushed to the branch", func(b *bench) {
		b.world.Write(repoURL, "kargo/prod/prod-142", "mine", map[string]string{"README.md": "mine\n"})
		b.want(mergeStep, pipeline.Running)
		b.world.Now = b.world.Now.Add(30 * time.Second)
	}, "somebody pushed to the promotion branch"},
	{"a required check failed", func(b *bench) {
		b.world.Gates.Checks = []step.Check{
			{Name: "unit", State: "success"},
			{Name: "lint", State: "pending"},
			{Name: "e2e", State: "failure", URL: "https://ci.example.com/7"},
		}
	}, "required checks failed: e2e (https://ci.example.com/7)"},
	{"a required check is not done", func(b *bench) {
		b.world.Gates.Checks = []step.Check{{Name: "unit", State: "success"}, {Name: "lint", State: "pending"}}
	}, "required checks are not done: lint"},
	{"approvals are missing", func(b *bench) {
		b.p.Stage.Approvals = pipeline.Approvals{Required: 2}
		b.world.Gates.Approvers = map[string][]pipeline.Actor{b.head(): {
			{Login: "ana", Role: "write"}, {Login: "Ana", Role: "write"}, {Login: "eve", Role: "read"},
		}}
	}, "1 of 2 approvals from write permission"},
	{"approvals of another commit do not count", func(b *bench) {
		b.p.Stage.Approvals = pipeline.Approvals{Required: 1, From: []string{"@acme/sre", "ana"}}
		b.world.Gates.Approvers = map[string][]pipeline.Actor{"0000": {{Login: "ana", Role: "admin"}}}
	}, "0 of 1 approvals from acme/sre or ana"},
	{"branch protection blocks", func(b *bench) { b.world.Pulls.State = "blocked" }, "blocked by branch protection"},
	{"the host refuses", func(b *bench) {
		b.world.Pulls.Refuse = &step.NotMergeableError{Message: "Repository rule violations found"}
	}, "refuses to merge #1: Repository rule violations found"},
}

func TestGitMergePRWaits(t *testing.T) {
	t.Parallel()
	for _, tt := range waiting {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			tt.arrange(b)
			res := b.want(mergeStep, pipeline.Running)
			if !strings.Contains(res.Message, tt.message) || res.Transient {
				t.Errorf("transient %v, message %q", res.Transient, res.Message)
			}
			if want := b.world.Now.Add(5 * time.Minute); !res.WakeAt.Equal(want) {
				t.Errorf("looks again at %s, want %s", res.WakeAt, want)
			}
			if want := []string{"pull/acme/gitops/1", "commit/" + b.head()}; !cmp.Equal(res.WakeOn, want) {
				t.Errorf("wakes on %v, want %v", res.WakeOn, want)
			}
			if out := output[step.PullOutput](b, mergeStep); !out.PR.Open || out.Commit != "" {
				t.Errorf("output %+v", out)
			}
			if b.world.Pulls.All()[0].Merged {
				t.Error("it was merged")
			}
		})
	}
}

func TestGitMergePRWithoutWaitFails(t *testing.T) {
	t.Parallel()
	for _, tt := range waiting {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			delete(b.p.Stage.Steps[mergeStep].Config, "wait")
			tt.arrange(b)
			if res := b.want(mergeStep, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, tt.message) {
				t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
			}
		})
	}
}

func TestGitMergePRGoesOnOnceItMay(t *testing.T) {
	t.Parallel()
	b := opened(t)
	b.p.Stage.Approvals = pipeline.Approvals{Required: 2, From: []string{"@acme/sre", "role:admin"}}
	b.world.Gates.Checks = []step.Check{{Name: "unit", State: "pending"}}
	b.want(mergeStep, pipeline.Running)
	b.world.Gates.Checks[0].State = "success"
	b.want(mergeStep, pipeline.Running)
	b.world.Gates.Approvers = map[string][]pipeline.Actor{b.head(): {
		{Login: "ana", Role: "write", Teams: []string{"@acme/sre"}}, {Login: "bob", Role: "admin"},
	}}
	b.want(mergeStep, pipeline.Succeeded)
}

func TestGitMergePRNamesBothCommitsWhenTheHeadMoved(t *testing.T) {
	t.Parallel()
	b := opened(t)
	pushed := b.head()
	theirs := b.world.Write(repoURL, "kargo/prod/prod-142", "mine", map[string]string{"README.md": "mine\n"})
	// Twice, because what is seen must not become what is expected; and soon at
	// first, because the host may only be late to show our own push.
	if res := b.want(mergeStep, pipeline.Running); res.WakeAt.Sub(b.world.Now) != time.Second {
		t.Errorf("looks again after %s", res.WakeAt.Sub(b.world.Now))
	}
	res := b.want(mergeStep, pipeline.Running)
	if !strings.Contains(res.Message, pushed[:7]) || !strings.Contains(res.Message, theirs[:7]) {
		t.Errorf("message %q names not both %s and %s", res.Message, pushed, theirs)
	}
}

func TestGitMergePRExpectsTheFirstHeadOfAForeignPullRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("git-merge-pr", config{"repoURL": repoURL, "prNumber": 1, "wait": true}))
	b.world.Branch(repoURL, "feature", "main")
	b.world.Write(repoURL, "feature", "one", map[string]string{"README.md": "one\n"})
	if _, err := b.world.Pulls.Create(t.Context(), repoURL, step.NewPullRequest{Head: "feature", Base: "main"}); err != nil {
		t.Fatal(err)
	}
	b.world.Pulls.State = "blocked"
	b.want(0, pipeline.Running)
	b.world.Write(repoURL, "feature", "two", map[string]string{"README.md": "two\n"})
	b.world.Pulls.State = ""
	if res := b.want(0, pipeline.Running); !strings.Contains(res.Message, "somebody pushed") {
		t.Errorf("message %q", res.Message)
	}
}

func TestGitMergePRStartsOver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		arrange func(b *bench)
		reason  string
	}{
		{"on a conflict, before it waits for checks that will not start", func(b *bench) {
			b.world.Gates.Checks = []step.Check{{Name: "unit", State: "pending"}}
			b.world.Write(repoURL, "main", "theirs", map[string]string{
				"env/prod/kustomization.yaml": "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.9\n",
			})
		}, "#1 conflicts with main"},
		{"when the base must be caught up with", func(b *bench) { b.world.Pulls.State = "behind" }, "must be up to date with main"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			tt.arrange(b)
			_, err := b.try(t.Context(), mergeStep)
			var rewind *step.RewindError
			if !errors.As(err, &rewind) || !strings.Contains(rewind.Reason, tt.reason) {
				t.Fatalf("error %v, want a RewindError", err)
			}
		})
	}
}

func TestPromotionStartsOverAndMerges(t *testing.T) {
	t.Parallel()
	b := opened(t)
	b.world.Write(repoURL, "main", "theirs", map[string]string{
		"env/prod/kustomization.yaml": "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.9 # theirs\n",
	})
	_, err := b.try(t.Context(), mergeStep)
	var rewind *step.RewindError
	if !errors.As(err, &rewind) {
		t.Fatalf("error %v, want a RewindError", err)
	}
	b.p.Rewind(cloneStep, rewind.Reason)
	b.crash(cloneStep)
	b.upTo(mergeStep + 1)
	if got := len(b.world.Pulls.All()); got != 1 {
		t.Errorf("%d pull requests, want the one there was", got)
	}
	if got := b.world.Files(repoURL, "main")["env/prod/kustomization.yaml"]; !strings.Contains(got, "1.9.3 # theirs") {
		t.Errorf("main holds %q", got)
	}
}

func TestGitMergePRWaitsOutWhatIsUnsettled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		arrange func(w *steptest.World)
		settle  func(w *steptest.World)
	}{
		{
			"mergeability is being computed",
			func(w *steptest.World) { w.Pulls.Computing = 1000 },
			func(w *steptest.World) { w.Pulls.Computing = 0 },
		},
		{
			"the base was modified",
			func(w *steptest.World) {
				w.Pulls.Refuse = &step.NotMergeableError{Message: "Base branch was modified", Retry: true}
			},
			func(w *steptest.World) { w.Pulls.Refuse = nil },
		},
		{
			"the head is seen to move",
			func(w *steptest.World) { w.Pulls.Refuse = step.ErrHeadMoved },
			func(w *steptest.World) { w.Pulls.Refuse = nil },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			// Not even without wait is it a failure.
			delete(b.p.Stage.Steps[mergeStep].Config, "wait")
			tt.arrange(b.world)
			var got []time.Duration
			for range 11 {
				res := b.want(mergeStep, pipeline.Running)
				got = append(got, res.WakeAt.Sub(b.world.Now))
				b.world.Now = res.WakeAt
			}
			s := time.Second
			if want := []time.Duration{1 * s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s, 256 * s, 300 * s, 300 * s}; !cmp.Equal(got, want) {
				t.Errorf("waits %v, want %v", got, want)
			}
			tt.settle(b.world)
			b.want(mergeStep, pipeline.Succeeded)
			if out := output[step.PullOutput](b, mergeStep); !out.UnsettledSince.IsZero() {
				t.Errorf("still unsettled since %s", out.UnsettledSince)
			}
		})
	}
}

func TestGitMergePRBelievesWhatItSees(t *testing.T) {
	t.Parallel()
	t.Run("merged by hand is merged, from whatever head", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		b.world.Write(repoURL, "kargo/prod/prod-142", "mine", map[string]string{"README.md": "mine\n"})
		sha, err := b.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{})
		if err != nil {
			t.Fatal(err)
		}
		b.want(mergeStep, pipeline.Succeeded)
		if got := b.p.MergeCommit(); got != sha {
			t.Errorf("merge commit %s, want %s", got, sha)
		}
	})
	t.Run("closed is aborted", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		if err := b.world.Pulls.Close(t.Context(), repoURL, 1, "no"); err != nil {
			t.Fatal(err)
		}
		if res := b.want(mergeStep, pipeline.Aborted); !strings.Contains(res.Message, "closed without being merged") {
			t.Errorf("message %q", res.Message)
		}
	})
	t.Run("a merge whose answer was lost", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		b.world.Fault = failOnce("merge", true, &pipeline.TransientError{Err: errors.New("timeout")})
		if res := b.want(mergeStep, pipeline.Running); !res.Transient {
			t.Errorf("not transient: %s", res.Message)
		}
		n := len(b.world.Log(repoURL, "main"))
		b.want(mergeStep, pipeline.Succeeded)
		if got := len(b.world.Log(repoURL, "main")); got != n {
			t.Errorf("%d commits on main, want %d", got, n)
		}
	})
}

func TestGitMergePRMethod(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ config, stage, want string }{
		{"", "", "squash"}, {"", "merge", "merge"}, {"rebase", "merge", "rebase"},
	} {
		t.Run(fmt.Sprintf("config %q, Stage %q", tt.config, tt.stage), func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			b.p.Stage.PullRequest.Method = tt.stage
			if tt.config != "" {
				b.p.Stage.Steps[mergeStep].Config["mergeMethod"] = tt.config
			}
			b.want(mergeStep, pipeline.Succeeded)
			if got := b.world.Pulls.MergedBy(1).Method; got != tt.want {
				t.Errorf("merged by %s, want %s", got, tt.want)
			}
			if got := b.world.Pulls.MergedBy(1).SHA; got != b.head() {
				t.Errorf("merged %s without naming the head %s", got, b.head())
			}
		})
	}
}

func TestGitWaitForPR(t *testing.T) {
	t.Parallel()
	specs := append(promotion()[:mergeStep], use("git-wait-for-pr", config{"repoURL": repoURL, "prNumber": 1, "pollInterval": "1s"}))
	b := newBench(t, specs...)
	b.upTo(mergeStep)

	res := b.want(mergeStep, pipeline.Running)
	if res.Message != "pull request #1 waits to be merged by hand" {
		t.Errorf("message %q", res.Message)
	}
	if got := res.WakeAt.Sub(b.world.Now); got != 10*time.Second {
		t.Errorf("looks again after %s, want the floor of 10s", got)
	}
	b.world.Pulls.SetDraft(1, true)
	if res := b.want(mergeStep, pipeline.Running); !strings.Contains(res.Message, "draft") {
		t.Errorf("message %q", res.Message)
	}
	b.world.Pulls.SetDraft(1, false)
	sha, err := b.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	b.want(mergeStep, pipeline.Succeeded)
	if out := output[step.PullOutput](b, mergeStep); out.Commit != sha || !out.PR.Merged || out.PR.Open {
		t.Errorf("output %+v", out)
	}
}
