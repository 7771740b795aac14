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

func TestPatchAsksBeforeItOverwritesWhatSomebodyEdited(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(stringItem("image.tag"), directoryItem()))
	r.promote()
	r.edit("more replicas", map[string]string{"env/stage/values.yaml": strings.Replace(fmt.Sprintf(stageValues, "1.0.0"), "replicas: 5", "replicas: 7", 1)})
	hotfix := r.edit("hotfix the tag", map[string]string{"env/stage/values.yaml": strings.Replace(fmt.Sprintf(stageValues, "1.0.1"), "replicas: 5", "replicas: 7", 1)})
	r.edit("comment", map[string]string{"env/stage/values.yaml": strings.Replace(fmt.Sprintf(stageValues, "1.0.1"), "replicas: 5", "replicas: 8", 1)})
	r.edit("next version", map[string]string{"env/test/values.yaml": "image: {tag: 1.1.0, pullPolicy: Never}\n"})

	text := r.asks()
	want := fmt.Sprintf(`edited by hand: env/stage/values.yaml image.tag (1.0.0, is 1.0.1, to become 1.1.0) by ben in %s "hotfix the tag"; /kargo answer prod drift=adopt|overwrite`, hotfix[:7])
	if text != want {
		t.Errorf("it asks %q\nwant    %q", text, want)
	}
	r.answer("maybe")
	if text := r.stillAsks(); !strings.HasPrefix(text, "the answer of ana was not taken") {
		t.Error(text)
	}
	r.answer("overwrite")
	out := r.finish()
	r.wantFile("env/stage/values.yaml", strings.Replace(fmt.Sprintf(stageValues, "1.1.0"), "replicas: 5", "replicas: 8", 1))
	if out.DecidedBy != "ana" || len(out.Drift) != 1 || out.Drift[0].Action != "overwrite" || len(out.Adopted) > 0 || out.Question != nil {
		t.Errorf("output %+v", out)
	}
	if out = r.promote(); len(out.Drift) > 0 {
		t.Errorf("what was overwritten is drift again: %+v", out.Drift)
	}
}

func TestPatchKeepsWhatWasAdoptedUntilTheSourceChanges(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(directoryItem()))
	r.promote()
	r.edit("by hand", map[string]string{"env/stage/config/a.yaml": "a: 2\n", "env/stage/config/b.yaml": "", "env/stage/config/new.yaml": "new: 1\n"})
	text := r.asks()
	for _, part := range []string{"config/a.yaml (edited) by ben", "config/b.yaml (deleted) by ben", "config/new.yaml (added) by ben"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q says nothing of %s", text, part)
		}
	}
	r.answer("adopt")
	out := r.finish()
	if len(out.Adopted) != 3 || len(out.Changes) > 0 || r.p.Steps[2].Phase != pipeline.Skipped {
		t.Errorf("adopted %+v, changed %+v", out.Adopted, out.Changes)
	}
	for range 2 {
		if out = r.promote(); len(out.Drift) > 0 || len(out.Adopted) != 3 {
			t.Errorf("later: drift %+v, adopted %+v", out.Drift, out.Adopted)
		}
	}
	r.wantFile("env/stage/config/a.yaml", "a: 2\n")
	r.wantFile("env/stage/config/b.yaml", "")
	r.wantFile("env/stage/config/new.yaml", "new: 1\n")

	r.edit("next", map[string]string{"env/test/config/a.yaml": "a: 3\n"})
	if text = r.asks(); !strings.Contains(text, "config/a.yaml (kept as edited) by ben") || !strings.Contains(text, "adopted before in prod-2") {
		t.Error(text)
	}
	r.answer("overwrite")
	out = r.finish()
	r.wantFile("env/stage/config/a.yaml", "a: 3\n")
	r.wantFile("env/stage/config/new.yaml", "new: 1\n")
	if len(out.Adopted) != 2 {
		t.Errorf("adopted %+v", out.Adopted)
	}
}

func TestPatchPolicies(t *testing.T) {
	t.Parallel()
	with := func(policy string, c config) config { c["onDrift"] = policy; return c }
	drift := func(t *testing.T, c config) *route {
		t.Helper()
		r := newRoute(t, c)
		r.promote()
		r.edit("by hand", map[string]string{"env/stage/quota.yaml": "quota: 2\n"})
		r.begin()
		return r
	}
	t.Run("fail", func(t *testing.T) {
		t.Parallel()
		r := drift(t, with("fail", items(fileItem())))
		res := r.want(patchStep, pipeline.Failed)
		if !res.Terminal || !strings.Contains(res.Message, "env/stage/quota.yaml (edited) by ben") || !strings.Contains(res.Message, "/kargo retry prod-2") {
			t.Errorf("terminal %t: %s", res.Terminal, res.Message)
		}
	})
	t.Run("overwrite", func(t *testing.T) {
		t.Parallel()
		r := drift(t, with("overwrite", items(fileItem())))
		out := r.finish()
		r.wantFile("env/stage/quota.yaml", "quota: 1\n")
		if len(out.Drift) != 1 || !strings.Contains(out.Drift[0].Diff, "-quota: 1\n+quota: 2") {
			t.Errorf("drift %+v", out.Drift)
		}
	})
	t.Run("the item says otherwise", func(t *testing.T) {
		t.Parallel()
		r := drift(t, with("fail", items(with("adopt", fileItem()))))
		out := r.finish()
		r.wantFile("env/stage/quota.yaml", "quota: 2\n")
		if len(out.Adopted) != 1 || out.Adopted[0].By != "" {
			t.Errorf("adopted %+v", out.Adopted)
		}
	})
}

func TestPatchAsksAgainAboutOtherDrift(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(fileItem()))
	r.promote()
	r.edit("by hand", map[string]string{"env/stage/quota.yaml": "quota: 2\n"})
	r.asks()
	r.answer("overwrite")
	r.edit("by hand again", map[string]string{"env/stage/quota.yaml": "quota: 3\n"})
	// The answer was about what was there, so that the step looks again.
	_, err := r.try(t.Context(), patchStep)
	if rewind := (*step.RewindError)(nil); !errors.As(err, &rewind) {
		t.Fatalf("got %v, want a new start", err)
	}
	r.p.Rewind(0, "moved")
	r.ws = tree.NewWorkspace()
	r.upTo(patchStep)
	if text := r.stillAsks(); !strings.HasPrefix(text, "what was edited by hand is not what was asked about before") {
		t.Error(text)
	}
	r.answer("overwrite")
	r.finish()
	r.wantFile("env/stage/quota.yaml", "quota: 1\n")
}

func TestPatchGoesOnWhenTheEditIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(fileItem()))
	r.promote()
	r.edit("by hand", map[string]string{"env/stage/quota.yaml": "quota: 2\n"})
	r.asks()
	r.edit("take it back", map[string]string{"env/stage/quota.yaml": "quota: 1\n"})
	if _, err := r.try(t.Context(), patchStep); err == nil {
		t.Fatal("it did not notice")
	}
	r.p.Rewind(0, "moved")
	r.ws = tree.NewWorkspace()
	r.upTo(patchStep)
	if out := r.finish(); len(out.Drift) > 0 {
		t.Errorf("drift %+v", out.Drift)
	}
}

func TestPatchKnowsWhatTheStagePublished(t *testing.T) {
	t.Parallel()
	next := func(r *route) { r.edit("next", map[string]string{"env/test/quota.yaml": "quota: 9\n"}) }
	t.Run("by a Promotion that failed after it had pushed", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, items(fileItem()))
		r.promote()
		next(r)
		r.promote()
		r.p.Phase = pipeline.Failed
		r.edit("and on", map[string]string{"env/test/quota.yaml": "quota: 10\n"})
		if out := r.promote(); len(out.Drift) > 0 {
			t.Errorf("drift %+v", out.Drift)
		}
	})
	t.Run("going back by hand to what it published before is an edit", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, items(fileItem()))
		r.promote()
		next(r)
		r.promote()
		r.edit("back", map[string]string{"env/stage/quota.yaml": "quota: 1\n"})
		if text := r.asks(); !strings.Contains(text, `"back"`) {
			t.Error(text)
		}
	})
	t.Run("what was pushed and not merged may be there or not", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, items(fileItem()))
		r.promote()
		next(r)
		r.begin()
		r.p.Stage.Steps[3].Config = config{"path": "src", "generateTargetBranch": true}
		r.finish()
		r.wantFile("env/stage/quota.yaml", "quota: 1\n")
		r.edit("by hand", map[string]string{"env/stage/quota.yaml": "quota: 5\n"})
		r.asks()
		out := output[step.PatchOutput](r.bench, patchStep)
		if out.Since != "prod-1" || len(out.Drift) != 1 || !strings.Contains(out.Drift[0].Diff, "-quota: 1\n+quota: 5") {
			t.Errorf("since %s drift %+v", out.Since, out.Drift)
		}
		r.edit("take it back", map[string]string{"env/stage/quota.yaml": "quota: 1\n"})
		if out := r.promote(); len(out.Drift) > 0 {
			t.Errorf("drift %+v", out.Drift)
		}
	})
	t.Run("what later steps of a Promotion made of it", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, items(config{"file": config{"from": "src/env/test/values.yaml", "to": "src/env/stage/values.yaml"}}))
		r.begin()
		r.want(patchStep, pipeline.Succeeded)
		if err := r.ws.WriteFile(t.Context(), "src/env/stage/values.yaml", []byte("image: set later\n"), 0); err != nil {
			t.Fatal(err)
		}
		r.want(2, pipeline.Succeeded)
		r.want(3, pipeline.Succeeded)
		if out := r.promote(); len(out.Drift) > 0 {
			t.Errorf("drift %+v", out.Drift)
		}
	})
	t.Run("an item that is new has no past", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, items(fileItem()))
		r.promote()
		r.config = items(fileItem(), directoryItem())
		if out := r.promote(); len(out.Drift) > 0 || len(out.Changes) == 0 {
			t.Errorf("drift %+v, changes %+v", out.Drift, out.Changes)
		}
	})
}

func TestPatchIsReplayedAsItWasDecided(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(directoryItem(), stringItem("image.tag")))
	r.promote()
	r.edit("by hand", map[string]string{"env/stage/config/a.yaml": "a: 2\n", "env/test/config/c.yaml": "c: 1\n"})
	r.asks()
	r.answer("adopt")
	r.want(patchStep, pipeline.Succeeded)
	want := r.files("src")
	r.world.Past.All = nil // a replay looks at nothing but the record
	r.crash(patchStep + 1)
	if diff := cmp.Diff(want, r.files("src")); diff != "" {
		t.Errorf("the replay left something else (-first +replay):\n%s", diff)
	}
}
