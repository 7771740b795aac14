package kargofile

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// maxShown is how many characters of a line of the file are shown.
const maxShown = 100

// Render prints the problems like a compiler: place, severity and message, then the
// line of the file with what is meant underlined. src is the file that was parsed.
// Control characters are escaped, so that nothing in the file can drive a terminal.
func (ps Problems) Render(w io.Writer, name string, src []byte) error {
	s := newSource(src)
	var b strings.Builder
	errs, warnings := 0, 0
	for _, p := range ps {
		word := "error"
		if p.Severity == Warning {
			word = "warn "
			warnings++
		} else {
			errs++
		}
		fmt.Fprintf(&b, "%s:%d:%d  %s  %s\n", printable(name), p.Line, p.Column, word, printable(p.Message))
		s.show(&b, p)
	}
	if len(ps) > 0 {
		b.WriteString(count(errs, "error") + ", " + count(warnings, "warning") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// show prints a line of the file and an underline that ends in the advice.
func (s *source) show(b *strings.Builder, p Problem) {
	runes := []rune(s.line(p.Line))
	from := min(p.Column-1, len(runes))
	to := min(max(p.EndColumn-1, from), len(runes))
	start := 0
	prefix, suffix := "", ""
	if from > maxShown*3/4 {
		start = from - maxShown/2
		prefix = "..."
	}
	end := len(runes)
	if end > start+maxShown {
		end = start + maxShown
		suffix = "..."
	}
	to = min(to, end)
	before := prefix + printable(string(runes[start:from]))
	marked := printable(string(runes[from:max(from, to)]))
	after := printable(string(runes[max(from, to):end])) + suffix
	b.WriteString(strings.TrimRight(fmt.Sprintf("%5d | %s", p.Line, before+marked+after), " ") + "\n")
	underline := strings.Repeat(" ", width(before)) + strings.Repeat("^", max(1, width(marked)))
	if a := p.advice(); a != "" {
		underline += "  " + printable(a)
	}
	fmt.Fprintf(b, "      | %s\n", underline)
}

// printable escapes what would move a terminal's cursor or hide text.
func printable(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case hidden(r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

// width counts columns; East Asian characters and emoji take two.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), r >= 0x1F300 && r <= 0x1FAFF, r >= 0xFF01 && r <= 0xFF60:
			n += 2
		default:
			n++
		}
	}
	return n
}
