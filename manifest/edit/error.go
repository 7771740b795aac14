package edit

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrKey marks a key that is not well formed. The file was not looked at.
	ErrKey = errors.New("malformed key")
	// ErrValue marks a value that cannot be written as one scalar.
	ErrValue = errors.New("unusable value")
	// ErrSyntax marks a file that is not the expected kind of document.
	ErrSyntax = errors.New("malformed file")
	// ErrNotFound marks a key, an index or a file that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrTarget marks something that exists but may not be edited: a mapping, an
	// alias, a key that stands twice.
	ErrTarget = errors.New("not editable")
	// ErrRefused marks an edit that was computed but would have changed something
	// besides its target, so that it was thrown away.
	ErrRefused = errors.New("edit refused")
)

// Error says what is wrong with a file or a request, and where. It wraps one of
// the sentinels of this package.
type Error struct {
	// Key is the key as the caller wrote it; empty when no key is involved.
	Key string
	// Line and Column are 1-based and count characters. Line is 0 when the error
	// is not about a place in the file; Column is 0 when only the line is known.
	Line, Column int
	// Msg may be shown to the author of the file.
	Msg string
	// Err is the sentinel that classifies the error.
	Err error
}

// Error puts the place first, as compilers do.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Line > 0 && e.Column > 0:
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	case e.Line > 0:
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, "key %q: ", e.Key)
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }
