package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// explain turns what go-containerregistry returned for a question about repo into
// an error that callers can tell apart. about is the tag or digest, empty for the
// repository as a whole.
func explain(err error, repo name.Repository, about string, why func(host string) error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var (
		transient *pipeline.TransientError
		refusal   *pipeline.UserError
		answered  *transport.Error
		keychain  *keychainError
	)
	switch {
	case errors.As(err, &keychain):
		return explainKeychain(err, repo.RegistryStr())
	case errors.As(err, &answered):
		return explainAnswer(answered, repo, about, why(repo.RegistryStr()))
	case errors.As(err, &transient): // before a refusal: HTTPS was down, and then plain HTTP refused
		return &pipeline.TransientError{RetryAfter: transient.RetryAfter, Err: fmt.Errorf("registry %s: %w", repo.RegistryStr(), safe(transient.Err))}
	case errors.As(err, &refusal):
		return refusal
	case unknownHost(err):
		return &pipeline.UserError{Message: "registry " + repo.RegistryStr() + " does not exist: its name has no address", Err: safe(err)}
	case errors.Is(err, context.DeadlineExceeded):
		return &pipeline.TransientError{Err: fmt.Errorf("registry %s: %w", repo.RegistryStr(), safe(err))}
	}
	return fmt.Errorf("registry %s: %w", repo.RegistryStr(), safe(err))
}

// credentialsHint says where credentials may come from.
const credentialsHint = "store credentials for it with kargo credentials add, or give the server some in its configuration or Docker's" //nolint:gosec // an advice, not a credential

// hint adds what became of the machine's own identity.
func hint(why error) string {
	if why == nil {
		return credentialsHint
	}
	return credentialsHint + " (" + printable(why.Error()) + ")"
}

func unknownHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

func explainAnswer(e *transport.Error, repo name.Repository, about string, why error) error {
	cause := &answerError{message: printable(e.Error()), status: e.StatusCode}
	switch e.StatusCode {
	case http.StatusNotFound:
		if about != "" && !says(e, transport.NameUnknownErrorCode) {
			return fmt.Errorf("%s:%s: %w", repo.Name(), about, discover.ErrNotFound)
		}
		return &pipeline.UserError{
			Message: fmt.Sprintf("registry %s has no repository %s, or hides it", repo.RegistryStr(), repo.RepositoryStr()),
			Hint:    "check the name; if it is right, " + hint(why),
			Err:     cause,
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &pipeline.UserError{
			Message: fmt.Sprintf("registry %s refused access to %s", repo.RegistryStr(), repo.RepositoryStr()),
			Hint:    hint(why),
			Err:     cause,
		}
	}
	return fmt.Errorf("registry %s: %w", repo.RegistryStr(), cause)
}

func says(e *transport.Error, code transport.ErrorCode) bool {
	for _, d := range e.Errors {
		if d.Code == code {
			return true
		}
	}
	return false
}

// refused reports whether the registry did not accept our credentials.
func refused(err error) bool {
	var e *transport.Error
	return errors.As(err, &e) && (e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden)
}

// answerError is an answer that is no success, in printable and bounded form.
type answerError struct {
	message string
	status  int
}

func (e *answerError) Error() string { return e.message }

// safe returns err without the query of the URL that it names, which may carry a
// token or a signature, and without its cause if that cannot be printed as it is.
func safe(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return &plainError{message: printable(err.Error()), err: err}
	}
	where := ""
	if parsed, parseErr := url.Parse(u.URL); parseErr == nil {
		where = " " + bare(parsed)
	}
	return &plainError{message: printable(strings.ToUpper(u.Op) + where + ": " + u.Err.Error()), err: u.Err}
}

// plainError prints a message of our own in place of its cause's.
type plainError struct {
	message string
	err     error
}

func (e *plainError) Error() string { return e.message }

func (e *plainError) Unwrap() error { return e.err }

// printable bounds text that a registry may have written, and drops what would
// break a log line or a comment.
func printable(s string) string {
	const most = 300
	out := make([]rune, 0, most)
	for _, r := range strings.ToValidUTF8(s, "") {
		if len(out) == most {
			return string(out) + "..."
		}
		if unicode.IsControl(r) {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}
