package step_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// tagging pushes to main, tags, and pushes the tag.
func tagging(c config) []pipeline.StepSpec {
	tag := config{"path": "src", "tag": "v2", "message": "version two"}
	for k, v := range c {
		tag[k] = v
	}
	pushed := use("git-push", config{"path": "src", "tag": "v2"})
	pushed.As = "push-tag"
	return append(pushing(nil), use("git-tag", tag), pushed)
}

const (
	tagStep = pushStep + 1 + iota
	pushTagStep
)

func TestGitTagIsPublishedByPush(t *testing.T) {
	t.Parallel()
	b := newBench(t, tagging(nil)...)
	b.upTo(pushTagStep)
	if got := b.world.Tagged(repoURL, "v2"); got != (tree.Tag{}) {
		t.Errorf("the tag is there before it is pushed: %+v", got)
	}
	tip := b.world.Tip(repoURL, "main")
	b.want(pushTagStep, pipeline.Succeeded)
	want := step.PushOutput{Commit: tip, Branch: "main", CommitURL: "https://github.com/acme/gitops/commit/" + tip, Repo: "acme/gitops"}
	if d := cmp.Diff(want, output[step.PushOutput](b, pushTagStep)); d != "" {
		t.Errorf("output (-want +got):\n%s", d)
	}
	if got := b.world.Tagged(repoURL, "v2"); got.Commit.String() != tip || got.Message != "version two" {
		t.Errorf("published %+v, want it at %s", got, tip)
	}
	if got := output[step.TagOutput](b, tagStep).Commit; got != tip {
		t.Errorf("tagged %s, want %s", got, tip)
	}
}

// The push put the commit on a newer base; whatever is lost then, the tag names the
// commit that is on the branch.
func TestGitTagAfterACrashNamesTheCommitOnTheBranch(t *testing.T) {
	t.Parallel()
	for _, lost := range []int{tagStep, pushTagStep} {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, tagging(nil)...)
			b.upTo(pushStep)
			b.world.Write(repoURL, "main", "theirs", map[string]string{"README.md": "theirs\n"})
			for i := pushStep; i < pushTagStep; i++ {
				if i == lost {
					b.crash(i)
				}
				b.want(i, pipeline.Succeeded)
			}
			b.crash(pushTagStep)
			b.want(pushTagStep, pipeline.Succeeded)
			if got, want := b.world.Tagged(repoURL, "v2").Commit.String(), b.world.Tip(repoURL, "main"); got != want {
				t.Errorf("tagged %s, main is at %s", got, want)
			}
		})
	}
}

func TestGitTagWhoseAnswerWasLostIsSuccess(t *testing.T) {
	t.Parallel()
	b := newBench(t, tagging(nil)...)
	b.upTo(pushTagStep)
	b.world.Fault = failOnce("push-tag", true, errors.New("connection lost"))
	b.run(pushTagStep)
	b.crash(tagStep)
	b.p.Steps[tagStep].Phase, b.p.Steps[pushTagStep].Phase = "", ""
	b.want(tagStep, pipeline.Succeeded)
	b.want(pushTagStep, pipeline.Succeeded)
}

func TestGitTagThatExists(t *testing.T) {
	t.Parallel()
	t.Run("is an error", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, tagging(nil)...)
		b.world.Tag(repoURL, "v2", "main")
		b.upTo(tagStep)
		if res := b.want(tagStep, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, "tag v2 exists already") || !strings.Contains(res.Message, "force") {
			t.Errorf("terminal %v: %s", res.Terminal, res.Message)
		}
	})
	t.Run("since the tag was made is an error of the push", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, tagging(nil)...)
		b.upTo(pushTagStep)
		b.world.Branch(repoURL, "other", "main")
		b.world.Write(repoURL, "other", "theirs", map[string]string{"README.md": "theirs\n"})
		b.world.Tag(repoURL, "v2", "other")
		if res := b.want(pushTagStep, pipeline.Errored); !strings.Contains(res.Message, "tag v2 exists already") {
			t.Error(res.Message)
		}
	})
	t.Run("is replaced with force", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, tagging(config{"force": true})...)
		b.world.Tag(repoURL, "v2", "main")
		b.upTo(pushTagStep + 1)
		if got, want := b.world.Tagged(repoURL, "v2").Commit.String(), b.world.Tip(repoURL, "main"); got != want {
			t.Errorf("tagged %s, want %s", got, want)
		}
	})
}

func TestGitPushOfATagNobodyMade(t *testing.T) {
	t.Parallel()
	specs := pushing(nil)
	specs[pushStep].Config["tag"] = "v9"
	b := newBench(t, specs...)
	b.upTo(pushStep)
	if res := b.want(pushStep, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "no git-tag step made v9") {
		t.Errorf("terminal %v: %s", res.Terminal, res.Message)
	}
}

// Two pushes to one branch, of which the first was put on a newer base, and a crash
// in between: the second brings its commit and not the first one's again.
func TestSecondPushAfterACrash(t *testing.T) {
	t.Parallel()
	specs := pushing(nil)
	edit := use("yaml-update", config{"path": "src/env/prod/values.yaml", "updates": []any{config{"key": "replicas", "value": 3}}})
	commit, push := use("git-commit", config{"path": "src", "message": "Scale"}), use("git-push", config{"path": "src"})
	commit.As, push.As = "commit-2", "push-2"
	b := newBench(t, append(specs, edit, commit, push)...)
	b.upTo(pushStep)
	b.world.Write(repoURL, "main", "theirs", map[string]string{"README.md": "theirs\n"})
	for i := pushStep; i < len(b.p.Steps); i++ {
		b.crash(i)
		b.want(i, pipeline.Succeeded)
	}
	log := b.world.Log(repoURL, "main")
	if len(log) != 4 || !strings.HasPrefix(log[0], "Scale") || !strings.HasPrefix(log[1], "Promote") || log[2] != "theirs" {
		t.Errorf("main holds %q", log)
	}
	if got := b.world.Files(repoURL, "main")["env/prod/values.yaml"]; !strings.Contains(got, "replicas: 3") {
		t.Errorf("values are %q", got)
	}
}
