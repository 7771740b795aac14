package tree

import (
	"bytes"
	"context"
	"io/fs"
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
