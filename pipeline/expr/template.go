package expr

import (
	"fmt"
	"strings"
)

const (
	maxTemplate   = 1 << 20
	maxExpression = 8 << 10
)

// delimiters are tried in this order only where both open at the same place,
// which cannot happen; the one that opens first wins.
var delimiters = [...]struct{ open, close string }{
	{"${{", "}}"},
	{"${%", "%}"},
}

// part is a piece of a template: literal text, or the source of an expression.
type part struct {
	source     string
	offset     int // of source in the template, in bytes
	expression bool
}

// HasExpression reports whether s contains an opening delimiter, so that
// evaluating it can give anything but s itself.
func HasExpression(s string) bool {
	for _, d := range delimiters {
		if strings.Contains(s, d.open) {
			return true
		}
	}
	return false
}

// split cuts a template into literal text and expressions. The closing delimiter is
// looked for in the plain text, so an expression ends at it even inside a string literal.
func split(template string) ([]part, error) {
	if len(template) > maxTemplate {
		return nil, &Error{Message: fmt.Sprintf("template of %d bytes is longer than %d", len(template), maxTemplate)}
	}
	var parts []part
	for at := 0; ; {
		start, which := -1, 0
		for i, d := range delimiters {
			if found := strings.Index(template[at:], d.open); found >= 0 && (start < 0 || at+found < start) {
				start, which = at+found, i
			}
		}
		if start < 0 {
			return append(parts, part{source: template[at:], offset: at}), nil
		}
		open, closing := delimiters[which].open, delimiters[which].close
		from := start + len(open)
		length := strings.Index(template[from:], closing)
		if length < 0 {
			return nil, &Error{
				Offset:  start,
				Message: fmt.Sprintf("unclosed expression: %q has no %q after it", open, closing),
			}
		}
		if length > maxExpression {
			return nil, &Error{
				Offset:  start,
				Message: fmt.Sprintf("expression of %d bytes is longer than %d", length, maxExpression),
			}
		}
		parts = append(parts, part{source: template[at:start], offset: at})
		if length > 0 { // Kargo takes ${{}} for no text at all
			parts = append(parts, part{source: template[from : from+length], offset: from, expression: true})
		}
		at = from + length + len(closing)
	}
}
