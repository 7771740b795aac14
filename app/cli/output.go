package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// checkOutput says whether --output has one of the valid values.
func checkOutput(got string, valid ...string) error {
	if slices.Contains(valid, got) {
		return nil
	}
	return usageErrorf("--output %q: expected one of %s", got, strings.Join(valid, ", "))
}

func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// align writes text whose cells are separated by tabs, without the blanks that
// would pad the end of a line. Lines without a tab end a table.
func align(w io.Writer, text string) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = io.WriteString(table, text) // a strings.Builder takes everything
	_ = table.Flush()
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// printable escapes what would control a terminal or reorder what it shows, so
// that a stranger's text stays one piece of one line.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// printableText is printable for text of several lines. Tabs stay, and line ends
// as they are.
func printableText(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		end := len(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
		if line[end:] == "\r" {
			end++
		}
		for i, part := range strings.Split(line[:end], "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(printable(part))
		}
		b.WriteString(line[end:])
	}
	return b.String()
}

// count is "1 file" or "2 files".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
