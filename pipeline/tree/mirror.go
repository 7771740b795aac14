package tree

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// Place is a path of a file system.
type Place struct {
	FS   *FS
	Path string
}

// Entry describes what the path names after following links. Unlike that of
// [FS.Stat] its Hash is never zero: a directory that was changed is named as Build
// would name it.
func (p Place) Entry(ctx context.Context) (Info, error) {
	info, err := p.FS.Stat(ctx, p.Path)
	if err != nil || !info.Hash.IsZero() {
		return info, err
	}
	_, n, err := p.FS.resolve(ctx, split(p.Path), true)
	if err == nil && n != nil {
		info.Hash, err = p.FS.seal(n)
	}
	if err != nil {
		return Info{}, pathError("stat", Clean(p.Path), err)
	}
	return info, nil
}

// Entries describes what lies at paths beneath the place, by the paths, without
// following a link that one of them is. What does not exist is left out. No file is
// read, and directories are in one batch for each level.
func (p Place) Entries(ctx context.Context, paths []string) (map[string]Info, error) {
	at, n, err := p.FS.resolve(ctx, split(p.Path), true)
	if err != nil && isAbsent(err) {
		n, err = nil, nil
	}
	if err != nil {
		return nil, pathError("stat", Clean(p.Path), err)
	}
	out := make(map[string]Info, len(paths))
	if n == nil {
		return out, nil
	}
	var dirs []string
	for _, name := range paths {
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			dirs = append(dirs, strings.Join(at, "/")+"/"+name[:i])
		}
	}
	if _, err := p.FS.prefetchTrees(ctx, append(dirs, strings.Join(at, "/"))); err != nil {
		return nil, pathError("stat", Clean(p.Path), err)
	}
	for _, name := range paths {
		n, err := p.FS.peek(ctx, append(slices.Clone(at), split(name)...))
		switch {
		case err != nil && !isAbsent(err):
			return nil, pathError("stat", name, err)
		case err == nil && n != nil:
			e, err := p.FS.entry(n)
			if err != nil {
				return nil, pathError("stat", name, err)
			}
			out[name] = Info{Name: name, Mode: e.Mode, Hash: e.Hash}
		}
	}
	return out, nil
}

// Mirror returns the files that differ between two directories: what it takes to make
// the first what the second is. Paths are relative to them. One that does not exist is
// empty. Links, submodules and what is ignored are on neither side; a link where the
// second has a file is a difference. No file is read, and only directories that differ.
func Mirror(ctx context.Context, to, from Place, ignore Ignore) ([]Change, error) {
	a, err := to.dir(ctx)
	if err != nil {
		return nil, err
	}
	b, err := from.dir(ctx)
	if err != nil {
		return nil, err
	}
	both := pair{a: to.FS, b: from.FS, ofA: map[Hash]bool{a: true}}
	all, err := diff(ctx, both.entries, a, b, nil)
	if err != nil {
		return nil, err
	}
	kept := all[:0]
	for _, c := range all {
		if c.NewMode != 0 && !c.NewMode.IsRegular() {
			c.NewMode, c.New = 0, Hash{}
		}
		if c.Deleted() && !c.OldMode.IsRegular() {
			continue
		}
		if slices.ContainsFunc(split(c.Path), isDotGit) || ignore.Match(c.Path, false) {
			continue
		}
		kept = append(kept, c)
	}
	return kept, nil
}

// dir names the tree at a place, which is a directory or nothing.
func (p Place) dir(ctx context.Context) (Hash, error) {
	info, err := p.Entry(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return EmptyTree, nil
	case err != nil:
		return Hash{}, err
	case info.Mode == ModeSubmodule:
		return Hash{}, pathError("readdir", Clean(p.Path), ErrSubmodule)
	case !info.Mode.IsDir():
		return Hash{}, pathError("readdir", Clean(p.Path), ErrNotDir)
	}
	return info.Hash, nil
}

// pair reads trees of two file systems, each from the one that it belongs to.
type pair struct {
	a, b *FS
	ofA  map[Hash]bool
}

func (p pair) entries(ctx context.Context, hashes []Hash) (map[Hash][]Entry, error) {
	var mine, others []Hash
	for _, h := range hashes {
		if p.ofA[h] {
			mine = append(mine, h)
		} else {
			others = append(others, h)
		}
	}
	out, err := p.a.entries(ctx, mine)
	if err != nil {
		return nil, err
	}
	for _, entries := range out {
		for _, e := range entries {
			p.ofA[e.Hash] = true
		}
	}
	rest, err := p.b.entries(ctx, others)
	for h, entries := range rest {
		out[h] = entries
	}
	return out, err
}

// Take makes files beneath the place what they are in another file system: changes are
// those of Mirror, or a selection of them, or one whose path is "." for the place itself.
// New content is placed by its name; blobs are read only where the two belong to
// different repositories, in one batch, and only those that this one lacks. Directories
// that become empty go. A directory in which something is left is in the way of a file:
// ErrIsDir.
func (p Place) Take(ctx context.Context, from *FS, changes []Change) error {
	root, _, err := p.FS.resolve(ctx, split(p.Path), true)
	if err != nil {
		return pathError("write", Clean(p.Path), err)
	}
	t := transfer{from: from, to: p.FS}
	if err := t.carryAll(ctx, changes); err != nil {
		return pathError("copy", Clean(p.Path), err)
	}
	for _, deletions := range []bool{true, false} {
		for _, c := range changes {
			if c.Deleted() != deletions {
				continue
			}
			at := append(slices.Clone(root), split(c.Path)...)
			if err := p.FS.put(ctx, at, Entry{Mode: c.NewMode, Hash: c.New}); err != nil {
				return pathError("write", strings.Join(at, "/"), err)
			}
		}
	}
	return nil
}

// put makes a path without links a file, or with a zero entry removes it.
func (f *FS) put(ctx context.Context, at []string, e Entry) error {
	n, err := f.peek(ctx, at)
	gone := errors.Is(err, ErrNotDir) || (err == nil && n == nil)
	switch {
	case e.Mode == 0 && gone:
		return nil
	case err != nil:
		return err
	case e.Mode == 0:
		return f.removeUp(ctx, at)
	case n != nil && n.mode.IsDir():
		if err := f.load(ctx, n); err != nil {
			return err
		}
		if len(n.list()) > 0 {
			return ErrIsDir
		}
	}
	return f.set(ctx, at, &node{mode: e.Mode, hash: e.Hash})
}

// carryAll makes the new content of changes readable in the target.
func (t *transfer) carryAll(ctx context.Context, changes []Change) error {
	if t.from == t.to {
		return nil
	}
	there := map[Hash]bool{} // what the target has by another name
	for _, c := range changes {
		there[c.Old] = true
	}
	same := sameSource(t.from.src, t.to.src)
	var want []Hash
	for _, c := range changes {
		_, isLocal := t.from.local[c.New]
		if !c.Deleted() && !there[c.New] && (isLocal || !same) {
			want = append(want, c.New)
		}
	}
	got, err := t.from.Blobs(ctx, want...)
	if err != nil {
		return err
	}
	for _, h := range want {
		t.to.add(Object{Hash: h, Kind: Blob, Data: got[h]})
	}
	return nil
}

// HeadFiles returns the files as Head has them, whatever was changed or committed here
// since. They share what was read with those of the Checkout and are not to be written.
func (c *Checkout) HeadFiles() *FS {
	f := NewFS(c.FS.src, c.headTree)
	f.trees, f.blobs = c.FS.trees, c.FS.blobs
	f.trees[EmptyTree] = nil
	return f
}
