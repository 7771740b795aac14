package pipeline_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

// TestExplainTellsWhatVerificationSays looks at the evidence for "verified in".
func TestExplainTellsWhatVerificationSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		setup func(w *world)
		want  string
	}{
		"no run yet":         {setup: func(*world) {}, want: "test-1 succeeded, verification has not"},
		"a run that goes on": {setup: func(w *world) { w.verification("test", pipeline.VerificationRunning) }, want: "test-v1 is running"},
		"a run that failed":  {setup: func(w *world) { w.verification("test", pipeline.VerificationFailed).Message = "3 of 40" }, want: "test-v1 ended Failed: 3 of 40"},
		"the newest run counts": {setup: func(w *world) {
			w.verification("test", pipeline.VerificationFailed)
			w.verification("test", pipeline.VerificationError)
		}, want: "test-v2 ended Error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stage("test", direct("web")), stage("prod", from("test")))
			f := w.freight("1.0.0")
			w.promotion("test", f, pipeline.Succeeded)
			w.occupy("test", f)
			tt.setup(w)
			prod, _ := w.p.Stage("prod")
			if got := strings.Join(pipeline.Explain(w.p, w.s, prod, f, w.now).Unmet(), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
