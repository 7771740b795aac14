package edit

import (
	"regexp"
	"strings"
	"unicode"
)

// lookalike matches plain scalars that some reader of YAML 1.1, YAML 1.2 or JSON
// takes for something other than a string: null, booleans, numbers (with
// underscores, other bases, base 60), dates, merge and value keys.
var lookalike = regexp.MustCompile(`^(?i:` + strings.Join([]string{
	`~|null|nil|y|n|yes|no|on|off|true|false|<<|=`,
	`[-+]?[0-9][0-9_,]*`,
	`[-+]?0[xob][0-9a-f_]+`,
	`[-+]?(\.[0-9_]+|[0-9][0-9_]*\.[0-9_.]*|[0-9][0-9_]*)(e[-+]?[0-9_]*)?`,
	`[-+]?0x[0-9a-f_.]+(p[-+]?[0-9_]*)?`,
	`[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`,
	`[-+]?\.?(inf|infinity|nan)`,
	`[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t \t].*)?`,
}, "|") + `)$`)

// versionNumber matches what the float rule above catches only because YAML 1.1
// once allowed several dots; no reader in use does, and versions are the most
// promoted value there is.
var versionNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+){2,}$`)

// plainSafe reports whether s may stand without quotes, as a string, in a block
// or flow collection. It is stricter than the grammar: quoting costs nothing.
func plainSafe(s string, flow bool) bool {
	if s == "" || s != strings.TrimSpace(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || r == '\ufeff' {
			return false
		}
	}
	switch s[0] {
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	case '-', '?', ':':
		if len(s) == 1 || !isWordByte(s[1]) {
			return false
		}
	case '=', '<':
		return false
	}
	if strings.Contains(s, ": ") || strings.HasSuffix(s, ":") || strings.Contains(s, " #") ||
		strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return false
	}
	if flow && (s[0] == ':' || strings.ContainsAny(s, ",[]{}?\"'") || strings.Contains(s, "::")) {
		return false
	}
	return !lookalike.MatchString(s) || versionNumber.MatchString(s)
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '/' || c == '.'
}
