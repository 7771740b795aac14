package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Provider measures one kind of metric.
type Provider interface {
	// Measure looks once. A measurement that waits for something is looked at again
	// with the State it left. An error is a measurement of phase Error, except that a
	// *pipeline.TransientError leaves the measurement in progress.
	Measure(ctx context.Context, in Look) (Outcome, error)
}

// Ender is a Provider that can take back what a measurement in progress has begun.
type Ender interface {
	// End is called when the measurement is given up. It is tried once.
	End(ctx context.Context, in Look) error
}

// Look is what a Provider sees of the run it measures for.
type Look struct {
	// Run is the head of the run, without its metrics.
	Run pipeline.VerificationRun
	// Metric is the metric's name, Number counts its measurements from 1, leaving out
	// errors.
	Metric string
	Number int
	// Config is the provider's, with all arguments filled in. It may hold secrets.
	Config map[string]any
	// State is what an earlier look of the same measurement left, nil for the first.
	State json.RawMessage
	// Interval is how often the metric wants to be looked at, zero where it does not say.
	Interval time.Duration
	// Since is when the measurement began.
	Since, Now time.Time

	secret   func(ctx context.Context, name string) (string, error)
	remember func(ctx context.Context, state any) error
	hide     func(value string)
}

// Repo is the repository that the run's commit is in.
func (in Look) Repo() pipeline.Repo {
	owner, name, ok := strings.Cut(in.Run.CommitRepo, "/")
	if !ok || in.Run.Repo.Slug() == strings.ToLower(in.Run.CommitRepo) {
		return in.Run.Repo
	}
	return pipeline.Repo{Owner: owner, Name: name}
}

// Secret reads a secret of the pipeline. Its value never reaches what is recorded.
func (in Look) Secret(ctx context.Context, name string) (string, error) { return in.secret(ctx, name) }

// Hide keeps a value that is secret out of what is recorded.
func (in Look) Hide(value string) { in.hide(value) }

// Remember makes state durable before an effect outside. The caller gives up at once
// when it fails.
func (in Look) Remember(ctx context.Context, state any) error { return in.remember(ctx, state) }

// Decode reads the configuration into a pointer to a struct; a field it does not
// have is an error that no retry mends.
func (in Look) Decode(into any) error {
	data, err := json.Marshal(in.Config)
	if err != nil {
		return Permanent(fmt.Errorf("configuration: %w", err))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return Permanent(fmt.Errorf("configuration: %s", strings.TrimPrefix(err.Error(), "json: ")))
	}
	return nil
}

// Outcome is what a look has shown.
type Outcome struct {
	// Wait is set while the measurement is in progress; the fields below except State,
	// Message and URL are then not looked at.
	Wait *Wait
	// State is handed to the next look of the same measurement.
	State any
	// Value is what conditions see as result, Text how it is shown; empty means as JSON.
	Value any
	Text  string
	// Phase is the measurement's if the metric has no conditions; empty means Successful.
	Phase pipeline.VerificationPhase
	// Message says in a few words what was seen, URL where people see it.
	Message, URL string
}

// Wait says when a measurement in progress is looked at again.
type Wait struct {
	// After is from now; zero means the metric's interval, else the Runner's for polling.
	After time.Duration
	// On are the events that end the wait early.
	On []string
}

// permanentError ends a metric at once.
type permanentError struct{ err error }

// Error implements error.
func (e *permanentError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks an error that no further measurement would mend: the metric ends
// as Error although its limit of errors is not reached.
func Permanent(err error) error { return &permanentError{err} }

func isPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// stopError ends the whole pass: what happened could not be recorded.
type stopError struct{ err error }

// Error implements error.
func (e *stopError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *stopError) Unwrap() error { return e.err }
