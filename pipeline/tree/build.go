package tree

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// Build names the root tree of the current content and returns the objects
// that the repository lacks, each once, children before the trees that hold
// them, in a fixed order. Only trees on changed paths are rebuilt. Content
// equal to Base gives Base and no objects.
//
// It may read trees of Base that a removal bypassed, so that objects that were
// removed and written again are not sent.
func (f *FS) Build(ctx context.Context) (Hash, []Object, error) {
	root, err := f.seal(f.root)
	if err != nil {
		return Hash{}, nil, fmt.Errorf("build tree: %w", err)
	}
	objects, err := f.missing(ctx, f.base, root)
	if err != nil {
		return Hash{}, nil, fmt.Errorf("build tree: %w", err)
	}
	return root, objects, nil
}

// seal names a node and makes every object that it newly consists of local. It
// leaves the nodes as they are, because empty directories have no name in Git
// and yet exist until the end of the Promotion.
func (f *FS) seal(n *node) (Hash, error) {
	if !n.dirty {
		return n.hash, nil
	}
	entries := make([]Entry, 0, len(n.base)+len(n.over))
	for _, e := range n.base {
		if _, ok := n.over[e.Name]; !ok {
			entries = append(entries, e)
		}
	}
	for name, c := range n.over {
		if c == nil {
			continue
		}
		h, err := f.seal(c)
		if err != nil {
			return Hash{}, err
		}
		if c.mode.IsDir() && h == EmptyTree {
			continue
		}
		entries = append(entries, Entry{Name: name, Mode: c.mode, Hash: h})
	}
	return f.addTree(entries), nil
}

// addTree sorts entries and makes their tree readable.
func (f *FS) addTree(entries []Entry) Hash {
	slices.SortFunc(entries, compareEntries)
	data := EncodeTree(entries)
	h := HashObject(Tree, data)
	f.add(Object{Hash: h, Kind: Tree, Data: data})
	return h
}

// missing returns the local objects of root that are not part of base.
func (f *FS) missing(ctx context.Context, base, root Hash) ([]Object, error) {
	if base == root {
		return nil, nil
	}
	known := map[Hash]bool{base: true}
	for h, entries := range f.trees {
		if _, ok := f.local[h]; ok {
			continue
		}
		known[h] = true
		for _, e := range entries {
			known[e.Hash] = true
		}
	}
	if err := f.walkPairs(ctx, base, root, known); err != nil {
		return nil, err
	}
	if root == EmptyTree {
		return []Object{{Hash: EmptyTree, Kind: Tree}}, nil
	}
	var out []Object
	var visit func(h Hash) error
	visit = func(h Hash) error {
		o, ok := f.local[h]
		if !ok || known[h] {
			return nil
		}
		known[h] = true
		if o.Kind == Tree {
			entries, err := f.tree(ctx, h)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if err := visit(e.Hash); err != nil {
					return err
				}
			}
		}
		out = append(out, o)
		return nil
	}
	return out, visit(root)
}

// walkPairs adds to known what base holds beside the local trees of root, one
// batch of reads for each level.
func (f *FS) walkPairs(ctx context.Context, base, root Hash, known map[Hash]bool) error {
	pairs := [][2]Hash{{base, root}}
	for len(pairs) > 0 {
		var want []Hash
		for _, p := range pairs {
			want = append(want, p[0])
		}
		if err := f.fetch(ctx, want); err != nil {
			return err
		}
		var next [][2]Hash
		for _, p := range pairs {
			old, err := f.tree(ctx, p[0])
			if err != nil {
				return err
			}
			for _, e := range old {
				known[e.Hash] = true
			}
			now, err := f.tree(ctx, p[1])
			if err != nil {
				return err
			}
			for _, e := range now {
				o, isLocal := f.local[e.Hash]
				was, ok := findEntry(old, e.Name)
				if isLocal && o.Kind == Tree && ok && was.Mode.IsDir() && was.Hash != e.Hash {
					next = append(next, [2]Hash{was.Hash, e.Hash})
				}
			}
		}
		pairs = next
	}
	return nil
}

// Changes returns the files that differ from Base, sorted by path.
func (f *FS) Changes(ctx context.Context) ([]Change, error) {
	root, err := f.seal(f.root)
	if err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	return f.Diff(ctx, f.base, root)
}

// Diff returns the files that differ between two trees that are readable here:
// trees of the repository, or made by Build. Sorted by path.
func (f *FS) Diff(ctx context.Context, a, b Hash) ([]Change, error) {
	return diff(ctx, f.entries, a, b, nil)
}

// Patch is Diff in the fewest entries: a directory that was removed, or that
// was put in place as a tree the repository already has, is one entry with
// ModeDir. It is what GitHub's "create a tree" call takes.
func (f *FS) Patch(ctx context.Context, a, b Hash) ([]Change, error) {
	return diff(ctx, f.entries, a, b, func(h Hash) bool {
		_, ok := f.local[h]
		return !ok
	})
}

// Contents returns the new content of each change by its hash, in one batch.
func (f *FS) Contents(ctx context.Context, changes []Change) (map[Hash][]byte, error) {
	var want []Hash
	for _, c := range changes {
		if c.NewMode.IsRegular() || c.NewMode == ModeSymlink {
			want = append(want, c.New)
		}
	}
	out, err := f.Blobs(ctx, want...)
	if err != nil {
		return nil, err
	}
	for h, data := range out {
		out[h] = bytes.Clone(data)
	}
	return out, nil
}

// entries decodes trees in one batch.
func (f *FS) entries(ctx context.Context, hashes []Hash) (map[Hash][]Entry, error) {
	if err := f.fetch(ctx, hashes); err != nil {
		return nil, err
	}
	out := make(map[Hash][]Entry, len(hashes))
	for _, h := range hashes {
		e, err := f.tree(ctx, h)
		if err != nil {
			return nil, err
		}
		out[h] = e
	}
	return out, nil
}
