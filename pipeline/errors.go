package pipeline

import (
	"errors"
	"time"
)

// UserError may be shown to the person who asked: it names the rule, the
// evidence and what to do next. Every other error is shown as an internal error.
type UserError struct {
	// Message says what is wrong and what was observed, without a full stop.
	Message string
	// Hint is the next command or change, empty when there is none.
	Hint string
	// Err is the cause, possibly nil.
	Err error
}

// Error implements error.
func (e *UserError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// Unwrap returns the cause.
func (e *UserError) Unwrap() error { return e.Err }

// TransientError marks a fault of the outside world (a 5xx, a rate limit, a
// broken connection) that says nothing about the work itself. The engine waits
// and tries again without counting an attempt.
type TransientError struct {
	// RetryAfter is how long the other side asked to be left alone; zero means
	// that the caller's own backoff applies.
	RetryAfter time.Duration
	Err        error
}

// Error implements error.
func (e *TransientError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TransientError) Unwrap() error { return e.Err }

// IsTransient reports whether err is or wraps a [TransientError], and how long
// the other side asked to wait.
func IsTransient(err error) (retryAfter time.Duration, ok bool) {
	var t *TransientError
	if errors.As(err, &t) {
		return t.RetryAfter, true
	}
	return 0, false
}
