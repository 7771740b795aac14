package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a fault in one expression, at compile time or at run time.
type Error struct {
	// Offset is where in the template (or bare expression) the fault is, in bytes.
	Offset int
	// Expression is the source between the delimiters, without surrounding space.
	Expression string
	// Message says what is wrong, without a position.
	Message string
	// Err is the cause, where there is one.
	Err error
}

// Error quotes the expression, shortened, and says what is wrong with it.
func (e *Error) Error() string {
	if e.Expression == "" {
		return e.Message
	}
	return fmt.Sprintf("expression %q: %s", shorten(e.Expression), e.Message)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Position turns a byte offset into text into a line and a column, both counted
// from 1, the column in characters. An offset outside text means its nearer end.
func Position(text string, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	line = strings.Count(before, "\n") + 1
	return line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
