package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

func TestMetricRules(t *testing.T) {
	t.Parallel()
	minute := pipeline.Duration(time.Minute)
	for name, tt := range map[string]struct {
		measured string
		m        pipeline.Metric
		phase    pipeline.VerificationPhase
		looks    int
		after    time.Duration
		message  string
	}{
		"without count and interval it is measured once": {
			"S", pipeline.Metric{}, pipeline.VerificationSuccessful, 1, 0, "",
		},
		"one failure fails": {
			"F", pipeline.Metric{}, pipeline.VerificationFailed, 1, 0, "1 failed, failureLimit is 0: it broke",
		},
		"one inconclusive measurement is inconclusive": {
			"I", pipeline.Metric{}, pipeline.VerificationInconclusive, 1, 0, "1 inconclusive, inconclusiveLimit is 0",
		},
		"a count is reached at the interval": {
			"SSS", pipeline.Metric{Count: 3, Interval: minute}, pipeline.VerificationSuccessful, 3, 2 * time.Minute, "",
		},
		"failures up to the limit are forgiven once the count is reached": {
			"SFFS", pipeline.Metric{Count: 4, Interval: minute, FailureLimit: 2}, pipeline.VerificationSuccessful, 4, 3 * time.Minute, "",
		},
		"a count of one that failed within the limit is success": {
			"F", pipeline.Metric{Count: 1, FailureLimit: 1}, pipeline.VerificationSuccessful, 1, 0, "",
		},
		"the first failure over the limit ends it": {
			"FSFS", pipeline.Metric{Count: 9, Interval: minute, FailureLimit: 1}, pipeline.VerificationFailed, 3, 2 * time.Minute, "2 failed, failureLimit is 1",
		},
		"inconclusive measurements up to the limit are forgiven": {
			"ISS", pipeline.Metric{Count: 3, Interval: minute, InconclusiveLimit: 1}, pipeline.VerificationSuccessful, 3, 2 * time.Minute, "",
		},
		"errors are tried again every ten seconds": {
			"EES", pipeline.Metric{}, pipeline.VerificationSuccessful, 3, 20 * time.Second, "",
		},
		"errors are tried again every ten seconds whatever the interval is": {
			"ESS", pipeline.Metric{Count: 2, Interval: pipeline.Duration(time.Hour)}, pipeline.VerificationSuccessful, 3, time.Hour + 10*time.Second, "",
		},
		"errors do not consume the count": {
			"SESES", pipeline.Metric{Count: 3, Interval: minute}, pipeline.VerificationSuccessful, 5, 2*time.Minute + 20*time.Second, "",
		},
		"the fifth error in a row ends it": {
			"EEEEES", pipeline.Metric{}, pipeline.VerificationError, 5, 40 * time.Second, "5 errors in a row, consecutiveErrorLimit is 4: no answer",
		},
		"only errors in a row count": {
			"EEEESEEEES", pipeline.Metric{Count: 2, Interval: minute}, pipeline.VerificationSuccessful, 10, 2*time.Minute + 20*time.Second, "",
		},
		"a limit of no errors ends it with the first": {
			"ES", pipeline.Metric{ConsecutiveErrorLimit: ptr(0)}, pipeline.VerificationError, 1, 0, "1 errors in a row",
		},
		"successes in a row end it early": {
			"SFSSS", pipeline.Metric{Interval: minute, FailureLimit: 5, ConsecutiveSuccessLimit: 2}, pipeline.VerificationSuccessful, 4, 3 * time.Minute, "2 successful in a row",
		},
		"an error breaks a row of successes": {
			"SESS", pipeline.Metric{Interval: minute, ConsecutiveSuccessLimit: 2}, pipeline.VerificationSuccessful, 4, 2*time.Minute + 10*time.Second, "",
		},
		"a negative failureLimit is none": {
			"FFFFFFS", pipeline.Metric{Interval: minute, FailureLimit: -1, ConsecutiveSuccessLimit: 1}, pipeline.VerificationSuccessful, 7, 6 * time.Minute, "",
		},
		"failureLimit wins over successes in a row": {
			"FSS", pipeline.Metric{Interval: minute, ConsecutiveSuccessLimit: 2}, pipeline.VerificationFailed, 1, 0, "",
		},
		"a count reached without the successes in a row is inconclusive": {
			"SFS", pipeline.Metric{Count: 3, Interval: minute, FailureLimit: 3, ConsecutiveSuccessLimit: 2}, pipeline.VerificationInconclusive, 3, 2 * time.Minute, "without 2 successful in a row",
		},
		"an initial delay comes before the first measurement": {
			"S", pipeline.Metric{InitialDelay: pipeline.Duration(5 * time.Minute)}, pipeline.VerificationSuccessful, 1, 5 * time.Minute, "",
		},
		"an endless metric that held to its timeout succeeds": {
			"SSSSSS", pipeline.Metric{Interval: minute, Timeout: pipeline.Duration(150 * time.Second)}, pipeline.VerificationSuccessful, 4, 150 * time.Second, "held for 2m30s",
		},
		"an endless metric that did not succeed last fails at its timeout": {
			"FFFFFF", pipeline.Metric{Interval: minute, FailureLimit: 9, Timeout: pipeline.Duration(150 * time.Second)}, pipeline.VerificationFailed, 4, 150 * time.Second, "timed out after 2m30s; last: it broke",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.m.Name, tt.m.Provider.Kind = "m", "m"
			w := newWorld(t, one(tt.m))
			s := phases(tt.measured)
			w.runner.Providers["m"] = s
			w.finish()
			if w.run.Phase != tt.phase || w.metric(0).Phase != tt.phase {
				t.Errorf("phase %s of metric in %s, want %s: %s", w.run.Phase, w.metric(0).Phase, tt.phase, w.run.Message)
			}
			if len(s.looks) != tt.looks {
				t.Errorf("%d looks, want %d", len(s.looks), tt.looks)
			}
			if got := w.run.FinishedAt.Sub(epoch); got != tt.after {
				t.Errorf("ended after %s, want %s", got, tt.after)
			}
			if !strings.Contains(w.metric(0).Message, tt.message) {
				t.Errorf("message %q, want %q in it", w.metric(0).Message, tt.message)
			}
			if !w.run.WakeAt.IsZero() || w.run.WakeOn != nil || w.metric(0).State != nil {
				t.Errorf("something is left to wait for: %+v", w.run)
			}
		})
	}
}

func TestMetricThatCannotRunIsAnErrorOfTheRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		v       pipeline.Verification
		message string
	}{
		"no metric":                          {pipeline.Verification{}, "there is no metric"},
		"two metrics of one name":            {pipeline.Verification{Metrics: []pipeline.Metric{metric("a"), metric("a")}}, "metric a is there twice"},
		"a count over 1 without an interval": {one(metric("a", func(m *pipeline.Metric) { m.Count = 2 })), "needs an interval"},
		"more failures forgiven than measurements": {
			one(metric("a", func(m *pipeline.Metric) { m.Count, m.FailureLimit = 1, 2 })), "failureLimit is greater than count",
		},
		"more inconclusive ones forgiven than measurements": {
			one(metric("a", func(m *pipeline.Metric) { m.Count, m.InconclusiveLimit = 1, 2 })), "inconclusiveLimit is greater than count",
		},
		"neither of the limits": {one(metric("a", func(m *pipeline.Metric) { m.FailureLimit = -1 })), "needs a consecutiveSuccessLimit"},
		"a bad condition":       {one(metric("a", func(m *pipeline.Metric) { m.SuccessCondition = "result >" })), "ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.v)
			w.runner.Providers["a"] = phases("S")
			w.advance()
			if w.run.Phase != pipeline.VerificationError || !strings.Contains(w.run.Message, tt.message) {
				t.Errorf("%s: %s", w.run.Phase, w.run.Message)
			}
		})
	}
}

func TestMeasurementsAreForgottenButCounted(t *testing.T) {
	t.Parallel()
	for retention, want := range map[int]int{0: 10, 3: 3, 100: 15} {
		w := newWorld(t, one(metric("m", func(m *pipeline.Metric) {
			m.Count, m.Interval, m.MeasurementRetention = 15, pipeline.Duration(time.Second), retention
		})))
		w.runner.Providers["m"] = phases("S")
		w.finish()
		got := w.metric(0)
		if len(got.Measurements) != want || got.Count != 15 || got.Successful != 15 {
			t.Errorf("retention %d: %d kept of %d", retention, len(got.Measurements), got.Count)
		}
		if last := got.Measurements[want-1]; !last.FinishedAt.Equal(epoch.Add(14 * time.Second)) {
			t.Errorf("retention %d: the newest is of %s", retention, last.FinishedAt)
		}
	}
}
