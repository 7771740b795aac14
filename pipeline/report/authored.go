package report

import (
	"regexp"
	"strings"
)

// Authored returns Markdown that the author of a pipeline wrote with expressions in
// it, as it may be sent to GitHub: template is what they wrote, text what it was
// evaluated to. It stays Markdown. But only those are mentioned whom the template
// names outside of its expressions, because what expressions bring in, such as
// commit messages, was written by anybody; and nothing in it passes for one of our
// hidden marks.
func Authored(text, template string) string {
	named := map[string]bool{}
	for _, m := range mention.FindAllStringSubmatch(interpolation.ReplaceAllString(template, "\x00"), -1) {
		named[strings.ToLower(m[2])] = true
	}
	text = unmark(text)
	var b strings.Builder
	rest := 0
	for _, at := range ampersat.FindAllStringIndex(text, -1) {
		if at[0] > 0 && isAlphanumeric(text[at[0]-1]) {
			continue // within a word, such as a mail address or an image with a digest
		}
		name := handle.FindString(text[at[1]:])
		if text[at[0]:at[1]] == "@" && named[strings.ToLower(name)] && name != "" {
			continue
		}
		b.WriteString(text[rest:at[1]])
		b.WriteString(joiner)
		rest = at[1]
	}
	b.WriteString(text[rest:])
	return b.String()
}

var (
	// interpolation finds expressions with either delimiter.
	interpolation = regexp.MustCompile(`(?s)\$\{\{.*?\}\}|\$\{%.*?%\}`)
	// ampersat finds what GitHub shows as an at sign, as itself or as an HTML entity.
	ampersat = regexp.MustCompile(`(?i)@|&(?:#0*64|#x0*40|commat);?`)
	// handle is the name of a person or a team behind an at sign.
	handle  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*(?:/[A-Za-z0-9][A-Za-z0-9_-]*)?`)
	mention = regexp.MustCompile(`(^|[^A-Za-z0-9])@([A-Za-z0-9][A-Za-z0-9-]*(?:/[A-Za-z0-9][A-Za-z0-9_-]*)?)`)
)

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
