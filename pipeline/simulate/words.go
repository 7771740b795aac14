package simulate

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe names a value for a message that says it is of the wrong form.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "empty"
	}
	return strconv.Quote(cut(n.Value))
}

// cut shortens outside text for use in a message.
func cut(s string) string {
	const limit = 80
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "..."
}

// join extends a path by a key.
func join(path, key string) string {
	key = cut(key)
	switch {
	case strings.ContainsAny(key, ".[] "):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// last is the end of a path, as the subject of a sentence.
func last(path string) string {
	if path == "" {
		return "the scenario"
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}
