package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark/ast"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// patched is a Promotion whose patch step left an output in which text of others is as
// given, and that waits in that step if it asks.
func patched(t *testing.T, evil string, ask bool) *pipeline.Promotion {
	t.Helper()
	p := promotion()
	p.Stage.Steps[1] = pipeline.StepSpec{Uses: "patch", As: "patch"}
	edit := func(path, key, published, found, promoted, action string) map[string]any {
		return map[string]any{
			"path": path, "key": key, "published": published, "found": found, "promoted": promoted, "action": action,
			"commits": []any{map[string]any{"id": newSHA, "url": "https://github.com/acme/gitops/commit/" + newSHA, "author": evil, "at": now, "subject": evil}},
		}
	}
	out := map[string]any{
		"since": "prod-141", "decidedBy": "ana", "note": "x" + evil,
		"changes": []any{
			map[string]any{"change": "set", "path": "env/prod/values.yaml", "key": "image.tag", "old": "1.9.2", "new": evil},
			map[string]any{"change": "renamed", "path": "env/prod/" + evil, "old": "env/prod/old.yaml"},
			map[string]any{"change": "added", "path": "env/prod/new.yaml"},
		},
		"drift": []any{
			edit("env/prod/values.yaml", evil, evil, evil, evil, "overwrite"), edit("env/prod/"+evil, "", "file", "edited", "replaced", "adopt"),
		},
		"adopted": []any{map[string]any{"path": evil, "key": evil, "in": "prod-140", "by": "ben"}},
	}
	file := edit("env/prod/config.yaml", "", "file", "edited", "replaced", "overwrite")
	file["diff"] = "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+" + evil + "\n"
	out["drift"] = append(out["drift"].([]any), file)
	if ask {
		delete(out, "decidedBy")
		out["question"] = pipeline.Question{Text: "edited by hand"}
		for _, e := range out["drift"].([]any) {
			e.(map[string]any)["action"] = "ask"
		}
		for i := 1; i < len(p.Steps); i++ {
			p.Steps[i] = pipeline.StepState{}
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	p.Steps[1].Output = raw
	if ask {
		p.Begin(1, now)
		p.Apply(1, pipeline.StepResult{Phase: pipeline.Running, Message: "edited by hand", WakeAt: now.Add(time.Hour)}, now)
	}
	return p
}

// asking is the answer to what is asked of a Stage in which such a Promotion waits.
func asking(t *testing.T, evil string) string {
	t.Helper()
	p, s := busy()
	pr := patched(t, evil, true)
	for _, st := range p.Stages {
		if st.Name == "prod" {
			pr.Stage.Requests = st.Requests
			s.Promotions = []pipeline.Promotion{*pr}
			return report.Stage(p, s, st, now.Add(time.Hour))
		}
	}
	t.Fatal("there is no prod")
	return ""
}

func TestBodyShowsWhatWasPromotedAndEditedByHand(t *testing.T) {
	t.Parallel()
	body := report.Body(patched(t, "calm", false))
	for _, want := range []string{
		"> [!CAUTION]\n> **This overwrites what was edited by hand since prod-141**, as ana decided:",
		"> [!IMPORTANT]\n> **What was edited by hand since prod-141 stays** until its source changes, as ana decided:",
		"| `env/prod/values.yaml` `image.tag` | `1.9.2` | `calm` |",
		"**Files promoted:** 1 added, 1 renamed",
		"- renamed `env/prod/old.yaml` to `env/prod/calm`",
		"- `calm` `calm` since prod-140, as ben decided",
		"calm in [2222222](https://github.com/acme/gitops/commit/" + newSHA + ") 2026-01-02: calm",
		"Edited by hand: env/prod/config.yaml",
		"`/kargo answer prod drift=adopt`",
	} {
		if !strings.Contains(strings.ReplaceAll(body, "\u2060", ""), want) {
			t.Errorf("the body lacks %q:\n%s", want, body)
		}
	}
}

func TestStatusShowsWhatIsAskedAboutAnEditByHand(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(asking(t, "calm"), "\u2060", "")
	for _, want := range []string{
		"  - `env/prod/values.yaml` `calm`: published `calm`, is `calm`, to become `calm`; calm in [2222222]",
		"  - `env/prod/config.yaml`: edited by hand, to be replaced; calm in",
		"  - `/kargo answer prod drift=adopt` keeps it until its source changes, `/kargo answer prod drift=overwrite` promotes over it",
		"```diff",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the status lacks %q:\n%s", want, text)
		}
	}
}

func TestEditsByHandLetNobodyElseSpeak(t *testing.T) {
	t.Parallel()
	count := func(evil string) [2]map[ast.NodeKind]int {
		_, body := rendered(t, report.Body(patched(t, evil, false)))
		_, status := rendered(t, asking(t, evil))
		return [2]map[ast.NodeKind]int{body, status}
	}
	calm := count("calm")
	for _, evil := range corpus {
		got := count(evil)
		for i := range calm {
			for _, kind := range []ast.NodeKind{ast.KindHTMLBlock, ast.KindRawHTML, ast.KindImage, ast.KindLink, ast.KindAutoLink, ast.KindHeading} {
				if got[i][kind] > calm[i][kind] {
					t.Errorf("%q makes %d of %s, not %d", evil, got[i][kind], kind, calm[i][kind])
				}
			}
		}
	}
}

func TestBodyStaysWithinBounds(t *testing.T) {
	t.Parallel()
	p := patched(t, "calm", false)
	var out map[string]any
	if err := json.Unmarshal(p.Steps[1].Output, &out); err != nil {
		t.Fatal(err)
	}
	var drift, changes []any
	for i := range 100 {
		changes = append(changes, map[string]any{"change": "set", "path": strings.Repeat("p", 150), "key": fmt.Sprint(i), "old": strings.Repeat("o", 200), "new": strings.Repeat("n", 200)})
		if i < 20 {
			drift = append(drift, map[string]any{"path": strings.Repeat("p", 150), "action": "overwrite", "diff": strings.Repeat("+x\n", 700), "found": "edited"})
		}
	}
	out["drift"], out["changes"] = drift, changes
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	p.Steps[1].Output = raw
	if body := report.Body(p); len(body) > 65_536 || !strings.Contains(body, "**Undo:**") {
		t.Errorf("the body has %d bytes", len(body))
	}
}
