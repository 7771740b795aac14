package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Code returns s as a Markdown code span on one line that s cannot leave: the
// fence is longer than any run of backticks in s, and control characters, pipes
// of tables included, are made harmless.
func Code(s string) string {
	s = oneLine(s, 200)
	if s == "" {
		return "` `"
	}
	longest, run := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	// A pipe ends a table cell even within a code span unless it is escaped.
	s = strings.ReplaceAll(s, "|", `\|`)
	if longest > 0 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// markdown are the characters that mean something in GitHub's Markdown.
const markdown = "\\`*_{}[]()<>#+-.!|~@:&$=\"'"

// Text returns s as plain text on one line: every character with a meaning in
// Markdown is escaped, and mentions and issue references are broken by a
// zero-width joiner so that nobody is notified and nothing is linked.
func Text(s string) string {
	s = oneLine(s, 300)
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '@' || r == '#':
			b.WriteByte('\\')
			b.WriteRune(r)
			b.WriteRune('\u2060')
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '.' || r == '-' || r == ':':
			// Harmless inside a line; "www." and "http:" autolinks and list
			// markers are not.
			if strings.HasPrefix(strings.ToLower(s[:i]+string(r)), "www.") || r == ':' || i == 0 || endsWithWord(s[:i], "www") {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case strings.ContainsRune(markdown, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func endsWithWord(s, word string) bool {
	return strings.HasSuffix(strings.ToLower(s), word)
}

// oneLine removes line breaks and what cannot be seen, and cuts after limit
// characters.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.In(r, unicode.Cf):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit-1]) + "…"
	}
	return s
}

// fenced returns s as a code block of the given language that s cannot leave.
func fenced(language, s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(s, "\n") + "\n" + fence + "\n"
}
