package command

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what is looked at. GitHub allows 65,536 characters in a comment.
const (
	maxBody     = 65536 * utf8.UTFMax
	maxCommands = 10
	maxDepth    = 100
	maxLine     = 2000 // bytes of one command line
	maxWords    = 32
	maxWord     = 256
	maxReason   = 500 // characters
)

// code shows a stranger's word in a reply: in a code span, from which nothing can
// break out, shortened, and with everything but plain ASCII made visible.
func code(word string) string {
	short := word
	if utf8.RuneCountInString(word) > 60 {
		short = string([]rune(word)[:60]) + "..."
	}
	quoted := strconv.QuoteToASCII(short)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	return "`" + strings.ReplaceAll(quoted, "`", "'") + "`"
}

// badCharacter describes the first character of a command's words that does not
// belong there, or returns "". Names are plain ASCII throughout, so that no two
// that look alike can differ.
func badCharacter(s string) string {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" \t-_./:@+=~,", r):
			continue
		case r == utf8.RuneError:
			return "bytes that are not valid UTF-8"
		case r == '–' || r == '—' || r == '‒' || r == '―' || r == '−' || r == '‐' || r == '‑':
			return fmt.Sprintf("the dash %U, probably put there by autocorrection; type `-` or `--`", r)
		case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
			return fmt.Sprintf("the special space %U; type a plain space", r)
		case invisible(r):
			return fmt.Sprintf("the invisible character %U; delete it and type the word again", r)
		case unicode.IsLetter(r) && r > unicode.MaxASCII:
			return fmt.Sprintf("the letter %U, which is none of a to z although it may look like one", r)
		case r > unicode.MaxASCII || r == '`':
			return fmt.Sprintf("the character %U", r)
		default:
			return fmt.Sprintf("the character `%c`", r)
		}
	}
	return ""
}

// badReason is badCharacter for a reason, which may be in any language, but may
// not reorder or hide the text around it.
func badReason(s string) string {
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			return "bytes that are not valid UTF-8"
		case r == '\t', r == '\u200c', r == '\u200d', unicode.Is(unicode.Variation_Selector, r):
			continue // these shape letters and emoji
		case invisible(r):
			return fmt.Sprintf("the invisible character %U", r)
		}
	}
	return ""
}

func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r)
}

// visible removes what cannot be seen, to recognise a command in spite of it.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if invisible(r) && r != '\t' {
			return -1
		}
		return r
	}, s)
}
