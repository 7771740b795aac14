package tree

import (
	"bytes"
	"context"
	"slices"
	"strings"
)

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
