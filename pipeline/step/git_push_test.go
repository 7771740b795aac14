package step_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// pushing is a Promotion whose push goes to another branch than its own.
func pushing(c config) []pipeline.StepSpec {
	specs := promotion()[:4]
	specs[pushStep].Config = config{"path": "src"}
	for k, v := range c {
		specs[pushStep].Config[k] = v
	}
	return specs
}

func TestGitPushGeneratesItsOwnBranch(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	main := b.world.Tip(repoURL, "main")
	b.upTo(pushStep + 1)
	tip := b.world.Tip(repoURL, "kargo/prod/prod-142")
	want := step.PushOutput{Commit: tip, Branch: "kargo/prod/prod-142", CommitURL: "https://github.com/acme/gitops/commit/" + tip, Repo: "acme/gitops"}
	if diff := cmp.Diff(want, output[step.PushOutput](b, pushStep)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if b.world.Tip(repoURL, "main") != main {
		t.Error("the push moved main")
	}
}

func TestGitPushGoesOnTopOfWhatTheBranchHolds(t *testing.T) {
	t.Parallel()
	b := newBench(t, pushing(nil)...)
	b.upTo(pushStep)
	b.world.Write(repoURL, "main", "theirs", map[string]string{"README.md": "theirs\n"})
	b.want(pushStep, pipeline.Succeeded)
	files := b.world.Files(repoURL, "main")
	if files["README.md"] != "theirs\n" || !strings.Contains(files["env/prod/kustomization.yaml"], "1.9.3") {
		t.Errorf("main holds %v", files)
	}
}

func TestGitPushWithNothingPendingIsSkipped(t *testing.T) {
	t.Parallel()
	specs := promotion()
	b := newBench(t, specs[cloneStep], specs[pushStep])
	b.upTo(1)
	b.want(1, pipeline.Skipped)
	want := step.PushOutput{Commit: b.world.Tip(repoURL, "main"), Branch: "kargo/prod/prod-142", Repo: "acme/gitops"}
	if diff := cmp.Diff(want, output[step.PushOutput](b, 1)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if got := b.world.Branches(repoURL); len(got) != 1 {
		t.Errorf("branches %v", got)
	}
}

func TestGitPushConflict(t *testing.T) {
	t.Parallel()
	theirs := map[string]string{"env/prod/kustomization.yaml": "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.9 # theirs\n"}

	t.Run("on the branch that was checked out starts over", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, pushing(nil)...)
		b.upTo(pushStep)
		b.world.Write(repoURL, "main", "theirs", theirs)
		_, err := b.try(t.Context(), pushStep)
		var rewind *step.RewindError
		if !errors.As(err, &rewind) || !strings.Contains(rewind.Reason, "env/prod/kustomization.yaml") {
			t.Fatalf("error %v, want a RewindError that names the file", err)
		}
		b.p.Rewind(cloneStep, rewind.Reason)
		b.crash(cloneStep)
		b.upTo(pushStep + 1)
		if got := b.world.Files(repoURL, "main")["env/prod/kustomization.yaml"]; !strings.Contains(got, "newTag: 1.9.3 # theirs") {
			t.Errorf("after the new start main holds %q", got)
		}
	})
	t.Run("on another branch fails for good", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, pushing(config{"targetBranch": "other"})...)
		b.world.Branch(repoURL, "other", "main")
		b.world.Write(repoURL, "other", "theirs", theirs)
		b.upTo(pushStep)
		if res := b.want(pushStep, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, "conflicting changes") {
			t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
		}
	})
	t.Run("does not exist with force", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, pushing(config{"targetBranch": "other", "force": true})...)
		b.world.Branch(repoURL, "other", "main")
		b.world.Write(repoURL, "other", "theirs", theirs)
		b.upTo(pushStep + 1)
		if got := b.world.Files(repoURL, "other")["env/prod/kustomization.yaml"]; !strings.Contains(got, "1.9.3") {
			t.Errorf("other holds %q", got)
		}
	})
}

func TestGitPushWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := newBench(t, pushing(nil)...)
	b.upTo(pushStep)
	if _, err := b.try(t.Context(), pushStep); err != nil {
		t.Fatal(err)
	}
	// On top of ours, where ours would not fit a second time.
	b.world.Write(repoURL, "main", "theirs", map[string]string{"env/prod/kustomization.yaml": "images: []\n"})
	b.crash(pushStep)
	b.want(pushStep, pipeline.Succeeded)
	n := 0
	for _, message := range b.world.Log(repoURL, "main") {
		if strings.Contains(message, "Kargo-Promotion: prod-142") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("main holds the Promotion's commit %d times", n)
	}
}

func TestGitPushStartsABranch(t *testing.T) {
	t.Parallel()
	b := newBench(t,
		use("git-clone", config{"repoURL": repoURL, "checkout": []any{
			config{"path": "src"}, config{"path": "out", "branch": "env/prod", "create": true},
		}}),
		use("copy", config{"inPath": "src/env/prod", "outPath": "out"}),
		use("git-commit", config{"path": "out", "message": "render"}),
		use("git-push", config{"path": "out"}),
	)
	b.upTo(4)
	if got := b.world.Files(repoURL, "env/prod"); len(got) != 3 || got["notes.md"] != "notes\n" {
		t.Errorf("the new branch holds %v", got)
	}
	if got := b.world.Log(repoURL, "env/prod"); len(got) != 2 || got[1] != "Initial commit" {
		t.Errorf("the new branch has the commits %q, want ours on an empty one", got)
	}
}

func TestGitPushOfATagNeedsABranch(t *testing.T) {
	t.Parallel()
	specs := pushing(nil)
	specs[cloneStep].Config["checkout"] = []any{config{"path": "src", "tag": "v1"}}
	b := newBench(t, specs...)
	b.world.Tag(repoURL, "v1", "main")
	b.upTo(pushStep)
	if res := b.want(pushStep, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "targetBranch") {
		t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
	}
}
