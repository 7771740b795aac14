package edit

import (
	"errors"
	"fmt"
)

// set replaces scalars that exist. The last of several updates of one value wins.
func (f format) set(src []byte, updates []Update) (out []byte, changes []Change, err error) {
	d, requests, err := f.requests(src, updates)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	targets := map[*node]int{} // by the request that wins
	for i, r := range requests {
		n, err := d.lookup(r.Key, r.segments)
		if err == nil && n.kind != scalar {
			err = d.fail(n, r.Key, ErrTarget, "the target is a %s, not a single value", n.kind)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		requests[i].node = n
		targets[n] = i
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	var splices []splice
	for i, r := range requests {
		if targets[r.node] != i || r.node.value == r.Value {
			continue
		}
		text, err := f.write(r.node, r.Value)
		if err != nil {
			errs = append(errs, d.fail(r.node, r.Key, ErrValue, "%v", err))
			continue
		}
		splices = append(splices, splice{r.node.at, text})
		line, _ := place(d.src, r.node.at.start)
		changes = append(changes, Change{Key: r.Key, Old: r.node.plain(), New: r.Value, Line: line})
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	if len(changes) == 0 {
		return src, nil, nil
	}
	for n, i := range targets {
		if n.value != requests[i].Value {
			*n = node{value: requests[i].Value, at: n.at}
		}
	}
	if out, err = d.commit(splices, d.root); err != nil {
		return nil, nil, err
	}
	return out, changes, nil
}

// request is an Update whose key and value are understood.
type request struct {
	Update
	segments []segment
	node     *node
}

func (f format) requests(src []byte, updates []Update) (*document, []request, error) {
	var errs []error
	requests := make([]request, 0, len(updates))
	for _, u := range updates {
		segments, err := f.key(u.Key)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if u.Value, err = normalize(u.Value); err == nil && u.Value == nil {
			err = errors.New("give a string, a number or a bool; null is none of them")
		}
		if err != nil {
			errs = append(errs, &Error{Key: u.Key, Msg: err.Error(), Err: ErrValue})
			continue
		}
		requests = append(requests, request{Update: u, segments: segments})
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	d, err := f.open(src)
	return d, requests, err
}

// commit makes the splices, parses the result and refuses it unless it is the
// tree that is wanted.
func (d *document) commit(splices []splice, want *node) ([]byte, error) {
	refused := func(why error) error {
		return &Error{Msg: fmt.Sprintf("the file is left alone, because the edit would not be exact: %v", why), Err: ErrRefused}
	}
	out, ok := applySplices(d.src, splices)
	if !ok {
		return nil, refused(errors.New("two edits overlap"))
	}
	after, err := d.format.open(out)
	if err != nil {
		return nil, refused(err)
	}
	if err := d.equal(want, after.root); err != nil {
		return nil, refused(err)
	}
	return append(d.mark[:len(d.mark):len(d.mark)], out...), nil
}

// equal returns an error that names the first place where the tree got is not
// the tree want. Scalars that were not to change must not do so in a single byte.
func (d *document) equal(want, got *node) error {
	different := func(how string) error {
		line, _ := place(d.src, want.at.start)
		return fmt.Errorf("line %d would %s", line, how)
	}
	switch {
	case want.kind != got.kind || len(want.items) != len(got.items),
		want.kind == scalar && want.raw != "" && want.raw != got.raw:
		return different("change too")
	case want.kind == scalar && want.value != got.value:
		return different("not hold the new value")
	}
	for i := range want.items {
		if want.kind == table && want.names[i] != got.names[i] {
			return different("change too")
		}
		if err := d.equal(want.items[i], got.items[i]); err != nil {
			return err
		}
	}
	return nil
}
