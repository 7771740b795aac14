package step_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestGitCloneOpensEachRef(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("git-clone", config{"repoURL": repoURL, "checkout": []any{
		config{"path": "default"},
		config{"path": "old", "as": "release", "tag": "v1"},
		config{"path": "out", "branch": "env/prod", "create": true},
	}}))
	b.world.Tag(repoURL, "v1", "main")
	v1 := b.world.Tip(repoURL, "main")
	tip := b.world.Write(repoURL, "main", "more", map[string]string{"README.md": "hello again\n"})

	b.want(0, pipeline.Succeeded)

	want := step.CloneOutput{
		Commits:  map[string]string{"default": tip, "release": v1, "out": b.world.Tip(repoURL, "env/prod")},
		Branches: map[string]string{"default": "main", "release": "", "out": "env/prod"},
	}
	if diff := cmp.Diff(want, output[step.CloneOutput](b, 0)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	files := b.files(".")
	if files["default/README.md"] != "hello again\n" || files["old/README.md"] != "hello\n" {
		t.Errorf("wrong content: %q, %q", files["default/README.md"], files["old/README.md"])
	}
	if got := b.world.Branches(repoURL); !cmp.Equal(got, []string{"env/prod", "main"}) {
		t.Errorf("branches %v: a branch that is created is there at once", got)
	}
	if got := b.world.Log(repoURL, "env/prod"); !cmp.Equal(got, []string{"Initial commit"}) || len(b.world.Files(repoURL, "env/prod")) > 0 {
		t.Errorf("the new branch holds %q, want one empty commit without parents", got)
	}
}

func TestGitCloneAbsentBranch(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("git-clone", config{"repoURL": repoURL, "checkout": []any{config{"path": "a", "branch": "absent"}}}))
	res := b.want(0, pipeline.Errored)
	if res.Terminal || !strings.Contains(res.Message, "branch absent: not found; set create") {
		t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
	}
}

func TestGitCloneReplaysTheRecordedCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.want(cloneStep, pipeline.Succeeded)
	b.world.Write(repoURL, "main", "later", map[string]string{"README.md": "changed\n"})

	b.crash(cloneStep + 1)
	if got := b.files("src")["src/README.md"]; got != "hello\n" {
		t.Errorf("the replay sees %q, want what was recorded", got)
	}
	c, err := b.ws.Checkout("src")
	if err != nil {
		t.Fatal(err)
	}
	if c.Branch != "main" {
		t.Errorf("branch %q after a replay, want main", c.Branch)
	}
}

func TestGitCloneStartingOverLooksAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.want(cloneStep, pipeline.Succeeded)
	b.world.Write(repoURL, "main", "later", map[string]string{"README.md": "changed\n"})

	b.p.Rewind(cloneStep, "test")
	b.crash(cloneStep)
	b.want(cloneStep, pipeline.Succeeded)
	if got := b.files("src")["src/README.md"]; got != "changed\n" {
		t.Errorf("a new start sees %q, want the newest", got)
	}
}

func TestGitCloneLeavesNothingMountedOnError(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("git-clone", config{"repoURL": repoURL, "checkout": []any{
		config{"path": "a"}, config{"path": "taken"},
	}}))
	if err := b.ws.WriteFile(t.Context(), "taken/file", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	b.want(0, pipeline.Errored)
	if got := b.ws.Mounts(); len(got) > 0 {
		t.Errorf("still mounted: %v", got)
	}
}
