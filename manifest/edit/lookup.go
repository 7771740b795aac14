package edit

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"
)

// lookup walks from the root of the first document along a key and returns all
// nodes on the way, the root first and the addressed node last. With deref it
// reads through aliases; without, an alias anywhere on the way is an error.
func (s *source) lookup(key string, segments []segment, deref bool) ([]*yaml.Node, error) {
	at := s.root()
	if at == nil {
		return nil, &Error{Key: key, Msg: "the file is empty", Err: ErrNotFound}
	}
	path := make([]*yaml.Node, 0, len(segments)+1)
	for i := 0; ; i++ {
		if at.Kind == yaml.AliasNode {
			if !deref {
				return nil, fail(at, key, ErrTarget, "%s is the alias *%s; edit the value at its anchor instead",
					describe(segments[:i]), at.Value)
			}
			at = at.Alias
		}
		path = append(path, at)
		if i == len(segments) {
			return path, nil
		}
		next, err := child(at, key, segments, i)
		if err != nil {
			return nil, err
		}
		at = next
	}
}

func child(n *yaml.Node, key string, segments []segment, i int) (*yaml.Node, error) {
	seg, parent := segments[i], describe(segments[:i])
	switch n.Kind {
	case yaml.SequenceNode:
		idx, ok := seg.index()
		if !ok {
			return nil, fail(n, key, ErrNotFound, "%s is a sequence of length %d, so %q must be an index", parent, len(n.Content), seg.name)
		}
		if idx < 0 || idx >= len(n.Content) {
			return nil, fail(n, key, ErrNotFound, "index %s is out of range: %s has length %d", seg.name, parent, len(n.Content))
		}
		return n.Content[idx], nil
	case yaml.MappingNode:
		return member(n, key, seg.name, parent)
	default:
		return nil, fail(n, key, ErrNotFound, "%s is a single value and has nothing called %q in it", parent, seg.name)
	}
}

func member(n *yaml.Node, key, name, parent string) (*yaml.Node, error) {
	var found *yaml.Node
	var names []string
	var merged bool
	for j := 0; j+1 < len(n.Content); j += 2 {
		k := n.Content[j]
		if k.Kind != yaml.ScalarNode {
			continue
		}
		if k.Value == name {
			if found != nil {
				return nil, fail(k, key, ErrTarget, "%q stands more than once in %s, so which one is meant is not clear", name, parent)
			}
			found = n.Content[j+1]
		}
		merged = merged || k.ShortTag() == "!!merge"
		names = append(names, k.Value)
	}
	if found != nil {
		return found, nil
	}
	msg := fmt.Sprintf("there is no %q in %s", name, parent)
	if near := nearest(name, names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	if merged {
		msg += " (merge keys, `<<`, are not followed)"
	}
	return nil, fail(n, key, ErrNotFound, "%s", msg)
}

func fail(n *yaml.Node, key string, sentinel error, format string, args ...any) *Error {
	return &Error{Key: key, Line: n.Line, Column: n.Column, Msg: fmt.Sprintf(format, args...), Err: sentinel}
}

// describe names a place in messages.
func describe(segments []segment) string {
	if len(segments) == 0 {
		return "the document"
	}
	names := make([]string, len(segments))
	for i, seg := range segments {
		names[i] = seg.name
	}
	return fmt.Sprintf("%q", joinKey(names...))
}

// nearest returns the name closest to got, if one is close enough to be a slip:
// two edits, one for a name of one or two bytes, or any difference in case.
func nearest(got string, names []string) string {
	best, bestDistance := "", min(2, (len(got)+1)/2)+1
	for _, name := range names {
		if strings.EqualFold(name, got) {
			return name
		}
		if max(len(name), len(got)) > 64 {
			continue
		}
		if d := levenshtein.ComputeDistance(got, name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}
