package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/verify"
)

func TestRunHasTheWorstPhaseOfItsMetrics(t *testing.T) {
	t.Parallel()
	dry := func(m *pipeline.Metric) { m.DryRun = true }
	noErrors := func(m *pipeline.Metric) { m.ConsecutiveErrorLimit = ptr(0) }
	for name, tt := range map[string]struct {
		a, b   string
		am, bm func(*pipeline.Metric)
		want   pipeline.VerificationPhase
	}{
		"all successful":                      {a: "S", b: "S", want: pipeline.VerificationSuccessful},
		"a failure is worse than success":     {a: "S", b: "F", want: pipeline.VerificationFailed},
		"a failure is worse than an error":    {a: "F", b: "E", bm: noErrors, want: pipeline.VerificationFailed},
		"an error is worse than inconclusive": {a: "I", b: "E", bm: noErrors, want: pipeline.VerificationError},
		"inconclusive is worse than success":  {a: "I", b: "S", want: pipeline.VerificationInconclusive},
		"a dry run that fails does not count": {a: "S", b: "F", bm: dry, want: pipeline.VerificationSuccessful},
		"only dry runs are a success":         {a: "F", b: "F", am: dry, bm: dry, want: pipeline.VerificationSuccessful},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nothing := func(*pipeline.Metric) {}
			if tt.am == nil {
				tt.am = nothing
			}
			if tt.bm == nil {
				tt.bm = nothing
			}
			w := newWorld(t, pipeline.Verification{Metrics: []pipeline.Metric{metric("a", tt.am), metric("b", tt.bm)}})
			w.runner.Providers["a"], w.runner.Providers["b"] = phases(tt.a), phases(tt.b)
			w.finish()
			if w.run.Phase != tt.want {
				t.Errorf("phase %s, want %s: %s", w.run.Phase, tt.want, w.run.Message)
			}
			if (tt.want == pipeline.VerificationSuccessful) != (w.run.Message == "") {
				t.Errorf("message %q", w.run.Message)
			}
		})
	}
}

func TestFailingMetricGivesUpTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pipeline.Verification{Metrics: []pipeline.Metric{
		metric("waits"), metric("fails"),
		metric("later", func(m *pipeline.Metric) { m.InitialDelay = pipeline.Duration(time.Hour) }),
	}})
	waits := &script{steps: []any{verify.Outcome{Wait: &verify.Wait{}, State: "s"}}}
	w.runner.Providers["waits"], w.runner.Providers["fails"], w.runner.Providers["later"] = waits, phases("F"), phases("S")
	w.advance()
	if w.run.Phase != pipeline.VerificationFailed || w.run.Message != "metric fails: 1 failed, failureLimit is 0: it broke" {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
	for _, i := range []int{0, 2} {
		if m := w.metric(i); m.Phase != pipeline.VerificationAborted || m.FinishedAt.IsZero() {
			t.Errorf("metric %s is %s", m.Name, m.Phase)
		}
	}
	if waits.ended != 1 || w.metric(0).Measurements[0].Phase != pipeline.VerificationAborted {
		t.Errorf("what it waited for was taken back %d times: %+v", waits.ended, w.metric(0))
	}
}

func TestFailingDryRunGivesUpNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pipeline.Verification{Metrics: []pipeline.Metric{
		metric("dry", func(m *pipeline.Metric) { m.DryRun = true }),
		metric("real", func(m *pipeline.Metric) { m.Count, m.Interval = 2, pipeline.Duration(time.Minute) }),
	}})
	w.runner.Providers["dry"], w.runner.Providers["real"] = phases("F"), phases("S")
	w.finish()
	if w.run.Phase != pipeline.VerificationSuccessful || w.metric(0).Phase != pipeline.VerificationFailed || w.metric(1).Count != 2 {
		t.Errorf("%s, dry %s, real measured %d times", w.run.Phase, w.metric(0).Phase, w.metric(1).Count)
	}
}

func TestAbortEndsTheRun(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]bool{"before it began": false, "while a measurement is in progress": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, one(metric("m")))
			s := &script{steps: []any{verify.Outcome{Wait: &verify.Wait{On: []string{"x"}}}}}
			w.runner.Providers["m"] = s
			if begun {
				w.advance()
			}
			w.run.AbortRequested = "aborted by alice"
			w.advance()
			if w.run.Phase != pipeline.VerificationAborted || w.run.Message != "aborted by alice" || w.run.FinishedAt.IsZero() || w.run.WakeOn != nil {
				t.Errorf("%+v", w.run)
			}
			if begun && (s.ended != 1 || w.metric(0).Phase != pipeline.VerificationAborted) {
				t.Errorf("taken back %d times, metric %s", s.ended, w.metric(0).Phase)
			}
			looks := len(s.looks)
			w.advance()
			if len(s.looks) != looks {
				t.Error("a run that has ended was looked at")
			}
		})
	}
}

func TestMeasurementInProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.Timeout = pipeline.Duration(30 * time.Minute) })))
	s := &script{steps: []any{
		verify.Outcome{Wait: &verify.Wait{On: []string{"commit/x"}}, State: map[string]int{"n": 1}, Message: "waiting for ci", URL: "https://ci/1"},
		verify.Outcome{Wait: &verify.Wait{On: []string{"commit/x"}}, State: map[string]int{"n": 2}, Message: "still waiting"},
		verify.Outcome{Value: "success"},
	}}
	w.runner.Providers["m"] = s
	w.advance()
	if w.run.Phase != pipeline.VerificationRunning || !cmp.Equal(w.run.WakeOn, []string{"commit/x"}) || !w.run.WakeAt.Equal(epoch.Add(time.Minute)) {
		t.Errorf("%s, wakes at %s on %v", w.run.Phase, w.run.WakeAt, w.run.WakeOn)
	}
	if m := w.metric(0); m.Message != "waiting for ci" || len(m.Measurements) != 1 || m.Measurements[0].URL != "https://ci/1" || !m.Measurements[0].FinishedAt.IsZero() {
		t.Errorf("%+v", m)
	}
	w.now = w.now.Add(3 * time.Second) // an event, not the timer
	w.advance()
	if string(s.looks[1].State) != `{"n":1}` || !s.looks[1].Since.Equal(epoch) {
		t.Errorf("state %s since %s", s.looks[1].State, s.looks[1].Since)
	}
	w.now = w.now.Add(3 * time.Second)
	w.advance()
	m := w.metric(0)
	if w.run.Phase != pipeline.VerificationSuccessful || len(m.Measurements) != 1 || m.Measurements[0].Value != `"success"` || !m.Measurements[0].StartedAt.Equal(epoch) {
		t.Errorf("%s: %+v", w.run.Phase, m)
	}
}

func TestWaitingEndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.Timeout = pipeline.Duration(90 * time.Second) })))
	s := &script{steps: []any{verify.Outcome{Wait: &verify.Wait{After: time.Hour}, Message: "waiting for ci"}}}
	w.runner.Providers["m"] = s
	w.finish()
	if w.run.Phase != pipeline.VerificationFailed || !strings.HasSuffix(w.run.Message, "timed out after 1m30s; last: waiting for ci") {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
	if len(s.looks) != 2 || s.ended != 0 || !w.run.FinishedAt.Equal(epoch.Add(90*time.Second)) {
		t.Errorf("%d looks, over at %s", len(s.looks), w.run.FinishedAt)
	}
}

func TestWhatComesWithTheTimeoutCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.Timeout = pipeline.Duration(90 * time.Second) })))
	w.runner.Providers["m"] = &script{steps: []any{verify.Outcome{Wait: &verify.Wait{After: time.Hour}}, verify.Outcome{}}}
	w.finish()
	if w.run.Phase != pipeline.VerificationSuccessful {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
}

func TestTransientFaultIsNoMeasurement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.ConsecutiveErrorLimit = ptr(0) })))
	fault := &pipeline.TransientError{RetryAfter: 90 * time.Second, Err: errors.New("GitHub answered 502")}
	w.runner.Providers["m"] = &script{steps: []any{fmt.Errorf("look: %w", fault), &pipeline.TransientError{Err: errors.New("again")}, verify.Outcome{}}}
	w.advance()
	if m := w.metric(0); m.Error != 0 || m.Message != "look: GitHub answered 502" || !w.run.WakeAt.Equal(epoch.Add(90*time.Second)) {
		t.Errorf("wakes at %s: %+v", w.run.WakeAt, m)
	}
	w.finish()
	if w.run.Phase != pipeline.VerificationSuccessful || len(w.metric(0).Measurements) != 1 {
		t.Errorf("%s: %+v", w.run.Phase, w.metric(0))
	}
}

func TestPermanentErrorsEndTheMetricAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step    any
		kind    string
		message string
	}{
		"a provider that panics":     {func(verify.Look) (verify.Outcome, error) { panic("oh") }, "m", "provider m panicked: oh"},
		"a configuration that is no": {verify.Permanent(errors.New("no name")), "m", "no name"},
		"an unknown provider":        {nil, "telepathy", `there is no provider "telepathy"; known are m`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.Provider.Kind = tt.kind })))
			w.runner.Providers["m"] = &script{steps: []any{tt.step}}
			w.advance()
			if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, tt.message) || w.metric(0).Error != 1 {
				t.Errorf("%s: %s", w.run.Phase, w.run.Message)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		arg  pipeline.AnalysisArg
		want string
		err  string
	}{
		"text is taken as it is":                 {pipeline.AnalysisArg{Name: "x", Value: ptr("1.20")}, "1.20", ""},
		"an expression sees ctx":                 {pipeline.AnalysisArg{Name: "x", Value: ptr("${{ ctx.stage }}-svc")}, "prod-svc", ""},
		"an expression sees vars":                {pipeline.AnalysisArg{Name: "x", Value: ptr("${{ vars.region }}")}, "eu", ""},
		"an expression sees Freight":             {pipeline.AnalysisArg{Name: "x", Value: ptr("v${{ imageFrom('acme/web').Tag }}")}, "v1.2.3", ""},
		"a number is an error":                   {pipeline.AnalysisArg{Name: "x", Value: ptr("${{ 1 + 1 }}")}, "", "argument x is a float64 where a string is needed"},
		"a quoted number is a string":            {pipeline.AnalysisArg{Name: "x", Value: ptr("${{ quote(1 + 1) }}")}, "2", ""},
		"one without a value is an error":        {pipeline.AnalysisArg{Name: "x"}, "", "argument x has no value"},
		"a value and a secret are an error":      {pipeline.AnalysisArg{Name: "x", Value: ptr("v"), Secret: "S"}, "", "both a value and a secret"},
		"a bad expression is an error":           {pipeline.AnalysisArg{Name: "x", Value: ptr("${{ nope() }}")}, "", "there is no function nope()"},
		"outputs do not exist in a Verification": {pipeline.AnalysisArg{Name: "x", Value: ptr("${{ outputs.a.b }}")}, "", "outputs exist only once steps run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := one(metric("m", func(m *pipeline.Metric) { m.Provider.Config = map[string]any{"q": "a {{args.x}} b"} }))
			v.Args = []pipeline.AnalysisArg{tt.arg}
			w := newWorld(t, v)
			w.env = expr.Env{
				Ctx: map[string]any{"stage": "prod"}, Vars: map[string]any{"region": "eu"},
				Freight: []expr.Freight{{Origin: expr.Origin{Kind: "Warehouse", Name: "w"}, Images: []expr.Image{{RepoURL: "acme/web", Tag: "1.2.3"}}}},
			}
			s := phases("S")
			w.runner.Providers["m"] = s
			w.advance()
			if tt.err != "" {
				if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, tt.err) || len(s.looks) != 0 {
					t.Errorf("%s: %s", w.run.Phase, w.run.Message)
				}
				return
			}
			if w.run.Args["x"] != tt.want || s.looks[0].Config["q"] != "a "+tt.want+" b" {
				t.Errorf("args %v, config %v: %s", w.run.Args, s.looks[0].Config, w.run.Message)
			}
		})
	}
}

func TestEnvironmentThatIsNotThereYetStartsNothing(t *testing.T) {
	t.Parallel()
	v := one(metric("m"))
	v.Args = []pipeline.AnalysisArg{{Name: "x", Value: ptr("${{ ctx.stage }}")}}
	w := newWorld(t, v)
	w.envErr = &pipeline.TransientError{Err: errors.New("502")}
	if err := w.runner.Advance(t.Context(), &w.run, w.save); err == nil {
		t.Error("no error")
	}
	if !w.run.StartedAt.IsZero() || w.run.Phase != pipeline.VerificationPending {
		t.Errorf("%+v", w.run)
	}
	w.envErr = errors.New("var region: bad")
	w.advance()
	if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, "var region: bad") {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
}

func TestConditionsAreFilledAndJudged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		success, failure string
		value            any
		want             pipeline.VerificationPhase
	}{
		"no conditions are a success":               {"", "", 0.1, pipeline.VerificationSuccessful},
		"only successCondition, true":               {"result > {{args.min}}", "", 9.0, pipeline.VerificationSuccessful},
		"only successCondition, false":              {"result > {{args.min}}", "", 1.0, pipeline.VerificationFailed},
		"only failureCondition, true":               {"", "result > 5", 9.0, pipeline.VerificationFailed},
		"only failureCondition, false":              {"", "result > 5", 1.0, pipeline.VerificationSuccessful},
		"both set, success":                         {"result > 5", "result < 2", 9.0, pipeline.VerificationSuccessful},
		"both set, failure":                         {"result > 5", "result < 2", 1.0, pipeline.VerificationFailed},
		"both true, failure wins":                   {"result > 5", "result > 5", 9.0, pipeline.VerificationFailed},
		"neither true is inconclusive":              {"result > 5", "result < 2", 3.0, pipeline.VerificationInconclusive},
		"a condition that cannot be evaluated":      {"result[0] > 5", "", []float64{}, pipeline.VerificationError},
		"a condition overrides the provider's word": {"result == 'x'", "", "x", pipeline.VerificationSuccessful},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := one(metric("m", func(m *pipeline.Metric) {
				m.SuccessCondition, m.FailureCondition, m.ConsecutiveErrorLimit = tt.success, tt.failure, ptr(0)
			}))
			v.Args = []pipeline.AnalysisArg{{Name: "min", Value: ptr("5")}}
			w := newWorld(t, v)
			out := verify.Outcome{Value: tt.value}
			if tt.value == "x" {
				out.Phase = pipeline.VerificationFailed
			}
			w.runner.Providers["m"] = &script{steps: []any{out}}
			w.advance()
			if w.run.Phase != tt.want {
				t.Errorf("%s, want %s: %s", w.run.Phase, tt.want, w.run.Message)
			}
		})
	}
}

func TestPassThatCannotSaveIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m")))
	reached := false
	w.runner.Providers["m"] = &script{steps: []any{func(in verify.Look) (verify.Outcome, error) {
		if err := in.Remember(context.Background(), "before"); err != nil {
			return verify.Outcome{}, err
		}
		reached = true
		return verify.Outcome{}, nil
	}}}
	w.saveErr = errors.New("lease lost")
	if err := w.runner.Advance(t.Context(), &w.run, w.save); err == nil || !errors.Is(err, w.saveErr) || reached {
		t.Errorf("error %v, effect %v", err, reached)
	}
}

func TestPassThatIsInterruptedRecordsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one(metric("m", func(m *pipeline.Metric) { m.ConsecutiveErrorLimit = ptr(0) })))
	ctx, cancel := context.WithCancel(t.Context())
	w.runner.Providers["m"] = &script{steps: []any{func(verify.Look) (verify.Outcome, error) {
		cancel()
		return verify.Outcome{}, errors.New("broken off")
	}}}
	if err := w.runner.Advance(ctx, &w.run, w.save); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if w.run.Phase.Terminal() || w.metric(0).Error != 0 {
		t.Errorf("%+v", w.run)
	}
}

func TestMetricsAreMeasuredAtTheSameTime(t *testing.T) {
	t.Parallel()
	var v pipeline.Verification
	for _, name := range []string{"a", "b", "c", "d"} {
		v.Metrics = append(v.Metrics, metric(name))
	}
	w := newWorld(t, v)
	var together sync.WaitGroup
	together.Add(len(v.Metrics))
	for _, m := range v.Metrics {
		w.runner.Providers[m.Name] = &script{steps: []any{func(in verify.Look) (verify.Outcome, error) {
			together.Done()
			together.Wait()
			return verify.Outcome{Wait: &verify.Wait{On: []string{in.Metric}}}, in.Remember(context.Background(), in.Metric)
		}}}
	}
	w.advance()
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, w.run.WakeOn); diff != "" || len(w.saved) != 4 {
		t.Errorf("stored %d times, wakes on %s", len(w.saved), diff)
	}
	last := w.saved[3]
	for i, m := range last.Metrics {
		if !strings.Contains(string(m.State), w.run.Metrics[i].Name) {
			t.Errorf("%s remembered %s", m.Name, m.State)
		}
	}
}
