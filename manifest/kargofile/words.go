package kargofile

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe names a value for a message that says it is of the wrong type.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
	default:
		return "something else"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!bool", "!!int", "!!float":
		return cut(n.Value)
	case "!!str":
		return "the string " + quoted(n.Value)
	case "!!timestamp":
		return "the date " + cut(n.Value)
	}
	return "a value with the tag " + cut(n.ShortTag())
}

const maxQuoted = 60

// cut shortens outside text for use in a message.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxQuoted {
		return s
	}
	return string([]rune(s)[:maxQuoted]) + "..."
}

// cutMessage shortens a message of somebody else, which may quote outside text.
func cutMessage(s string) string {
	const limit = 500
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "..."
	}
	return s
}

func quoted(s string) string { return strconv.Quote(cut(s)) }

// join extends a path by a key.
func join(path, key string) string {
	key = cut(key)
	if strings.ContainsAny(key, ".[] ") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// last returns the last part of a path, as the subject of a sentence.
func last(path string) string {
	name := path[strings.LastIndexByte(path, '.')+1:]
	if list, _, isItem := strings.Cut(name, "["); isItem && list != "" {
		return "an item of " + list
	}
	return name
}

func subject(path, what string) string {
	if path == "" {
		return "the file"
	}
	if strings.HasSuffix(path, "]") {
		return what
	}
	return last(path)
}

// shortDuration prints a duration without zero parts: 1h instead of 1h0m0s.
func shortDuration(v time.Duration) string {
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
