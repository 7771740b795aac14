package tree

import (
	"context"
	"io/fs"
	"reflect"
	"slices"
)

// transfer copies one path of an FS to a path of another, or of the same one,
// by placing hashes: blobs are read only where the two belong to different
// repositories.
type transfer struct {
	from, to *FS
	ignore   *ignorer
}

// Copy copies in to out inside one FS, with the rules of Workspace.Copy.
func (f *FS) Copy(ctx context.Context, in, out, ignore string) error {
	return copyPath(ctx, f, in, f, out, newIgnorer(ignore), nil)
}

// copyPath copies a file or directory. prefix is what the ignore patterns see
// before the path's own names.
func copyPath(ctx context.Context, from *FS, in string, to *FS, out string, ig *ignorer, prefix []string) error {
	_, n, err := from.resolve(ctx, split(in), true)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return pathError("copy", Clean(in), err)
	}
	if n.mode == ModeSubmodule {
		return nil
	}
	h, err := from.seal(n)
	if err != nil {
		return pathError("copy", Clean(in), err)
	}
	t := transfer{from: from, to: to, ignore: ig}
	e := Entry{Mode: n.mode, Hash: h}
	if n.mode.IsDir() {
		if e.Hash, err = t.filter(ctx, h, prefix); err != nil {
			return pathError("copy", Clean(in), err)
		}
		if e.Hash == EmptyTree {
			return to.MkdirAll(ctx, out)
		}
	}
	if err := t.carry(ctx, e); err != nil {
		return pathError("copy", Clean(in), err)
	}
	at, _, err := to.resolve(ctx, split(out), true)
	if err == nil {
		err = t.place(ctx, at, e)
	}
	if err != nil {
		return pathError("copy", Clean(out), err)
	}
	return nil
}

// filter names the tree that is left of h without links, submodules and
// ignored paths. The same tree comes back when nothing falls away.
func (t *transfer) filter(ctx context.Context, h Hash, prefix []string) (Hash, error) {
	if err := t.from.loadTrees(ctx, h); err != nil {
		return Hash{}, err
	}
	return t.filtered(ctx, h, prefix)
}

func (t *transfer) filtered(ctx context.Context, h Hash, at []string) (Hash, error) {
	entries, err := t.from.tree(ctx, h)
	if err != nil {
		return Hash{}, err
	}
	kept := make([]Entry, 0, len(entries))
	for _, e := range entries {
		parts := append(slices.Clone(at), e.Name)
		switch {
		case e.Mode == ModeSymlink, e.Mode == ModeSubmodule, isDotGit(e.Name), t.ignore.match(parts, e.Mode.IsDir()):
			continue
		case e.Mode.IsDir():
			if e.Hash, err = t.filtered(ctx, e.Hash, parts); err != nil {
				return Hash{}, err
			}
			if e.Hash == EmptyTree {
				continue
			}
		}
		kept = append(kept, e)
	}
	if slices.Equal(kept, entries) {
		return h, nil
	}
	return t.from.addTree(kept), nil
}

// carry makes what e consists of readable in the target.
func (t *transfer) carry(ctx context.Context, e Entry) error {
	if t.from == t.to {
		return nil
	}
	same := sameSource(t.from.src, t.to.src)
	level := []Entry{e}
	for len(level) > 0 {
		var want []Hash
		for _, e := range level {
			if _, ok := t.from.local[e.Hash]; ok || !same {
				want = append(want, e.Hash)
			}
		}
		if err := t.from.fetch(ctx, want); err != nil {
			return err
		}
		var next []Entry
		for _, e := range level {
			if _, isLocal := t.from.local[e.Hash]; !isLocal && same {
				continue
			}
			var o Object
			if e.Mode.IsDir() {
				entries, err := t.from.tree(ctx, e.Hash)
				if err != nil {
					return err
				}
				next = append(next, entries...)
				o = Object{Hash: e.Hash, Kind: Tree, Data: EncodeTree(entries)}
			} else {
				data, err := t.from.blob(ctx, e.Hash)
				if err != nil {
					return err
				}
				o = Object{Hash: e.Hash, Kind: Blob, Data: data}
			}
			t.to.add(o)
		}
		level = next
	}
	return nil
}

// sameSource reports whether two file systems read one repository.
func sameSource(a, b Source) bool {
	return a != nil && b != nil && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// place puts e at a path of the target, merging directories.
func (t *transfer) place(ctx context.Context, at []string, e Entry) error {
	n, err := t.to.peek(ctx, at)
	switch {
	case err != nil:
		return err
	case n == nil:
		return t.to.set(ctx, at, &node{mode: e.Mode, hash: e.Hash})
	case n.mode == ModeSubmodule:
		return ErrSubmodule
	case n.mode.IsDir() != e.Mode.IsDir():
		if n.mode.IsDir() {
			return ErrIsDir
		}
		return ErrNotDir
	case !n.dirty && n.hash == e.Hash && n.mode == e.Mode:
		return nil
	case !e.Mode.IsDir():
		return t.to.set(ctx, at, &node{mode: e.Mode, hash: e.Hash})
	}
	if err := t.loadPairs(ctx, n, e.Hash); err != nil {
		return err
	}
	entries, err := t.to.tree(ctx, e.Hash)
	if err != nil {
		return err
	}
	for _, c := range entries {
		if err := t.place(ctx, append(slices.Clone(at), c.Name), c); err != nil {
			return err
		}
	}
	return nil
}

// loadPairs reads the directories that a merge will look into, on both sides,
// one batch for each level.
func (t *transfer) loadPairs(ctx context.Context, n *node, h Hash) error {
	type pair struct {
		n *node
		h Hash
	}
	level := []pair{{n, h}}
	for len(level) > 0 {
		var dirs []*node
		var want []Hash
		for _, p := range level {
			dirs, want = append(dirs, p.n), append(want, p.h)
			if !p.n.loaded {
				want = append(want, p.n.hash)
			}
		}
		if err := t.to.fetch(ctx, want); err != nil {
			return err
		}
		if err := t.to.loadAll(ctx, dirs); err != nil {
			return err
		}
		var next []pair
		for _, p := range level {
			entries, err := t.to.tree(ctx, p.h)
			if err != nil {
				return err
			}
			for _, e := range entries {
				c, err := t.to.child(ctx, p.n, e.Name)
				if err != nil {
					return err
				}
				if c != nil && c.mode.IsDir() && e.Mode.IsDir() && (c.dirty || c.hash != e.Hash) {
					next = append(next, pair{c, e.Hash})
				}
			}
		}
		level = next
	}
	return nil
}

// peek returns the node at a path without following links.
func (f *FS) peek(ctx context.Context, at []string) (*node, error) {
	n := f.root
	for _, name := range at {
		if n.mode == ModeSubmodule {
			return nil, ErrSubmodule
		}
		if !n.mode.IsDir() {
			return nil, ErrNotDir
		}
		c, err := f.child(ctx, n, name)
		if err != nil || c == nil {
			return nil, err
		}
		n = c
	}
	return n, nil
}

// loadTrees reads every tree beneath h, one batch for each level.
func (f *FS) loadTrees(ctx context.Context, h Hash) error {
	level := []Hash{h}
	for len(level) > 0 {
		if err := f.fetch(ctx, level); err != nil {
			return err
		}
		var next []Hash
		for _, h := range level {
			entries, err := f.tree(ctx, h)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Mode.IsDir() {
					next = append(next, e.Hash)
				}
			}
		}
		level = next
	}
	return nil
}
