package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

// TestForecastOfOneStageIsThatOfAll: looking at the Stages before one only changes the
// work, not the answer.
func TestForecastOfOneStageIsThatOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := newLife(rt)
		happenings := []func(*rapid.T){l.discover, l.decideAndApply, l.request, l.comment, l.run, l.measure, l.tick, l.reshape}
		for range rapid.IntRange(1, 25).Draw(rt, "happenings") {
			rapid.SampledFrom(happenings).Draw(rt, "happening")(rt)
		}
		all := pipeline.Forecast(l.p, l.s, l.now)
		for _, st := range l.p.Stages {
			var want []pipeline.Arrival
			for _, a := range all {
				if a.Stage == st.Name {
					want = append(want, a)
				}
			}
			if diff := cmp.Diff(want, pipeline.ForecastStage(l.p, l.s, st.Name, l.now)); diff != "" && len(want) > 0 {
				rt.Fatalf("%s (-all +one):\n%s", st.Name, diff)
			}
		}
	})
}
