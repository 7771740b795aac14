package gitrepo

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline/tree"
)

var (
	// ErrRefNotFound says that a branch, tag or other reference is absent.
	ErrRefNotFound = errors.New("no such reference")
	// ErrStale says that a reference did not have the expected old value:
	// somebody else pushed first.
	ErrStale = errors.New("reference has moved")
	// ErrTooLarge says that a server sent, or would have to send, more than
	// the configured limit.
	ErrTooLarge = errors.New("response exceeds the size limit")
	// ErrNotFound says that a repository is absent or hidden from us.
	ErrNotFound = errors.New("repository not found")
	// ErrDenied says that the server refused our credentials.
	ErrDenied = errors.New("access denied")
	// ErrReadOnly says that a local clone is not written to.
	ErrReadOnly = errors.New("a local clone is read only")
	// ErrNoObject says that the repository lacks an object.
	ErrNoObject = tree.ErrNoObject
)

// errShallow says that an object is absent from a clone that is not complete.
var errShallow = errors.New("the clone is shallow")

// HTTPError is an answer that is not a success. It matches ErrNotFound and
// ErrDenied by its status.
type HTTPError struct {
	Status int
	// Message is the beginning of the answer, printable.
	Message string
}

// Error names the status.
func (e *HTTPError) Error() string {
	s := fmt.Sprintf("HTTP %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Is matches the sentinel of the status.
func (e *HTTPError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound || e.Status == http.StatusGone
	case ErrDenied:
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	default:
		return false
	}
}

// RejectedError says that a server did not update a reference. It matches
// ErrStale when the reason was a lost race.
type RejectedError struct {
	Ref    string
	Reason string
	Stale  bool
}

// Error repeats the server's reason.
func (e *RejectedError) Error() string {
	return fmt.Sprintf("update of %s rejected: %s", e.Ref, e.Reason)
}

// Is matches ErrStale after a lost race.
func (e *RejectedError) Is(target error) bool { return target == ErrStale && e.Stale }

// serverError is what a server says in an ERR packet or on the error band.
type serverError struct{ message string }

func (e *serverError) Error() string { return "server says: " + e.message }
