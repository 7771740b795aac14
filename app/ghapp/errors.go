package ghapp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/pipeline"
)

// faultError is an exchange whose outcome is not known.
type faultError struct {
	method, path string
	status       int // 0 without an answer
	err          error
}

// Error names the request.
func (e *faultError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("%s %s: %v", e.method, e.path, e.err)
	}
	return fmt.Sprintf("%s %s: GitHub answered %d %s", e.method, e.path, e.status, http.StatusText(e.status))
}

// Unwrap returns the connection's error.
func (e *faultError) Unwrap() error { return e.err }

// limitError is a request that was not carried out because of a rate limit.
type limitError struct {
	why  string
	wait time.Duration
}

// Error says which limit.
func (e *limitError) Error() string {
	return fmt.Sprintf("%s; next request in %s", e.why, e.wait.Round(time.Second))
}

// unsentError is what kept a request from being sent.
type unsentError struct{ err error }

// Error implements error.
func (e *unsentError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *unsentError) Unwrap() error { return e.err }

// uncertain reports whether a request may have had its effect although there is
// no proper answer.
func uncertain(err error) bool {
	var unsent *unsentError
	if errors.As(err, &unsent) {
		return false
	}
	var f *faultError
	return errors.As(err, &f)
}

// status returns the status of GitHub's refusal, 0 for any other error.
func status(err error) int {
	var e *github.ErrorResponse
	if errors.As(err, &e) && e.Response != nil {
		return e.Response.StatusCode
	}
	return 0
}

// says reports whether GitHub's refusal contains the words, in its message or in
// one of its details. It is used only where GitHub gives nothing else to go by.
func says(err error, words string) bool {
	return strings.Contains(strings.ToLower(message(err)), strings.ToLower(words))
}

// message is what GitHub said, with its details.
func message(err error) string {
	var e *github.ErrorResponse
	if !errors.As(err, &e) {
		return ""
	}
	parts := []string{e.Message}
	for _, d := range e.Errors {
		switch {
		case d.Message != "":
			parts = append(parts, d.Message)
		case d.Field != "":
			parts = append(parts, d.Field+" is "+d.Code)
		}
	}
	return strings.Join(parts, ": ")
}

// explain turns what go-github returned into what this package promises.
func explain(err error) error {
	var primary *github.RateLimitError
	if errors.As(err, &primary) {
		return &pipeline.TransientError{Err: &limitError{why: primary.Message}}
	}
	var secondary *github.AbuseRateLimitError
	if errors.As(err, &secondary) {
		return &pipeline.TransientError{RetryAfter: secondary.GetRetryAfter(), Err: &limitError{why: secondary.Message, wait: secondary.GetRetryAfter()}}
	}
	if status(err) != http.StatusForbidden {
		return err
	}
	if says(err, "suspended") {
		return fmt.Errorf("%w: %w", suspended(), err)
	}
	if says(err, "resource not accessible by integration") || says(err, "`workflows` permission") {
		return &pipeline.UserError{Message: "GitHub refuses: " + message(err), Hint: missing(err), Err: err}
	}
	return err
}

// missing names the permission that a refused request needs.
func missing(err error) string {
	var e *github.ErrorResponse
	if errors.As(err, &e) && e.Response != nil {
		if need := e.Response.Header.Get("X-Accepted-GitHub-Permissions"); need != "" {
			return "the App needs the permission " + need + ", and the installation must accept it"
		}
	}
	if says(err, "workflows") {
		return "the App needs the permission workflows=write to change workflow files"
	}
	return "check the App's permissions and whether the installation covers the repository"
}

// isAccepted recognises a 202, which go-github returns as an error.
func isAccepted(err error) bool {
	var accepted *github.AcceptedError
	return errors.As(err, &accepted)
}
