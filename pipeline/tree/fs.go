package tree

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// FS is a file system over one root tree of one repository.
//
// Paths are slash-separated and relative to the root; Clean is applied to
// every one. Symbolic links are followed inside the FS and cannot leave it; an
// absolute target starts at the root. Errors about a path are *fs.PathError.
// An empty directory exists until Build, which leaves it out.
type FS struct {
	src  Source
	base Hash
	root *node

	local map[Hash]Object  // objects made here, which the repository may lack
	trees map[Hash][]Entry // decoded trees of the repository
	blobs map[Hash][]byte  // contents read from the repository
}

// node is one path. A directory is its stored entries with an overlay: a nil
// child in the overlay is a removed one.
type node struct {
	mode   Mode
	hash   Hash // of the stored object; stale while dirty
	dirty  bool // a directory that differs, or whose descendant differs, from hash
	loaded bool // a directory whose entries were read
	base   []Entry
	over   map[string]*node
}

// Info describes one path.
type Info struct {
	Name string
	Mode Mode
	// Hash is the object's name. It is zero for a directory with changes that
	// Build has not named yet.
	Hash Hash
}

// NewFS returns the file system of the tree named root. A zero root is the
// empty tree. src may be nil for a file system that begins empty.
func NewFS(src Source, root Hash) *FS {
	if root.IsZero() {
		root = EmptyTree
	}
	return &FS{
		src:   src,
		base:  root,
		root:  &node{mode: ModeDir, hash: root},
		local: map[Hash]Object{},
		trees: map[Hash][]Entry{EmptyTree: nil},
		blobs: map[Hash][]byte{},
	}
}

// Base is the tree that changes are counted against: the root given to NewFS
// or made by the last Commit of its Checkout.
func (f *FS) Base() Hash { return f.base }

// ReadFile returns a copy of a file's content.
func (f *FS) ReadFile(ctx context.Context, p string) ([]byte, error) {
	_, n, err := f.resolve(ctx, split(p), true)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err == nil && !n.mode.IsRegular() {
		err = ErrIsDir
	}
	if err != nil {
		return nil, pathError("read", Clean(p), err)
	}
	data, err := f.blob(ctx, n.hash)
	if err != nil {
		return nil, pathError("read", Clean(p), err)
	}
	return bytes.Clone(data), nil
}

// Stat describes what p names after following links.
func (f *FS) Stat(ctx context.Context, p string) (Info, error) {
	return f.stat(ctx, "stat", p, true)
}

// Lstat is Stat, except that a link as the last element describes itself.
func (f *FS) Lstat(ctx context.Context, p string) (Info, error) {
	return f.stat(ctx, "lstat", p, false)
}

func (f *FS) stat(ctx context.Context, op, p string, follow bool) (Info, error) {
	parts := split(p)
	_, n, err := f.resolve(ctx, parts, follow)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Info{}, pathError(op, Clean(p), err)
	}
	name := "."
	if len(parts) > 0 {
		name = parts[len(parts)-1]
	}
	return n.info(name), nil
}

// Readlink returns the target of a symbolic link as it is stored.
func (f *FS) Readlink(ctx context.Context, p string) (string, error) {
	_, n, err := f.resolve(ctx, split(p), false)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err == nil && n.mode != ModeSymlink {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", pathError("readlink", Clean(p), err)
	}
	target, err := f.blob(ctx, n.hash)
	if err != nil {
		return "", pathError("readlink", Clean(p), err)
	}
	return string(target), nil
}

// ReadDir lists a directory, sorted by name.
func (f *FS) ReadDir(ctx context.Context, p string) ([]Info, error) {
	_, n, err := f.resolve(ctx, split(p), true)
	if err == nil && n == nil {
		err = fs.ErrNotExist
	}
	if err == nil && n.mode == ModeSubmodule {
		return nil, nil
	}
	if err == nil && !n.mode.IsDir() {
		err = ErrNotDir
	}
	if err == nil {
		err = f.load(ctx, n)
	}
	if err != nil {
		return nil, pathError("readdir", Clean(p), err)
	}
	return n.list(), nil
}

func (n *node) info(name string) Info {
	i := Info{Name: name, Mode: n.mode, Hash: n.hash}
	if n.dirty {
		i.Hash = Hash{}
	}
	return i
}

// list returns the visible children of a loaded directory.
func (n *node) list() []Info {
	out := make([]Info, 0, len(n.base)+len(n.over))
	for _, e := range n.base {
		if _, ok := n.over[e.Name]; !ok && !isDotGit(e.Name) {
			out = append(out, Info(e))
		}
	}
	for name, c := range n.over {
		if c != nil && !isDotGit(name) {
			out = append(out, c.info(name))
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// child returns a directory's child, or nil.
func (f *FS) child(ctx context.Context, dir *node, name string) (*node, error) {
	if c, ok := dir.over[name]; ok {
		return c, nil
	}
	if err := f.load(ctx, dir); err != nil {
		return nil, err
	}
	e, ok := findEntry(dir.base, name)
	if !ok {
		return nil, nil
	}
	c := &node{mode: e.Mode, hash: e.Hash}
	dir.put(name, c)
	return c, nil
}

func (n *node) put(name string, c *node) {
	if n.over == nil {
		n.over = map[string]*node{}
	}
	n.over[name] = c
}

func (f *FS) load(ctx context.Context, dir *node) error {
	if dir.loaded {
		return nil
	}
	entries, err := f.tree(ctx, dir.hash)
	if err != nil {
		return err
	}
	dir.base, dir.loaded = entries, true
	return nil
}

// resolve walks parts from the root. It returns the path without links and the
// node there, which is nil when nothing is; the path then says where a new file
// would go.
func (f *FS) resolve(ctx context.Context, parts []string, followLast bool) ([]string, *node, error) {
	chain := []*node{f.root}
	var at []string
	todo := slices.Clone(parts)
	links := 0
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(at) > 0 {
				at, chain = at[:len(at)-1], chain[:len(chain)-1]
			}
			continue
		}
		dir := chain[len(chain)-1]
		if dir != nil && dir.mode == ModeSubmodule {
			return nil, nil, ErrSubmodule
		}
		if dir != nil && !dir.mode.IsDir() {
			return nil, nil, ErrNotDir
		}
		var c *node
		if dir != nil && !isDotGit(name) {
			var err error
			if c, err = f.child(ctx, dir, name); err != nil {
				return nil, nil, err
			}
		}
		if c != nil && c.mode == ModeSymlink && (len(todo) > 0 || followLast) {
			if links++; links > maxSymlinks {
				return nil, nil, ErrSymlinkLoop
			}
			target, err := f.blob(ctx, c.hash)
			if err != nil {
				return nil, nil, err
			}
			if bytes.HasPrefix(target, []byte{'/'}) {
				at, chain = nil, chain[:1]
			}
			todo = append(strings.Split(string(target), "/"), todo...)
			continue
		}
		at, chain = append(at, name), append(chain, c)
	}
	return at, chain[len(chain)-1], nil
}

// tree returns the entries of a stored tree.
func (f *FS) tree(ctx context.Context, h Hash) ([]Entry, error) {
	if entries, ok := f.trees[h]; ok {
		return entries, nil
	}
	if err := f.fetch(ctx, []Hash{h}); err != nil {
		return nil, err
	}
	entries, ok := f.trees[h]
	if !ok {
		return nil, fmt.Errorf("object %s is not a tree", h)
	}
	return entries, nil
}

// blob returns the content of a stored blob, shared.
func (f *FS) blob(ctx context.Context, h Hash) ([]byte, error) {
	if o, ok := f.local[h]; ok && o.Kind == Blob {
		return o.Data, nil
	}
	if data, ok := f.blobs[h]; ok {
		return data, nil
	}
	if err := f.fetch(ctx, []Hash{h}); err != nil {
		return nil, err
	}
	data, ok := f.blobs[h]
	if !ok {
		return nil, fmt.Errorf("object %s is not a blob", h)
	}
	return data, nil
}

// Blobs returns the contents of the named blobs in one batch. The contents are
// shared and must not be modified.
func (f *FS) Blobs(ctx context.Context, hashes ...Hash) (map[Hash][]byte, error) {
	if err := f.fetch(ctx, hashes); err != nil {
		return nil, fmt.Errorf("read blobs: %w", err)
	}
	out := make(map[Hash][]byte, len(hashes))
	for _, h := range hashes {
		data, err := f.blob(ctx, h)
		if err != nil {
			return nil, err
		}
		out[h] = data
	}
	return out, nil
}

// fetch makes the objects readable without another round trip.
func (f *FS) fetch(ctx context.Context, hashes []Hash) error {
	var want []Hash
	seen := map[Hash]bool{}
	for _, h := range hashes {
		if seen[h] || f.has(h) {
			continue
		}
		seen[h] = true
		if o, ok := f.local[h]; ok {
			if err := f.keep(o); err != nil {
				return err
			}
			continue
		}
		want = append(want, h)
	}
	if len(want) == 0 {
		return nil
	}
	if f.src == nil {
		return fmt.Errorf("object %s: %w", want[0], ErrNoObject)
	}
	got, err := f.src.Objects(ctx, want)
	if err != nil {
		return err
	}
	for _, h := range want {
		o, ok := got[h]
		if !ok {
			return fmt.Errorf("object %s: %w", h, ErrNoObject)
		}
		o.Hash = h
		if err := f.keep(o); err != nil {
			return err
		}
	}
	return nil
}

func (f *FS) has(h Hash) bool {
	if _, ok := f.trees[h]; ok {
		return true
	}
	_, ok := f.blobs[h]
	return ok
}

func (f *FS) keep(o Object) error {
	if o.Kind != Tree {
		f.blobs[o.Hash] = o.Data
		return nil
	}
	entries, err := DecodeTree(o.Data)
	if err != nil {
		return fmt.Errorf("tree %s: %w", o.Hash, err)
	}
	f.trees[o.Hash] = entries
	return nil
}
