package simulate

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Write says for people what became of the scenario: one line if everything holds,
// else every failure with its place, what was expected, what was observed and why.
func (r *Result) Write(w io.Writer) error {
	var b strings.Builder
	failures := r.Failures()
	if len(failures) == 0 {
		fmt.Fprintf(&b, "ok    %s (%s)\n", printable(r.Title()), count(r.Checked, "expectation"))
		_, err := io.WriteString(w, b.String())
		return err
	}
	fmt.Fprintf(&b, "FAIL  %s\n", printable(r.Title()))
	for _, e := range r.Entries {
		if len(e.Failures) == 0 {
			continue
		}
		name := e.Name
		if name != "" {
			name = ": " + name
		}
		fmt.Fprintf(&b, "  %s:%d: at %s%s\n", printable(r.File), e.Line, stamp(e.At), printable(name))
		for _, f := range e.Failures {
			fmt.Fprintf(&b, "    %s:%d:%d: %s\n", printable(r.File), f.Line, f.Column, printable(f.What))
			fmt.Fprintf(&b, "      - expected: %s\n      + observed: %s\n", printable(f.Want), printable(f.Got))
			for _, why := range f.Why {
				if why != "" {
					fmt.Fprintf(&b, "        %s\n", printable(why))
				}
			}
		}
		e.history(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Title is the scenario's name, or its file.
func (r *Result) Title() string {
	if r.Name != "" {
		return r.File + ": " + r.Name
	}
	return r.File
}

// history is what was decided and done since the entry before.
func (e Played) history(b *strings.Builder) {
	const most = 30
	var lines []string
	for _, rec := range e.Records {
		for _, a := range rec.Actions {
			lines = append(lines, stamp(rec.Time)+"  decided: "+a)
		}
		if rec.Did != "" {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s  %s%s %s", stamp(rec.Time), rec.Promotion, rec.Verification, rec.Did)))
		}
	}
	if len(lines) == 0 {
		b.WriteString("    nothing was decided in this entry\n")
		return
	}
	b.WriteString("    what happened in this entry:\n")
	if n := len(lines) - most; n > 0 {
		fmt.Fprintf(b, "      ... %d more\n", n)
		lines = lines[n:]
	}
	for _, line := range lines {
		fmt.Fprintf(b, "      %s\n", printable(line))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// printable escapes what would control a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029':
			return '\ufffd'
		}
		return r
	}, s)
}
