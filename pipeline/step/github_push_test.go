package step_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// verified is a Promotion that pushes verified commits of a person.
func verified(author config) []pipeline.StepSpec {
	specs := promotion()[:4]
	specs[commitStep].Config["author"] = author
	specs[pushStep] = use("github-push", config{"path": "src", "generateTargetBranch": true})
	return specs
}

func TestGitHubPushMakesCommitsOfTheApp(t *testing.T) {
	t.Parallel()
	b := newBench(t, verified(config{"name": "Ana\nKargo-Actor: eve", "email": "<ana@example.com>"})...)
	b.upTo(pushStep)
	b.crash(pushStep)
	b.want(pushStep, pipeline.Succeeded)
	const branch = "kargo/prod/prod-142"
	if got := b.world.Author(repoURL, branch); got != "kargo[bot] <bot@example.com>" {
		t.Errorf("authored by %s", got)
	}
	message := b.world.Log(repoURL, branch)[0]
	if !strings.HasSuffix(message, "\nKargo-Actor: ana\nCo-authored-by: Ana Kargo-Actor: eve <ana@example.com>\n") {
		t.Errorf("message %q", message)
	}
	if out := output[step.PushOutput](b, pushStep); out.Commit != b.world.Tip(repoURL, branch) || out.Branch != branch {
		t.Errorf("output %+v", out)
	}
}

func TestGitHubPushAgainFindsItself(t *testing.T) {
	t.Parallel()
	specs := verified(config{"name": "Ana", "email": "ana@example.com"})
	specs[pushStep].Config = config{"path": "src"}
	b := newBench(t, specs...)
	b.upTo(pushStep)
	if _, err := b.try(t.Context(), pushStep); err != nil {
		t.Fatal(err)
	}
	tip := b.world.Tip(repoURL, "main")
	b.crash(pushStep)
	b.want(pushStep, pipeline.Succeeded)
	if now := b.world.Tip(repoURL, "main"); now != tip {
		t.Errorf("main went from %s to %s", tip, now)
	}
}

func TestGitHubPushIsBounded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]pipeline.Phase{10: pipeline.Succeeded, 11: pipeline.Failed} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			specs := []pipeline.StepSpec{promotion()[cloneStep]}
			for i := range n {
				edit := use("yaml-update", config{"path": "src/env/prod/values.yaml", "updates": []any{config{"key": "replicas", "value": 10 + i}}})
				commit := use("git-commit", config{"path": "src", "message": "Scale"})
				edit.As, commit.As = fmt.Sprint("edit-", i), fmt.Sprint("commit-", i)
				specs = append(specs, edit, commit)
			}
			b := newBench(t, append(specs, use("github-push", config{"path": "src", "generateTargetBranch": true}))...)
			last := len(specs)
			b.upTo(last)
			if res := b.want(last, want); want == pipeline.Failed && (!res.Terminal || !strings.Contains(res.Message, "11 commits")) {
				t.Errorf("terminal %v: %s", res.Terminal, res.Message)
			}
		})
	}
}
