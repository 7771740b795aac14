package edit

import (
	"fmt"
	"strings"
	"unicode"
)

// doubleQuoted writes any string on one line, in a form that YAML 1.1, YAML 1.2
// and (but for characters that are beyond 16 bits and not printable) JSON readers
// agree on.
func doubleQuoted(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case quotable(r):
			b.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// singleQuoted writes s in single quotes, which have no escapes. It reports
// false if s holds characters that need some.
func singleQuoted(s string) (string, bool) {
	for _, r := range s {
		if !quotable(r) {
			return "", false
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'", true
}

// quotable reports whether r may stand in quotes as itself and be seen by people.
func quotable(r rune) bool { return unicode.IsPrint(r) && r != '\ufeff' }
