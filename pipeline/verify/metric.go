package verify

import (
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// The defaults of Argo Rollouts.
const (
	errorRetry           = 10 * time.Second
	defaultErrorLimit    = 4
	defaultRetention     = 10
	defaultPollInterval  = time.Minute
	shortestPollInterval = time.Second
)

// severity orders phases from harmless to worst, as Argo Rollouts does: an error
// is better than a failure.
func severity(p pipeline.VerificationPhase) int {
	switch p {
	case pipeline.VerificationInconclusive:
		return 1
	case pipeline.VerificationError:
		return 2
	case pipeline.VerificationFailed:
		return 3
	default:
		return 0
	}
}

// count is how often a metric is measured; endless without a bound.
func count(m pipeline.Metric) (n int, endless bool) {
	switch {
	case m.Count > 0:
		return m.Count, false
	case m.Interval > 0:
		return 0, true
	default:
		return 1, false
	}
}

func errorLimit(m pipeline.Metric) int {
	if m.ConsecutiveErrorLimit != nil {
		return *m.ConsecutiveErrorLimit
	}
	return defaultErrorLimit
}

// inFlight returns the measurement that is in progress, nil when there is none.
func inFlight(mr *pipeline.MetricRun) *pipeline.Measurement {
	if n := len(mr.Measurements); n > 0 && !mr.Measurements[n-1].Phase.Terminal() {
		return &mr.Measurements[n-1]
	}
	return nil
}

// begin adds a measurement in progress unless there is one.
func begin(mr *pipeline.MetricRun, now time.Time) *pipeline.Measurement {
	if mr.StartedAt.IsZero() {
		mr.StartedAt = now
	}
	mr.Phase = pipeline.VerificationRunning
	if open := inFlight(mr); open != nil {
		return open
	}
	mr.Measurements = append(mr.Measurements, pipeline.Measurement{Phase: pipeline.VerificationRunning, StartedAt: now})
	return &mr.Measurements[len(mr.Measurements)-1]
}

// record ends the measurement in progress. Errors do not count toward Count; what
// is over the retention is forgotten, the counters are not.
func record(m pipeline.Metric, mr *pipeline.MetricRun, done pipeline.Measurement) {
	*begin(mr, done.StartedAt) = done
	mr.State, mr.Message = nil, done.Message
	switch done.Phase {
	case pipeline.VerificationError:
		mr.Error++
		mr.ConsecutiveError++
		mr.ConsecutiveSuccess = 0
	case pipeline.VerificationSuccessful:
		mr.Count++
		mr.Successful++
		mr.ConsecutiveSuccess++
		mr.ConsecutiveError = 0
	case pipeline.VerificationFailed:
		mr.Count++
		mr.Failed++
		mr.ConsecutiveSuccess, mr.ConsecutiveError = 0, 0
	default:
		mr.Count++
		mr.Inconclusive++
		mr.ConsecutiveSuccess, mr.ConsecutiveError = 0, 0
	}
	keep := m.MeasurementRetention
	if keep <= 0 {
		keep = defaultRetention
	}
	if n := len(mr.Measurements); n > keep {
		mr.Measurements = append([]pipeline.Measurement(nil), mr.Measurements[n-keep:]...)
	}
}

// assess says in which phase a metric is after its last measurement, and by which
// rule. The rules are Argo Rollouts': of several limits that are passed, that of
// errors wins over that of inconclusive measurements, which wins over that of
// failures; a count that is reached is success, except where a number of successes
// in a row was asked for.
func assess(m pipeline.Metric, mr *pipeline.MetricRun) (phase pipeline.VerificationPhase, why string) {
	limit := errorLimit(m)
	n, endless := count(m)
	switch {
	case inFlight(mr) != nil:
		return pipeline.VerificationRunning, ""
	case len(mr.Measurements) == 0:
		return pipeline.VerificationPending, ""
	case mr.ConsecutiveError > limit:
		return pipeline.VerificationError, fmt.Sprintf("%d errors in a row, consecutiveErrorLimit is %d", mr.ConsecutiveError, limit)
	case m.InconclusiveLimit >= 0 && mr.Inconclusive > m.InconclusiveLimit:
		return pipeline.VerificationInconclusive, fmt.Sprintf("%d inconclusive, inconclusiveLimit is %d", mr.Inconclusive, m.InconclusiveLimit)
	case m.FailureLimit >= 0 && mr.Failed > m.FailureLimit:
		return pipeline.VerificationFailed, fmt.Sprintf("%d failed, failureLimit is %d", mr.Failed, m.FailureLimit)
	case m.ConsecutiveSuccessLimit > 0 && mr.ConsecutiveSuccess >= m.ConsecutiveSuccessLimit:
		return pipeline.VerificationSuccessful, fmt.Sprintf("%d successful in a row", mr.ConsecutiveSuccess)
	case endless || mr.Count < n:
		return pipeline.VerificationRunning, ""
	case m.ConsecutiveSuccessLimit > 0:
		return pipeline.VerificationInconclusive, fmt.Sprintf("measured %d times without %d successful in a row", mr.Count, m.ConsecutiveSuccessLimit)
	}
	return pipeline.VerificationSuccessful, ""
}

// next is when a metric without a measurement in progress is measured next. An error
// is tried again soon, whatever the interval is.
func next(m pipeline.Metric, mr *pipeline.MetricRun, runStarted time.Time) time.Time {
	if len(mr.Measurements) == 0 {
		return runStarted.Add(time.Duration(m.InitialDelay))
	}
	last := mr.Measurements[len(mr.Measurements)-1]
	if last.Phase == pipeline.VerificationError || m.Interval <= 0 {
		return last.FinishedAt.Add(errorRetry)
	}
	return last.FinishedAt.Add(time.Duration(m.Interval))
}

// deadline is when a metric is given up; zero means never.
func deadline(m pipeline.Metric, mr *pipeline.MetricRun) time.Time {
	if m.Timeout <= 0 || mr.StartedAt.IsZero() {
		return time.Time{}
	}
	return mr.StartedAt.Add(time.Duration(m.Timeout))
}

// expire ends a metric whose time is up. One that has no other end and held to the
// last succeeds.
func expire(m pipeline.Metric, mr *pipeline.MetricRun, now time.Time) {
	phase := pipeline.VerificationFailed
	message := fmt.Sprintf("timed out after %s", brief(time.Duration(m.Timeout)))
	open := inFlight(mr)
	switch _, endless := count(m); {
	case open != nil:
		if open.Message != "" {
			message += "; last: " + open.Message
		}
		done := *open
		done.Phase, done.Message, done.FinishedAt = phase, message, now
		record(m, mr, done)
	case endless && m.ConsecutiveSuccessLimit == 0 && len(mr.Measurements) > 0 &&
		mr.Measurements[len(mr.Measurements)-1].Phase == pipeline.VerificationSuccessful:
		phase, message = pipeline.VerificationSuccessful, fmt.Sprintf("held for %s", brief(time.Duration(m.Timeout)))
	case mr.Message != "":
		message += "; last: " + mr.Message
	}
	finish(mr, phase, message, now)
}

func finish(mr *pipeline.MetricRun, phase pipeline.VerificationPhase, message string, now time.Time) {
	mr.Phase, mr.Message, mr.FinishedAt = phase, message, now
	mr.Due, mr.State = time.Time{}, nil
}

// brief prints a duration without its zero parts: "30m", not "30m0s".
func brief(d time.Duration) string {
	s := d.String()
	if len(s) > 2 && s[len(s)-2:] == "0s" && s[len(s)-3] == 'm' {
		s = s[:len(s)-2]
	}
	if len(s) > 2 && s[len(s)-2:] == "0m" && s[len(s)-3] == 'h' {
		s = s[:len(s)-2]
	}
	return s
}
