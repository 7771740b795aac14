package verify_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// outcomes answers the n-th measurement of a metric always alike, whoever asks.
func outcomes(letters string) *script {
	s := phases(letters)
	if len(s.steps) == 0 {
		s.steps = []any{errors.New("nothing")}
	}
	return s
}

func drawMetric(t *rapid.T, name string) (pipeline.Metric, string) {
	m := pipeline.Metric{Name: name, Provider: pipeline.Provider{Kind: name}}
	m.Count = rapid.IntRange(1, 6).Draw(t, "count")
	if m.Count > 1 || rapid.Bool().Draw(t, "interval") {
		m.Interval = pipeline.Duration(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
	}
	m.FailureLimit = rapid.IntRange(0, m.Count).Draw(t, "failureLimit")
	m.InconclusiveLimit = rapid.IntRange(0, m.Count).Draw(t, "inconclusiveLimit")
	m.ConsecutiveErrorLimit = ptr(rapid.IntRange(0, 3).Draw(t, "consecutiveErrorLimit"))
	m.ConsecutiveSuccessLimit = rapid.IntRange(0, 3).Draw(t, "consecutiveSuccessLimit")
	m.DryRun = rapid.Bool().Draw(t, "dryRun")
	m.InitialDelay = pipeline.Duration(time.Duration(rapid.IntRange(0, 60).Draw(t, "initialDelay")) * time.Second)
	return m, rapid.StringOfN(rapid.RuneFrom([]rune("SFIE")), 30, 30, -1).Draw(t, "outcomes")
}

// TestRunsEndAlike: whatever the metrics measure, a run ends, within the limits that
// its metrics set, in the worst of their phases; and passes that nothing called for
// change nothing.
func TestRunsEndAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var v pipeline.Verification
		letters := map[string]string{}
		for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(rt, "metrics")] {
			m, s := drawMetric(rt, name)
			v.Metrics, letters[name] = append(v.Metrics, m), s
		}
		play := func(extra bool) pipeline.VerificationRun {
			w := newWorld(t, v)
			for name, s := range letters {
				w.runner.Providers[name] = outcomes(s)
			}
			for range 400 {
				w.advance()
				if w.run.Phase.Terminal() {
					return w.run
				}
				if extra {
					w.advance()
					w.now = w.now.Add(w.run.WakeAt.Sub(w.now) / 2)
					w.advance()
				}
				w.now = w.run.WakeAt
			}
			rt.Fatalf("does not end: %+v", w.run)
			return pipeline.VerificationRun{}
		}
		plain, busy := play(false), play(true)
		if diff := cmp.Diff(plain, busy); diff != "" {
			rt.Fatalf("passes that nothing called for made a difference:\n%s", diff)
		}
		worst := pipeline.VerificationSuccessful
		rank := map[pipeline.VerificationPhase]int{pipeline.VerificationInconclusive: 1, pipeline.VerificationError: 2, pipeline.VerificationFailed: 3}
		for i, m := range v.Metrics {
			mr := plain.Metrics[i]
			if !mr.Phase.Terminal() || mr.Phase == pipeline.VerificationRunning {
				rt.Errorf("%s has not ended: %s", m.Name, mr.Phase)
			}
			if mr.Count > m.Count || mr.Count != mr.Successful+mr.Failed+mr.Inconclusive {
				rt.Errorf("%s was measured %d times, count is %d: %+v", m.Name, mr.Count, m.Count, mr)
			}
			if !m.DryRun && rank[mr.Phase] > rank[worst] {
				worst = mr.Phase
			}
			if mr.Phase == pipeline.VerificationSuccessful && (mr.Failed > m.FailureLimit || mr.Inconclusive > m.InconclusiveLimit) {
				rt.Errorf("%s succeeds over its limits: %+v", m.Name, mr)
			}
		}
		if plain.Phase != worst {
			rt.Errorf("the run is %s, its worst metric %s", plain.Phase, worst)
		}
	})
}

// TestAnotherProcessGoesOnWithTheRun: nothing that matters is in the Runner,
// which is another one in each pass.
func TestAnotherProcessGoesOnWithTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.Count, m.Interval = 3, pipeline.Duration(time.Minute) })))
	for range 3 {
		fresh := *w.runner
		fresh.Providers = map[string]verify.Provider{"m": phases("S")}
		w.runner = &fresh
		w.advance()
		w.now = w.now.Add(time.Minute)
	}
	if w.run.Phase != pipeline.VerificationSuccessful || w.metric(0).Count != 3 {
		t.Errorf("%s: %+v", w.run.Phase, w.metric(0))
	}
}

func TestRecordThatDoesNotBelongToTheVerificationIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m")))
	w.run.StartedAt, w.run.Phase = epoch, pipeline.VerificationRunning
	w.advance()
	if w.run.Phase != pipeline.VerificationError {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
}
