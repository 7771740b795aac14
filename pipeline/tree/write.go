package tree

import (
	"bytes"
	"context"
	"io/fs"
	"path"
)

// WriteFile replaces or creates a file and the directories above it. A zero
// mode keeps the mode of an existing file and is ModeFile for a new one; with
// ModeSymlink data is the link's target and an existing link is replaced rather
// than followed. data is copied.
func (f *FS) WriteFile(ctx context.Context, p string, data []byte, mode Mode) error {
	at, n, err := f.resolve(ctx, split(p), mode != ModeSymlink)
	switch {
	case err != nil:
	case len(at) == 0, n != nil && n.mode.IsDir():
		err = ErrIsDir
	case n != nil && n.mode == ModeSubmodule:
		err = ErrSubmodule
	case mode != 0 && mode != ModeSymlink && mode != ModeFile && mode != ModeExec:
		err = fs.ErrInvalid
	}
	if err != nil {
		return pathError("write", Clean(p), err)
	}
	if mode == 0 {
		mode = ModeFile
		if n != nil {
			mode = n.mode
		}
	}
	o := Object{Kind: Blob, Data: bytes.Clone(data)}
	o.Hash = HashObject(Blob, o.Data)
	if n != nil && n.mode == mode && n.hash == o.Hash {
		return nil
	}
	f.add(o)
	if err := f.set(ctx, at, &node{mode: mode, hash: o.Hash}); err != nil {
		return pathError("write", Clean(p), err)
	}
	return nil
}

// MkdirAll creates a directory and those above it.
func (f *FS) MkdirAll(ctx context.Context, p string) error {
	at, n, err := f.resolve(ctx, split(p), true)
	switch {
	case err != nil:
	case n != nil && n.mode.IsDir():
		return nil
	case n != nil && n.mode == ModeSubmodule:
		err = ErrSubmodule
	case n != nil:
		err = ErrNotDir
	default:
		err = f.set(ctx, at, newDir())
	}
	if err != nil {
		return pathError("mkdir", Clean(p), err)
	}
	return nil
}

// RemoveAll removes what p names and everything beneath it; a link is removed,
// not its target. Removing what does not exist is no error. Removing the root
// leaves an empty FS.
func (f *FS) RemoveAll(ctx context.Context, p string) error {
	parts := split(p)
	if len(parts) == 0 {
		f.root = newDir()
		return nil
	}
	for _, name := range parts {
		if err := checkName(name); err != nil {
			return pathError("remove", Clean(p), err)
		}
	}
	at, n, err := f.resolve(ctx, parts, false)
	if err != nil {
		return pathError("remove", Clean(p), err)
	}
	if n == nil {
		return nil
	}
	if len(at) == 0 {
		return pathError("remove", Clean(p), fs.ErrInvalid)
	}
	if err := f.set(ctx, at, nil); err != nil {
		return pathError("remove", Clean(p), err)
	}
	return nil
}

// set puts n at a path without links, creating directories; a nil n removes.
func (f *FS) set(ctx context.Context, at []string, n *node) error {
	for _, name := range at {
		if err := checkName(name); err != nil {
			return err
		}
	}
	dirs := []*node{f.root}
	for _, name := range at[:len(at)-1] {
		dir := dirs[len(dirs)-1]
		c, err := f.child(ctx, dir, name)
		if err != nil {
			return err
		}
		switch {
		case c == nil:
			c = newDir()
			dir.put(name, c)
		case c.mode == ModeSubmodule:
			return ErrSubmodule
		case !c.mode.IsDir():
			return ErrNotDir
		}
		dirs = append(dirs, c)
	}
	// Entries must be known before the overlay can shadow one of them.
	parent := dirs[len(dirs)-1]
	if err := f.load(ctx, parent); err != nil {
		return err
	}
	parent.put(path.Base(at[len(at)-1]), n)
	for _, dir := range dirs {
		dir.dirty = true
	}
	return nil
}

// add makes an object made here readable. What was read from the repository is
// already there and needs no second copy.
func (f *FS) add(o Object) {
	if !f.has(o.Hash) {
		f.local[o.Hash] = o
	}
}

// newDir returns an empty directory that the repository does not have.
func newDir() *node {
	return &node{mode: ModeDir, hash: EmptyTree, dirty: true, loaded: true}
}
