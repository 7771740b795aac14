package edit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// segment is one step of a key.
type segment struct {
	name string
	// mapKey is set by a leading colon: never take the name for an index.
	mapKey bool
	// wild is set by an unescaped * or ? in a key for JSON.
	wild bool
}

// index returns the segment as a sequence index, if it is written as one.
func (s segment) index() (int, bool) {
	if s.mapKey {
		return 0, false
	}
	digits := strings.TrimPrefix(s.name, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	i, err := strconv.Atoi(s.name)
	if err != nil {
		// Too large for an int, hence outside every sequence.
		return int(^uint(0) >> 1), true
	}
	return i, true
}

// parseKey splits a key by Kargo's rules: dots separate; `\.` and `\:` are the
// only escapes (any other backslash is itself); a colon may stand unescaped only
// at the start of a segment, where it forces a mapping key; blanks around the
// whole key are trimmed.
func parseKey(key string) ([]segment, error) { return splitKey(key, false) }

// parseJSONKey splits a key as Kargo's json-update does. Unlike parseKey it lets a
// colon stand inside a segment, takes any character after a backslash as it is, and
// notes what is a wildcard to the library that Kargo uses.
func parseJSONKey(key string) ([]segment, error) { return splitKey(key, true) }

func splitKey(key string, json bool) ([]segment, error) {
	bad := func(format string, args ...any) ([]segment, error) {
		return nil, &Error{Key: key, Msg: fmt.Sprintf(format, args...), Err: ErrKey}
	}
	if !utf8.ValidString(key) {
		return bad("the key is not valid UTF-8")
	}
	trimmed := strings.TrimSpace(key)
	if trimmed == "" {
		return nil, &Error{Msg: "the key is empty", Err: ErrKey}
	}
	var (
		segments []segment
		current  segment
		name     strings.Builder
		started  bool
	)
	finish := func() bool {
		if name.Len() == 0 {
			return false
		}
		current.name = name.String()
		segments = append(segments, current)
		current, started = segment{}, false
		name.Reset()
		return true
	}
	for i := 0; i < len(trimmed); i++ {
		c := trimmed[i]
		switch {
		case c == '\\' && i+1 < len(trimmed) && (json || trimmed[i+1] == '.' || trimmed[i+1] == ':'):
			i++
			name.WriteByte(trimmed[i])
			started = true
		case c == '.':
			if !finish() {
				return bad("there is an empty segment before the dot at position %d; write `\\.` for a dot inside a name", i+1)
			}
		case c == ':' && !started:
			current.mapKey, started = true, true
		case c == ':' && !json:
			return bad("the colon at position %d must be written `\\:`; a bare colon may only start a segment", i+1)
		default:
			current.wild = current.wild || json && (c == '*' || c == '?')
			name.WriteByte(c)
			started = true
		}
	}
	if !finish() {
		return bad("the last segment is empty")
	}
	return segments, nil
}

// joinKey is the inverse of parseKey.
func joinKey(names ...string) string {
	escape := strings.NewReplacer(".", `\.`, ":", `\:`)
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = escape.Replace(n)
	}
	return strings.Join(out, ".")
}
