package tree

import (
	"context"
	"fmt"
)

// Prefetch reads every directory on the way to the given paths, one batch for
// each level, and then all their files in one more batch, so that what follows
// costs no round trip. Paths that do not exist are passed over; links are left
// to the read that follows them.
func (f *FS) Prefetch(ctx context.Context, paths ...string) error {
	files, err := f.prefetchTrees(ctx, paths)
	if err == nil {
		err = f.fetch(ctx, files)
	}
	if err != nil {
		return fmt.Errorf("prefetch: %w", err)
	}
	return nil
}

// prefetchTrees reads the directories for Prefetch and returns the files.
func (f *FS) prefetchTrees(ctx context.Context, paths []string) (files []Hash, err error) {
	type cursor struct {
		n    *node
		rest []string
	}
	var level []cursor
	for _, p := range paths {
		level = append(level, cursor{f.root, split(p)})
	}
	for len(level) > 0 {
		var dirs []*node
		for _, c := range level {
			dirs = append(dirs, c.n)
		}
		if err := f.loadAll(ctx, dirs); err != nil {
			return nil, err
		}
		var next []cursor
		for _, c := range level {
			if len(c.rest) == 0 {
				continue
			}
			n, err := f.child(ctx, c.n, c.rest[0])
			switch {
			case err != nil:
				return nil, err
			case n == nil || isDotGit(c.rest[0]):
			case n.mode.IsDir():
				next = append(next, cursor{n, c.rest[1:]})
			case n.mode != ModeSubmodule:
				files = append(files, n.hash)
			}
		}
		level = next
	}
	return files, nil
}

// PrefetchAll reads everything beneath a directory: its trees level by level,
// then all blobs in one batch. What does not exist is passed over.
func (f *FS) PrefetchAll(ctx context.Context, dir string) error {
	_, n, err := f.resolve(ctx, split(dir), true)
	if err != nil {
		return pathError("prefetch", Clean(dir), err)
	}
	if n == nil || !n.mode.IsDir() {
		return nil
	}
	files, err := f.walk(ctx, n)
	if err == nil {
		err = f.fetch(ctx, files)
	}
	if err != nil {
		return pathError("prefetch", Clean(dir), err)
	}
	return nil
}

// walk loads every directory beneath n and returns the blobs found.
func (f *FS) walk(ctx context.Context, n *node) ([]Hash, error) {
	var files []Hash
	level := []*node{n}
	for len(level) > 0 {
		if err := f.loadAll(ctx, level); err != nil {
			return nil, err
		}
		var next []*node
		for _, dir := range level {
			for _, i := range dir.list() {
				switch {
				case i.Mode.IsDir():
					c, err := f.child(ctx, dir, i.Name)
					if err != nil {
						return nil, err
					}
					next = append(next, c)
				case i.Mode != ModeSubmodule:
					files = append(files, i.Hash)
				}
			}
		}
		level = next
	}
	return files, nil
}

// loadAll loads directories in one batch.
func (f *FS) loadAll(ctx context.Context, dirs []*node) error {
	var want []Hash
	for _, d := range dirs {
		if !d.loaded {
			want = append(want, d.hash)
		}
	}
	if err := f.fetch(ctx, want); err != nil {
		return err
	}
	for _, d := range dirs {
		if err := f.load(ctx, d); err != nil {
			return err
		}
	}
	return nil
}
