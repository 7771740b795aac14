package tree

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Change is one path that differs between two trees. A zero mode means that
// nothing is there on that side.
type Change struct {
	Path             string
	OldMode, NewMode Mode
	Old, New         Hash
}

// Added reports whether the path exists only on the new side.
func (c Change) Added() bool { return c.OldMode == 0 }

// Deleted reports whether the path exists only on the old side.
func (c Change) Deleted() bool { return c.NewMode == 0 }

// Diff returns the files that differ between two trees of a repository, sorted
// by path. It reads only trees that differ, one batch for each level, and no
// blobs; renames are a deletion and an addition. A zero hash is the empty tree.
func Diff(ctx context.Context, src Source, a, b Hash) ([]Change, error) {
	return diff(ctx, func(ctx context.Context, hashes []Hash) (map[Hash][]Entry, error) {
		return sourceEntries(ctx, src, hashes)
	}, a, b, nil)
}

func sourceEntries(ctx context.Context, src Source, hashes []Hash) (map[Hash][]Entry, error) {
	out := make(map[Hash][]Entry, len(hashes))
	var want []Hash
	for _, h := range hashes {
		if h == EmptyTree {
			out[h] = nil
		} else if _, ok := out[h]; !ok {
			out[h] = nil
			want = append(want, h)
		}
	}
	if len(want) == 0 {
		return out, nil
	}
	got, err := src.Objects(ctx, want)
	if err != nil {
		return nil, err
	}
	for _, h := range want {
		o, ok := got[h]
		if !ok {
			return nil, fmt.Errorf("tree %s: %w", h, ErrNoObject)
		}
		if o.Kind != Tree {
			return nil, fmt.Errorf("object %s is not a tree", h)
		}
		if out[h], err = DecodeTree(o.Data); err != nil {
			return nil, fmt.Errorf("tree %s: %w", h, err)
		}
	}
	return out, nil
}

// dirPair is a directory on both sides; a zero hash is an absent one.
type dirPair struct {
	path string
	a, b Hash
}

// diff walks both trees level by level. With whole, a directory that exists on
// the old side only, or whose new tree satisfies whole, is not expanded.
func diff(
	ctx context.Context,
	read func(context.Context, []Hash) (map[Hash][]Entry, error),
	a, b Hash,
	whole func(Hash) bool,
) ([]Change, error) {
	if a.IsZero() {
		a = EmptyTree
	}
	if b.IsZero() {
		b = EmptyTree
	}
	var out []Change
	var level []dirPair
	if a != b {
		level = []dirPair{{a: a, b: b}}
	}
	for len(level) > 0 {
		var want []Hash
		for _, d := range level {
			for _, h := range [...]Hash{d.a, d.b} {
				if !h.IsZero() {
					want = append(want, h)
				}
			}
		}
		trees, err := read(ctx, want)
		if err != nil {
			return nil, fmt.Errorf("diff trees: %w", err)
		}
		var next []dirPair
		for _, d := range level {
			for _, c := range pairEntries(trees[d.a], trees[d.b]) {
				if d.path != "" {
					c.Path = d.path + "/" + c.Path
				}
				files, dir := c.divide(whole)
				out = append(out, files...)
				if dir != nil {
					next = append(next, *dir)
				}
			}
		}
		level = next
	}
	slices.SortFunc(out, func(x, y Change) int { return strings.Compare(x.Path, y.Path) })
	return out, nil
}

// divide separates what is settled about a path from the directories that must
// be looked into.
func (c Change) divide(whole func(Hash) bool) ([]Change, *dirPair) {
	var files []Change
	dir := dirPair{path: c.Path}
	file := c
	if c.OldMode.IsDir() {
		dir.a, file.OldMode, file.Old = c.Old, 0, Hash{}
	}
	if c.NewMode.IsDir() {
		dir.b, file.NewMode, file.New = c.New, 0, Hash{}
	}
	if whole != nil && (c.OldMode.IsDir() || c.NewMode.IsDir()) {
		if c.NewMode == 0 || (c.NewMode.IsDir() && c.OldMode == 0 && whole(c.New)) {
			return []Change{c}, nil
		}
	}
	if file.OldMode != 0 || file.NewMode != 0 {
		files = append(files, file)
	}
	if dir.a.IsZero() && dir.b.IsZero() {
		return files, nil
	}
	return files, &dir
}

// pairEntries merges two directories' entries into the names that differ.
func pairEntries(a, b []Entry) []Change {
	byName := make(map[string]Change, 8)
	var order []string
	i, j := 0, 0
	note := func(e Entry, isNew bool) {
		c, ok := byName[e.Name]
		if !ok {
			c.Path = e.Name
			order = append(order, e.Name)
		}
		if isNew {
			c.NewMode, c.New = e.Mode, e.Hash
		} else {
			c.OldMode, c.Old = e.Mode, e.Hash
		}
		byName[e.Name] = c
	}
	for i < len(a) || j < len(b) {
		switch {
		case j == len(b):
			note(a[i], false)
			i++
		case i == len(a):
			note(b[j], true)
			j++
		default:
			switch c := compareEntries(a[i], b[j]); {
			case c < 0:
				note(a[i], false)
				i++
			case c > 0:
				note(b[j], true)
				j++
			default:
				if a[i] != b[j] {
					note(a[i], false)
					note(b[j], true)
				}
				i, j = i+1, j+1
			}
		}
	}
	out := make([]Change, len(order))
	for k, name := range order {
		out[k] = byName[name]
	}
	return out
}
