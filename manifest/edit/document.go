package edit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// kind is what a node is.
type kind int

const (
	scalar kind = iota // a value without parts: a string, a number, a date, an expression
	list
	table
)

// node is one value of a JSON, TOML or HCL document, with the bytes that hold it.
// The YAML editor has the parser's own tree instead.
type node struct {
	kind kind
	// at is where the value stands. What has no bytes of its own, such as a TOML
	// table, is placed at the key that introduces it.
	at span
	// raw is the text of a scalar. Empty means that only the value matters.
	raw string
	// value is a scalar's, as normalize gives it, or opaque.
	value any
	// names are a table's keys, in the order of items.
	names []string
	items []*node
	// blocks marks a list of HCL blocks that share type and labels.
	blocks bool
}

// opaque is a scalar that is none of the JSON types, by its text.
type opaque string

// format is what tells one kind of file from another.
type format struct {
	name  string
	limit int // bytes of a file
	// parse returns the tree of a file without byte order mark. Offsets count from
	// its start. Errors are *Error with a place.
	parse func(src []byte) (*node, error)
	// write returns the text that holds value in place of a scalar, or an error
	// if the format cannot hold it.
	write func(old *node, value any) (string, error)
	key   func(key string) ([]segment, error)
}

// document is a parsed file.
type document struct {
	format format
	mark   []byte // the byte order mark, if there is one
	src    []byte // the rest
	root   *node
}

func (f format) open(src []byte) (*document, error) {
	if err := checkText(src, f.limit); err != nil {
		return nil, err
	}
	d := &document{format: f, src: src}
	if rest, ok := bytes.CutPrefix(src, []byte(bom)); ok {
		d.mark, d.src = src[:len(bom)], rest
	}
	var err error
	if d.root, err = f.parse(d.src); err != nil {
		return nil, err
	}
	return d, nil
}

// checkText refuses files that are too large or not text.
func checkText(src []byte, limit int) error {
	if len(src) > limit {
		return &Error{Msg: fmt.Sprintf("the file has %d bytes, more than the limit of %d", len(src), limit), Err: ErrSyntax}
	}
	if !utf8.Valid(src) {
		line := 1 + bytes.Count(src[:firstInvalid(src)], []byte("\n"))
		return &Error{Line: line, Msg: "the file is not valid UTF-8", Err: ErrSyntax}
	}
	return nil
}

// place returns the line and the column, in characters, of an offset.
func place(src []byte, off int) (line, column int) {
	before := src[:min(max(off, 0), len(src))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

// fail places an error at a node.
func (d *document) fail(n *node, key string, sentinel error, format string, args ...any) *Error {
	line, column := place(d.src, n.at.start)
	return &Error{Key: key, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Err: sentinel}
}

// lookup returns the node that a key addresses.
func (d *document) lookup(key string, segments []segment) (*node, error) {
	at := d.root
	for i := range segments {
		next, err := d.child(at, key, segments, i)
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

func (d *document) child(n *node, key string, segments []segment, i int) (*node, error) {
	seg, parent := segments[i], describe(segments[:i])
	switch n.kind {
	case list:
		idx, ok := seg.index()
		switch {
		case !ok && n.blocks:
			return nil, d.fail(n, key, ErrTarget, "there are %d blocks %s; write an index from 0 before %q to say which", len(n.items), parent, seg.name)
		case !ok:
			return nil, d.fail(n, key, ErrNotFound, "%s is a list of length %d, so %q must be an index", parent, len(n.items), seg.name)
		case idx < 0 || idx >= len(n.items):
			return nil, d.fail(n, key, ErrNotFound, "index %s is out of range: %s has length %d", seg.name, parent, len(n.items))
		}
		return n.items[idx], nil
	case table:
		found, err := d.member(n, key, seg.name, parent)
		if err != nil || found != nil {
			return found, err
		}
		return nil, d.absent(n, key, seg.name, parent)
	default:
		return nil, d.fail(n, key, ErrNotFound, "%s is a single value and has nothing called %q in it", parent, seg.name)
	}
}

// member returns the value under a name, or nil if there is none.
func (d *document) member(n *node, key, name, parent string) (*node, error) {
	i := slices.Index(n.names, name)
	if i < 0 {
		return nil, nil
	}
	if j := slices.Index(n.names[i+1:], name); j >= 0 {
		return nil, d.fail(n.items[i+1+j], key, ErrTarget, "%q stands more than once in %s, so which one is meant is not clear", name, parent)
	}
	return n.items[i], nil
}

func (d *document) absent(n *node, key, name, parent string) error {
	msg := fmt.Sprintf("there is no %q in %s", name, parent)
	names := slices.DeleteFunc(slices.Clone(n.names), hidden)
	if near := nearest(name, names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return d.fail(n, key, ErrNotFound, "%s", msg)
}

// hide makes a name that no key addresses.
func hide(name string) string { return "\x00" + name }

func hidden(name string) bool { return strings.HasPrefix(name, "\x00") }

// get returns the scalar under a key.
func (f format) get(src []byte, key string) (any, error) {
	segments, err := f.key(key)
	if err != nil {
		return nil, err
	}
	d, err := f.open(src)
	if err != nil {
		return nil, err
	}
	n, err := d.lookup(key, segments)
	if err != nil {
		return nil, err
	}
	if n.kind != scalar {
		return nil, d.fail(n, key, ErrTarget, "the target is a %s, not a single value", n.kind)
	}
	return n.plain(), nil
}

// plain is a scalar's value for people and callers: what is opaque, by its text.
func (n *node) plain() any {
	if o, ok := n.value.(opaque); ok {
		return string(o)
	}
	return n.value
}

// String names the kind in messages.
func (k kind) String() string {
	switch k {
	case list:
		return "list"
	case table:
		return "map"
	default:
		return "single value"
	}
}
