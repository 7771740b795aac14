package step_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// FuzzConfig looks for configs that make a step panic. What passes the check of
// a config without expressions must decode when the step runs.
func FuzzConfig(f *testing.F) {
	for i := range step.Builtin() {
		for _, s := range []string{
			`{}`, `{"path":"a","message":"b"}`, `{"path":"/../x","updates":[{"key":"a","value":1e400}]}`,
			`{"repoURL":"https://h/o/n","prNumber":1,"pollInterval":"1h"}`, `{"repoURL":"git@h:o/n","checkout":[{"path":"","sparse":["["]}]}`,
			`{"paths":["**/{a,b}","["],"pathsAreGlobs":true}`, `{"path":"a","images":[{"image":"\u0000","tag":"*"}]}`,
			`{"repoURL":"h/o/n","sourceBranch":"kargo/prod/prod-1","targetBranch":"b","title":"\n"}`,
		} {
			f.Add(uint8(i), s)
		}
	}
	defs := step.Builtin()
	reg, err := step.NewRegistry(defs...)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		var config map[string]any
		if json.Unmarshal([]byte(text), &config) != nil {
			return
		}
		def := defs[int(which)%len(defs)]
		checked := reg.CheckConfig(def.Name(), config)
		p := pipeline.NewPromotion(pipeline.Promotion{
			ID: "prod-1", Stage: pipeline.Stage{Name: "prod", Steps: []pipeline.StepSpec{{Uses: def.Name(), As: "it"}}},
		})
		p.Begin(0, steptest.New().Now)
		w := steptest.New()
		res, err := def.Run(t.Context(), step.Env{
			Ports: w.Ports(), Promotion: &p, Workspace: tree.NewWorkspace(), Attempt: 1, Log: slog.New(slog.DiscardHandler),
		}, config)
		if err != nil {
			t.Fatalf("%s: %v", def.Name(), err)
		}
		if strings.HasPrefix(res.Message, "internal error: ") {
			t.Fatalf("%s: %s", def.Name(), res.Message)
		}
		// A dollar may begin an expression, which is checked less.
		plain, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if checked == nil && strings.HasPrefix(res.Message, "config of ") && !strings.Contains(string(plain), "$") {
			t.Fatalf("%s passed the check and then: %s", def.Name(), res.Message)
		}
	})
}
