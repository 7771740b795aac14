package report

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// joiner breaks what GitHub would make a link or a mention of. It has no width
// and is taken out of all outside text, so that nobody else can use it.
const joiner = "\u2060"

// textLimit is the number of characters that [Text] keeps.
const textLimit = 500

// Text returns s as plain text on one line, safe in a paragraph, a list item, a
// table cell, the text of a link and an HTML element: nothing in it is Markdown
// or HTML, nobody is mentioned, nothing becomes a link. Ordinary words come
// back as they are.
func Text(s string) string {
	s = unlink(oneLine(s, textLimit))
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '|':
			// A backslash would be the table's in a table and ours elsewhere.
			b.WriteString("&#124;")
		case strings.ContainsRune("\\`*[]~$", r),
			r == '_' && !withinWord(s, i),
			i == 0 && strings.ContainsRune("#+-=:", r),
			(r == '.' || r == ')') && numbersItem(s, i):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// withinWord reports whether the byte at i stands between letters or digits,
// where an underscore is one.
func withinWord(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+1:])
	word := func(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	return word(before) && word(after)
}

// numbersItem reports whether the byte at i ends the number of a list item.
func numbersItem(s string, i int) bool {
	return i > 0 && strings.Trim(s[:i], "0123456789") == "" && (i+1 == len(s) || s[i+1] == ' ')
}

// linkable finds what GitHub turns into links, mentions and pictures in plain
// text, with the place to break it in front of the last group.
var linkable = []*regexp.Regexp{
	regexp.MustCompile(`(@)([^\s\x{2060}])`),          // people, teams, commits of others, mail addresses
	regexp.MustCompile(`(#)([0-9])`),                  // issues, here and elsewhere
	regexp.MustCompile(`(?i)(gh)(-[0-9])`),            // issues, the old way
	regexp.MustCompile(`(?i)(www)(\.)`),               // addresses without a scheme
	regexp.MustCompile(`(:)(//)`),                     // addresses with one
	regexp.MustCompile(`(?i)(:)([a-z0-9_+-]+:)`),      // emoji
	regexp.MustCompile(`(?i)(ghsa|cve)(-[a-z0-9])`),   // advisories
	regexp.MustCompile(`(?i)(mailto|xmpp|callto)(:)`), // other schemes
}

// word finds what GitHub may take for the name of a commit: it links 7 to 40
// hexadecimal digits that stand alone. An underscore counts as an end here, because
// it may become one when Markdown is rendered.
var word = regexp.MustCompile(`[0-9A-Za-z]+`)

// commitName reports whether a word has the form of a commit's name.
func commitName(s string) bool {
	return len(s) >= 7 && len(s) <= 40 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func breakUp(s string, at []*regexp.Regexp) string {
	for _, re := range at {
		for range 2 { // neighbours share a character
			s = re.ReplaceAllString(s, "${1}"+joiner+"${2}")
		}
	}
	return s
}

func unlink(s string) string {
	return word.ReplaceAllStringFunc(breakUp(s, linkable), func(name string) string {
		if !commitName(name) {
			return name
		}
		const most = 6
		var b strings.Builder
		for len(name) > most {
			b.WriteString(name[:most] + joiner)
			name = name[most:]
		}
		return b.String() + name
	})
}

// Code returns s as a code span on one line that s cannot leave, safe where
// [Text] is. Text with a pipe, which no code span can hold both inside a table
// and outside, comes back as plain text.
func Code(s string) string {
	s = oneLine(s, 200)
	switch {
	case s == "":
		return "–"
	case strings.Contains(s, "|"):
		return Text(s)
	}
	s = unmark(s)
	fence := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// longestRun returns the length of the longest run of backticks.
func longestRun(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// marker finds the beginning of a hidden mark of ours.
var marker = regexp.MustCompile(`(?i)<!--(\s*kargo)`)

// unmark breaks what looks like one of our hidden marks, by which the bot
// recognises what it wrote.
func unmark(s string) string { return marker.ReplaceAllString(s, "<!--"+joiner+"$1") }

// Link returns a link, or the bare text if the address is not one that people can
// be sent to: https, or http on this machine.
func Link(text, address string) string {
	if safe := safeURL(address); safe != "" {
		return "[" + Text(text) + "](" + safe + ")"
	}
	return Text(text)
}

// safeURL returns an address as it may stand in a Markdown link, or "".
func safeURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(address, hidden) {
		return ""
	}
	if local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"; u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("()<>\"'`\\|*_~[]{}^$", c) >= 0 {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// hidden reports whether a character cannot be seen or changes how others are:
// controls, bidirectional marks, joiners, tags.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// oneLine turns line breaks into spaces, removes what cannot be seen, and cuts
// after limit characters.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > limit {
		s = strings.TrimSpace(string([]rune(s)[:limit-1])) + "…"
	}
	return s
}

// plain is for places without Markdown that still notify people and close
// issues, such as titles and commit messages.
func plain(s string, limit int) string {
	s = oneLine(s, limit)
	s = breakUp(s, linkable[:3])
	if utf8.RuneCountInString(s) > limit {
		return string([]rune(s)[:limit-1]) + "…"
	}
	return s
}

// fenced returns s as a code block of the given language that s cannot leave.
func fenced(language, s string) string {
	s = unmark(strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && hidden(r) {
			return -1
		}
		return r
	}, s))
	fence := strings.Repeat("`", max(3, longestRun(s)+1))
	return fence + language + "\n" + strings.TrimRight(s, "\n") + "\n" + fence + "\n"
}
