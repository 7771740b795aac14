package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kargo-app/kargo/manifest/edit"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// planValues finds out what a string item has to do.
func (p *patchItem) planValues(ctx context.Context) error {
	s := p.String
	want, err := leavesAt(ctx, p.from.Place, s.From, s.Key)
	if err != nil {
		return at(s.From, err)
	}
	if len(want.order) == 0 {
		return fmt.Errorf("%s: nothing stands under %s", s.From, s.Key)
	}
	work, err := leavesAt(ctx, p.to.Place, s.To, s.target())
	format, _ := edit.FormatOf(s.To) // Validate has seen it
	if err != nil && (!format.Creates() || !errors.Is(err, edit.ErrNotFound)) {
		return at(s.To, err)
	}
	if err := p.sameShape(want, work, format); err != nil {
		return err
	}
	head, err := leavesAt(ctx, p.to.head(), s.To, s.target())
	if err != nil && !unreadable(err) {
		return at(s.To, err)
	}
	for _, key := range want.order {
		p.units = append(p.units, &patchUnit{
			item: p, path: p.to.Path, key: edit.JoinKeys(s.target(), key),
			want: want.states[key], head: head.states[key], work: work.states[key],
		})
	}
	return nil
}

// unreadable reports whether a file says nothing about a value: it is not there, or
// makes no sense.
func unreadable(err error) bool {
	var e *edit.Error
	return errors.As(err, &e) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrNotDir)
}

// sameShape refuses a target that has other values under the key than the source.
// Keys are created in JSON only, and removed nowhere.
func (p *patchItem) sameShape(want, work leaves, format edit.Format) error {
	s := p.String
	for _, key := range want.order {
		if _, ok := work.states[key]; !ok && !format.Creates() {
			return fmt.Errorf("%s lacks %s, which %s has; keys are not created in %s: add it, or promote the whole file",
				s.To, edit.JoinKeys(s.target(), key), s.From, format)
		}
	}
	for _, key := range work.order {
		if _, ok := want.states[key]; !ok {
			return fmt.Errorf("%s has %s, which %s lacks; keys are not removed: remove it, or promote the whole file",
				s.To, edit.JoinKeys(s.target(), key), s.From)
		}
	}
	return nil
}

// leaves are the values under a key, by their keys relative to it.
type leaves struct {
	order  []string
	states map[string]patchState
}

func leavesAt(ctx context.Context, p tree.Place, name, key string) (leaves, error) {
	src, err := p.FS.ReadFile(ctx, p.Path)
	if err != nil {
		return leaves{}, err
	}
	format, _ := edit.FormatOf(name)
	found, err := format.Leaves(src, key)
	if err != nil {
		return leaves{}, err
	}
	all := leaves{states: make(map[string]patchState, len(found))}
	for _, l := range found {
		all.order = append(all.order, l.Key)
		all.states[l.Key] = valueState(l.Value)
	}
	return all, nil
}

// typed is the value again.
func (s patchState) typed() (any, error) { return exactValue(json.RawMessage(s[1:])) }

// writeValues sets the values of all items, each file once.
func (r *patching) writeValues(ctx context.Context) error {
	type file struct {
		place patchPlace
		name  string
		set   []edit.Update
	}
	var files []*file
	byPlace := map[tree.Place]*file{}
	for _, item := range r.items {
		if item.String == nil {
			continue
		}
		f := byPlace[item.to.Place]
		if f == nil {
			f = &file{place: item.to, name: item.String.To}
			byPlace[item.to.Place], files = f, append(files, f)
		}
		for _, u := range item.units {
			if u.kept || u.work == u.want {
				continue
			}
			value, err := u.want.typed()
			if err != nil {
				return fmt.Errorf("%s: %w", u.key, err)
			}
			f.set = append(f.set, edit.Update{Key: u.key, Value: value})
		}
	}
	for _, f := range files {
		if len(f.set) == 0 {
			continue
		}
		src, err := f.place.FS.ReadFile(ctx, f.place.Path)
		if err != nil {
			return at(f.name, err)
		}
		format, _ := edit.FormatOf(f.name)
		out, _, err := format.Set(src, f.set)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := f.place.FS.WriteFile(ctx, f.place.Path, out, 0); err != nil {
			return at(f.name, err)
		}
	}
	return nil
}
