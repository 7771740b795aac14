package edit

import (
	"errors"
	"fmt"
)

// SetJSON sets values in a JSON file by the rules of Kargo's json-update, and
// changes no byte besides theirs. Keys have the syntax of SetYAML's, except that a
// colon inside a segment needs no escape.
//
// What is missing is created, in compact form behind its last sibling: members,
// parents (a list where the next segment is an index, else a map) and, with null
// in the gaps, elements of lists; the index -1 appends. A map, a list or a scalar that
// is in the way is replaced. An empty file is taken for an empty document. Updates are
// made one after another; null cannot be written. On error, which joins one *Error per
// bad update, out is nil.
//
// Kargo's wildcards are no part of this: a name with an unescaped * or ? is only ever
// looked up, never created.
func SetJSON(src []byte, updates []Update) (out []byte, changes []Change, err error) {
	f := jsonFormat()
	d, requests, err := f.requests(src, updates)
	if err != nil {
		return nil, nil, err
	}
	out = src
	var errs []error
	for i, r := range requests {
		if i > 0 {
			// The edit before, made or refused, has taken the tree apart.
			if d, err = f.open(out); err != nil {
				return nil, nil, err
			}
		}
		after, change, err := d.setJSON(r)
		if err != nil {
			errs = append(errs, err)
		}
		if change != nil {
			out, changes = after, append(changes, *change)
		}
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	return out, changes, nil
}

// maxPadding bounds how many elements are added to a list to reach an index.
const maxPadding = 1000

// setJSON makes one update. Without error, a nil change means that the file holds
// the value.
func (d *document) setJSON(r request) ([]byte, *Change, error) {
	at, missing, err := d.reach(r)
	if err != nil {
		return nil, nil, err
	}
	line, _ := place(d.src, at.at.start)
	change := &Change{Key: r.Key, New: r.Value, Line: line}
	if at.kind == scalar && len(missing) == 0 {
		if at.value == r.Value {
			return nil, nil, nil
		}
		change.Old = at.plain()
	}
	edit, err := at.attach(missing, r.Value)
	if err != nil {
		return nil, nil, d.fail(at, r.Key, ErrTarget, "%v", err)
	}
	out, err := d.commit([]splice{edit}, d.root)
	if err != nil {
		return nil, nil, err
	}
	return out, change, nil
}

// reach follows a key as far as it exists and returns the rest of it.
func (d *document) reach(r request) (at *node, missing []segment, err error) {
	at = d.root
	for i, seg := range r.segments {
		var next *node
		switch at.kind {
		case table:
			parent := describe(r.segments[:i])
			if next, err = d.member(at, r.Key, seg.name, parent); err != nil {
				return nil, nil, err
			}
			if next == nil && seg.wild {
				return nil, nil, d.fail(at, r.Key, ErrNotFound, "there is no %q in %s, and * and ? are no wildcards here; write a backslash before them to create it",
					seg.name, parent)
			}
		case list:
			idx, ok := seg.index()
			if !ok || idx < -1 {
				return d.refuseIndex(at, r, i)
			}
			if idx >= 0 && idx < len(at.items) {
				next = at.items[idx]
			}
		case scalar:
		}
		if next == nil {
			return at, r.segments[i:], nil
		}
		at = next
	}
	return at, nil, nil
}

func (d *document) refuseIndex(at *node, r request, i int) (*node, []segment, error) {
	return nil, nil, d.fail(at, r.Key, ErrNotFound, "%s is a list of length %d, so %q must be an index, or -1 to append",
		describe(r.segments[:i]), len(at.items), r.segments[i].name)
}

// attach puts a value beneath n, or in its place, and returns the splice that does
// so in the file.
func (n *node) attach(missing []segment, value any) (splice, error) {
	if len(missing) == 0 || n.kind == scalar {
		made, err := created(missing, value)
		if err != nil {
			return splice{}, err
		}
		edit := splice{n.at, made.text()}
		made.at = n.at
		*n = *made
		return edit, nil
	}
	made, err := created(missing[1:], value)
	if err != nil {
		return splice{}, err
	}
	end, text := n.at.start+1, ""
	if len(n.items) > 0 {
		end, text = n.items[len(n.items)-1].at.end, ","
	}
	if n.kind == table {
		n.put(missing[0].name, made)
		return splice{span{end, end}, text + jsonString(missing[0].name) + ":" + made.text()}, nil
	}
	added, err := padded(missing[0], len(n.items), made)
	if err != nil {
		return splice{}, err
	}
	elements := (&node{kind: list, items: added}).text()
	n.items = append(n.items, added...)
	return splice{span{end, end}, text + elements[1:len(elements)-1]}, nil
}

// created is the tree of maps and lists that a key asks for where nothing is.
func created(missing []segment, value any) (*node, error) {
	if len(missing) == 0 {
		return &node{value: value}, nil
	}
	inner, err := created(missing[1:], value)
	if err != nil {
		return nil, err
	}
	seg := missing[0]
	if idx, ok := seg.index(); ok && idx >= -1 {
		items, err := padded(seg, 0, inner)
		return &node{kind: list, items: items}, err
	}
	if seg.wild {
		return nil, fmt.Errorf("%q cannot be created, because * and ? are no wildcards here; write a backslash before them", seg.name)
	}
	return &node{kind: table, names: []string{seg.name}, items: []*node{inner}}, nil
}

// padded is what is appended to a list of the given length so that last stands at
// the index.
func padded(seg segment, length int, last *node) ([]*node, error) {
	idx, _ := seg.index()
	if idx == -1 {
		idx = length
	}
	if idx-length > maxPadding {
		return nil, fmt.Errorf("index %s is more than %d behind the end of a list of length %d", seg.name, maxPadding, length)
	}
	var items []*node
	for range idx - length {
		items = append(items, &node{})
	}
	return append(items, last), nil
}
