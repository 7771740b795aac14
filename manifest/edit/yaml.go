package edit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Update asks for one value.
type Update struct {
	// Key addresses a scalar in the first document by Kargo's rules: segments are
	// separated by dots; `\.` and `\:` stand for a dot and a colon in a name; an
	// integer indexes a sequence; a colon at the start of a segment says that it
	// is a mapping key although it looks like an index.
	Key string
	// Value is nil, a bool, a string, any integer or float type, or a json.Number.
	Value any
	// FollowAliases permits the edit of a value that other places share through
	// an anchor, so that they change with it. Without it such an edit is an error.
	FollowAliases bool
}

// Change is one value that was changed.
type Change struct {
	// Key is the address, in the syntax of Update.Key.
	Key string
	// Old and New are nil, bool, string, int64, uint64 or float64. A key that was
	// added has Old nil, one that was removed has New nil.
	Old, New any
	// Line is where the value stood before the edit, 1-based; for added keys, the
	// line that they were added to or after.
	Line int
}

// SetYAML sets scalars in the first document of a YAML file and changes no byte
// besides theirs. All updates are checked before any is made: on error, which
// joins one *Error per bad update, out is nil. The last of several updates of one
// value wins.
//
// Quotes and block style are kept where the new value allows; a string that some
// YAML reader would take for another type is quoted; numbers are written without
// exponent. Keys are never created. A value that the file already holds yields
// no Change and no change of bytes, so SetYAML is idempotent.
func SetYAML(src []byte, updates []Update) (out []byte, changes []Change, err error) {
	type request struct {
		Update
		segments []segment
		path     []*yaml.Node
	}
	requests := make([]request, 0, len(updates))
	var errs []error
	for _, u := range updates {
		segments, err := parseKey(u.Key)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if u.Value, err = normalizeYAML(u.Value); err != nil {
			errs = append(errs, &Error{Key: u.Key, Msg: err.Error(), Err: ErrValue})
			continue
		}
		requests = append(requests, request{Update: u, segments: segments})
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	s, err := parseSource(src)
	if err != nil {
		return nil, nil, err
	}
	cmp := newComparer()
	for i, r := range requests {
		path, err := s.lookup(r.Key, r.segments, false)
		if err == nil {
			err = s.editable(path, r.Update)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		requests[i].path = path
		cmp.want[path[len(path)-1]] = r.Value
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	var splices []splice
	done := map[*yaml.Node]bool{}
	for _, r := range slices.Backward(requests) {
		n := r.path[len(r.path)-1]
		if done[n] || holds(n, r.Value) {
			done[n] = true
			continue
		}
		done[n] = true
		edit, err := s.setScalar(r.path, r.Key, r.Value)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		splices = append(splices, edit...)
		old, _ := scalarValue(n)
		changes = append(changes, Change{Key: r.Key, Old: old, New: r.Value, Line: n.Line})
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	slices.Reverse(changes)
	if len(changes) == 0 {
		return src, nil, nil
	}
	out, err = s.commit(splices, cmp.streams)
	if err != nil {
		return nil, nil, err
	}
	return out, changes, nil
}

// GetYAML returns the value at key in the first document: nil, bool, string,
// int64, uint64 or float64 for scalars (dates are returned as their text), and
// what yaml.Unmarshal makes of it for mappings and sequences. It reads through
// aliases, but does not follow merge keys.
func GetYAML(src []byte, key string) (any, error) {
	segments, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	s, err := parseSource(src)
	if err != nil {
		return nil, err
	}
	path, err := s.lookup(key, segments, true)
	if err != nil {
		return nil, err
	}
	n := path[len(path)-1]
	if n.Kind == yaml.ScalarNode {
		v, err := scalarValue(n)
		if err != nil {
			return nil, fail(n, key, ErrSyntax, "%s", err)
		}
		return v, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fail(n, key, ErrSyntax, "%s", err)
	}
	return v, nil
}

// HoldsYAML reports whether the scalar at key already is value, so that SetYAML
// would have nothing to do. Errors are those of GetYAML, or ErrValue.
func HoldsYAML(src []byte, key string, value any) (bool, error) {
	want, err := normalizeYAML(value)
	if err != nil {
		return false, &Error{Key: key, Msg: err.Error(), Err: ErrValue}
	}
	segments, err := parseKey(key)
	if err != nil {
		return false, err
	}
	s, err := parseSource(src)
	if err != nil {
		return false, err
	}
	path, err := s.lookup(key, segments, true)
	if err != nil {
		return false, err
	}
	n := path[len(path)-1]
	return n.Kind == yaml.ScalarNode && holds(n, want), nil
}

// normalizeYAML is normalize without the integers that YAML readers round.
func normalizeYAML(v any) (any, error) {
	v, err := normalize(v)
	if n, ok := v.(json.Number); ok {
		return nil, fmt.Errorf("readers of YAML would round the number %s; give it as a string", shorten(n.String()))
	}
	return v, err
}

// editable says why the addressed node may not be set, if it may not.
func (s *source) editable(path []*yaml.Node, u Update) error {
	n := path[len(path)-1]
	switch n.Kind {
	case yaml.MappingNode:
		return fail(n, u.Key, ErrTarget, "the target is a mapping, not a single value")
	case yaml.SequenceNode:
		return fail(n, u.Key, ErrTarget, "the target is a sequence, not a single value")
	default: // a single value, or an alias for one
	}
	if u.FollowAliases {
		return nil
	}
	if anchor, alias := aliasInto(s.docs[0], path); alias != nil {
		return fail(n, u.Key, ErrTarget, "the value is shared: *%s on line %d refers to the anchor on line %d and would change too",
			alias.Value, alias.Line, anchor.Line)
	}
	return nil
}

// aliasInto returns an alias in the document to one of the nodes on a path.
func aliasInto(doc *yaml.Node, path []*yaml.Node) (anchor, alias *yaml.Node) {
	anchored := map[*yaml.Node]bool{}
	for _, n := range path {
		if n.Anchor != "" {
			anchored[n] = true
		}
	}
	if len(anchored) == 0 {
		return nil, nil
	}
	var walk func(*yaml.Node) *yaml.Node
	walk = func(n *yaml.Node) *yaml.Node {
		if n.Kind == yaml.AliasNode && anchored[n.Alias] {
			return n
		}
		for _, c := range n.Content {
			if found := walk(c); found != nil {
				return found
			}
		}
		return nil
	}
	if alias = walk(doc); alias == nil {
		return nil, nil
	}
	return alias.Alias, alias
}

// setScalar returns the splices that make the last node of a path hold value.
func (s *source) setScalar(path []*yaml.Node, key string, value any) ([]splice, error) {
	n := path[len(path)-1]
	flow := false
	for _, p := range path[:len(path)-1] {
		flow = flow || p.Style&yaml.FlowStyle != 0
	}
	at, ok := s.scalarSpan(n)
	if !ok {
		return nil, fail(n, key, ErrRefused, "the extent of the value cannot be determined safely")
	}
	str, isString := value.(string)
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && len(path) > 1 {
		b := s.blockAt(at.start, n, path[len(path)-2].Column-1)
		if isString {
			if splices, ok := s.rewriteBlock(b, str); ok {
				return splices, nil
			}
			return s.replaceBlock(b, doubleQuoted(str)), nil
		}
		return s.replaceBlock(b, literal(value)), nil
	}
	style := n.Style
	if flow && s.isJSON() {
		style |= yaml.DoubleQuotedStyle
	}
	text := literalOrString(value, style, flow)
	if isEmptyValue(n) && at.start > 0 && !isBlank(rune(s.src[at.start-1])) {
		text = " " + text
	}
	return []splice{{at, text}}, nil
}

func literalOrString(value any, style yaml.Style, flow bool) string {
	str, isString := value.(string)
	switch {
	case !isString:
		return literal(value)
	case style&yaml.SingleQuotedStyle != 0:
		if quoted, ok := singleQuoted(str); ok {
			return quoted
		}
	case style&yaml.DoubleQuotedStyle == 0 && plainSafe(str, flow):
		return str
	}
	return doubleQuoted(str)
}

// commit makes the splices, parses the result and has it compared with what was.
func (s *source) commit(splices []splice, compare func(before, after *source) error) ([]byte, error) {
	refused := func(why error) error {
		return &Error{Msg: fmt.Sprintf("the file is left alone, because the edit would not be exact: %v", why), Err: ErrRefused}
	}
	out, ok := applySplices(s.src, splices)
	if !ok {
		return nil, refused(errors.New("two edits overlap"))
	}
	after, err := parseSource(out)
	if err != nil {
		return nil, refused(err)
	}
	if s.isJSON() && !after.isJSON() {
		return nil, refused(errors.New("the file would no longer be JSON"))
	}
	if err := compare(s, after); err != nil {
		return nil, refused(err)
	}
	return out, nil
}
