package step_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestGitCommitDescribesWhatChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.upTo(commitStep + 1)
	got := output[step.CommitOutput](b, commitStep)
	want := step.CommitOutput{
		Commit: got.Commit,
		Files:  []step.FileChange{{Path: "env/prod/kustomization.yaml", Added: 1, Deleted: 1, Status: "modified"}},
		Diff: `--- a/env/prod/kustomization.yaml
+++ b/env/prod/kustomization.yaml
@@ -1,3 +1,3 @@
 images:
   - name: ghcr.io/acme/web
-    newTag: 1.9.2 # current
+    newTag: 1.9.3 # current
`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if len(got.Commit) != 40 {
		t.Errorf("commit %q is no object name", got.Commit)
	}
}

func TestGitCommitMessageCarriesTrailers(t *testing.T) {
	t.Parallel()
	specs := promotion()
	specs[commitStep].Config["message"] = "Promote\n\nKargo-Promotion: prod-1\r\nkargo-actor: eve\n\n"
	b := newBench(t, specs...)
	b.upTo(pushStep + 1)
	want := `Promote

 Kargo-Promotion: prod-1
 kargo-actor: eve

Kargo-Pipeline: web
Kargo-Stage: prod
Kargo-Freight: 0123456789012345678901234567890123456789
Kargo-Promotion: prod-142
Kargo-Actor: ana
`
	if diff := cmp.Diff(want, b.world.Log(repoURL, "kargo/prod/prod-142")[0]); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestGitCommitWithoutDifferenceIsSkippedAndNamesTheTip(t *testing.T) {
	t.Parallel()
	commit := func(message string) pipeline.StepSpec {
		return use("git-commit", config{"path": "src", "message": message})
	}
	b := newBench(t, promotion()[0], commit("none"), promotion()[1], commit("first"), commit("second"))
	b.want(0, pipeline.Succeeded)
	b.want(1, pipeline.Skipped)
	if got, want := output[step.CommitOutput](b, 1).Commit, b.world.Tip(repoURL, "main"); got != want {
		t.Errorf("commit %s, want the head %s", got, want)
	}
	b.want(2, pipeline.Succeeded)
	b.want(3, pipeline.Succeeded)
	b.want(4, pipeline.Skipped)
	if got, want := output[step.CommitOutput](b, 4).Commit, output[step.CommitOutput](b, 3).Commit; got != want {
		t.Errorf("commit %s, want the pending one %s", got, want)
	}
}

func TestGitCommitGoesOnAfterAFaultInTheSameWorkspace(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("answer lost %v", after), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()...)
			b.upTo(commitStep)
			b.world.Fault = failOnce("commit", after, &pipeline.TransientError{Err: errors.New("502")})
			if res := b.want(commitStep, pipeline.Running); !res.Transient {
				t.Errorf("not transient: %s", res.Message)
			}
			b.want(commitStep, pipeline.Succeeded)
			if got := output[step.CommitOutput](b, commitStep); len(got.Files) != 1 || got.Commit == "" {
				t.Errorf("output %+v", got)
			}
		})
	}
}

func TestGitCommitSurvivesReplayUnderItsName(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.upTo(pushStep)
	b.world.Fault = func(op string, _ bool) error {
		if op == "commit" {
			return errors.New("a replay must not store anything")
		}
		return nil
	}
	b.crash(pushStep)
	b.want(pushStep, pipeline.Succeeded)
	if got, want := output[step.PushOutput](b, pushStep).Commit, output[step.CommitOutput](b, commitStep).Commit; got != want {
		t.Errorf("pushed %s, want the commit %s that was recorded", got, want)
	}
}

func TestGitCommitDiffIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("git-commit", config{"path": "src", "message": "m"}))
	b.upTo(1)
	write := func(path, content string) {
		t.Helper()
		if err := b.ws.WriteFile(t.Context(), "src/"+path, []byte(content), 0); err != nil {
			t.Fatal(err)
		}
	}
	write("a.bin", "\x00\x01")
	write("b\n+.txt", "x\n")
	write("c.txt", strings.Repeat("line\n", 20_000))
	write("d.txt", "after the limit\n")
	write("e.txt", strings.Repeat("x", 300<<10))
	for i := range 400 {
		write(fmt.Sprintf("many/%03d", i), "x\n")
	}
	b.want(1, pipeline.Succeeded)
	got := output[step.CommitOutput](b, 1)
	if len(got.Diff) > 32<<10 || !strings.HasSuffix(got.Diff, "line\n") || !got.DiffTruncated {
		t.Errorf("diff of %d bytes, truncated %v, ends in %q", len(got.Diff), got.DiffTruncated, got.Diff[len(got.Diff)-10:])
	}
	if !strings.HasPrefix(got.Diff, "Binary file a.bin added\n--- /dev/null\n+++ b/b\\n+.txt\n@@") {
		t.Errorf("diff begins %q", got.Diff[:80])
	}
	if len(got.Files) != 300 || got.FilesOmitted != 105 {
		t.Errorf("%d files and %d omitted, want 300 and 105", len(got.Files), got.FilesOmitted)
	}
	if c := got.Files[2]; c != (step.FileChange{Path: "c.txt", Added: 20_000, Status: "added"}) {
		t.Errorf("a file whose diff is cut is counted as %+v", c)
	}
}

// failOnce fails one call of op.
func failOnce(op string, after bool, err error) func(string, bool) error {
	done := false
	return func(o string, a bool) error {
		if done || o != op || a != after {
			return nil
		}
		done = true
		return err
	}
}
