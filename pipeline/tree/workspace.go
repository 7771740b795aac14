package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Workspace is the directory that the steps of one Promotion share: scratch
// files, with Checkouts mounted at paths.
//
// Paths are relative to the Workspace and confined to it as Clean describes. A
// link inside a Checkout is followed within that Checkout only.
type Workspace struct {
	scratch *FS
	mounts  []mount // longest path first, so that the innermost is found first
}

type mount struct {
	path string
	c    *Checkout
}

// NewWorkspace returns an empty Workspace.
func NewWorkspace() *Workspace { return &Workspace{scratch: NewFS(nil, Hash{})} }

// Mount makes a Checkout visible at p, which must not exist or be an empty
// directory; otherwise the error wraps fs.ErrExist.
func (w *Workspace) Mount(ctx context.Context, p string, c *Checkout) error {
	p = Clean(p)
	if _, ok := w.mounted(p); ok {
		return pathError("mount", p, fs.ErrExist)
	}
	infos, err := w.ReadDir(ctx, p)
	switch {
	case err == nil && len(infos) > 0, errors.Is(err, ErrNotDir):
		return pathError("mount", p, fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := w.MkdirAll(ctx, p); err != nil {
		return err
	}
	w.mounts = append(w.mounts, mount{p, c})
	slices.SortStableFunc(w.mounts, func(a, b mount) int { return len(split(b.path)) - len(split(a.path)) })
	return nil
}

// Checkout returns the Checkout mounted at exactly p.
func (w *Workspace) Checkout(p string) (*Checkout, error) {
	if c, ok := w.mounted(Clean(p)); ok {
		return c, nil
	}
	return nil, fmt.Errorf("%s is not the path of a checkout: %w", Clean(p), fs.ErrNotExist)
}

// CheckoutOf returns the Checkout that p lies in, and p relative to its root;
// nil for a scratch path.
func (w *Workspace) CheckoutOf(p string) (*Checkout, string) {
	m, rel := w.find(Clean(p))
	return m.c, rel
}

// Scratch returns the files that lie in no Checkout.
func (w *Workspace) Scratch() *FS { return w.scratch }

// Mounts returns the paths of the Checkouts, sorted.
func (w *Workspace) Mounts() []string {
	var out []string
	for _, m := range w.mounts {
		out = append(out, m.path)
	}
	slices.Sort(out)
	return out
}

// ReadFile returns a copy of a file's content.
func (w *Workspace) ReadFile(ctx context.Context, p string) ([]byte, error) {
	f, rel := w.locate(p)
	data, err := f.ReadFile(ctx, rel)
	return data, rename(err, p)
}

// Stat describes what p names after following links.
func (w *Workspace) Stat(ctx context.Context, p string) (Info, error) {
	f, rel := w.locate(p)
	i, err := f.Stat(ctx, rel)
	i.Name = path.Base(Clean(p))
	return i, rename(err, p)
}

// Lstat is Stat, except that a link as the last element describes itself.
func (w *Workspace) Lstat(ctx context.Context, p string) (Info, error) {
	f, rel := w.locate(p)
	i, err := f.Lstat(ctx, rel)
	i.Name = path.Base(Clean(p))
	return i, rename(err, p)
}

// Readlink returns the target of a symbolic link as it is stored.
func (w *Workspace) Readlink(ctx context.Context, p string) (string, error) {
	f, rel := w.locate(p)
	target, err := f.Readlink(ctx, rel)
	return target, rename(err, p)
}

// ReadDir lists a directory, sorted by name; a mounted Checkout is a directory.
func (w *Workspace) ReadDir(ctx context.Context, p string) ([]Info, error) {
	f, rel := w.locate(p)
	infos, err := f.ReadDir(ctx, rel)
	return infos, rename(err, p)
}

// WriteFile replaces or creates a file; see FS.WriteFile.
func (w *Workspace) WriteFile(ctx context.Context, p string, data []byte, mode Mode) error {
	f, rel := w.locate(p)
	return rename(f.WriteFile(ctx, rel, data, mode), p)
}

// MkdirAll creates a directory and those above it.
func (w *Workspace) MkdirAll(ctx context.Context, p string) error {
	f, rel := w.locate(p)
	return rename(f.MkdirAll(ctx, rel), p)
}

// RemoveAll removes a path and everything beneath it, links themselves and not
// their targets. A Checkout whose root goes is no longer mounted, so that a
// later commit cannot publish an accidental deletion of everything; Clear is
// what empties a Checkout.
func (w *Workspace) RemoveAll(ctx context.Context, p string) error {
	p = Clean(p)
	w.mounts = slices.DeleteFunc(w.mounts, func(m mount) bool { return within(p, m.path) })
	f, rel := w.locate(p)
	return rename(f.RemoveAll(ctx, rel), p)
}

// Copy copies a file or directory. out is the destination itself, never "into"
// it: directories merge, files overwrite, and a file onto a directory or a
// directory onto a file is an error. Links and submodules are left out, as is
// what the gitignore patterns in ignore (one a line, relative to in) name. A
// directory that nothing is left out of and nothing is merged into is placed by
// its hash, without reading a file, where both ends belong to one repository.
// These are the rules of Kargo's copy step.
//
// The patterns may also name in itself, when that is a file; nothing is copied then.
func (w *Workspace) Copy(ctx context.Context, in, out, ignore string) error {
	ig := newIgnorer(ignore)
	if info, err := w.Stat(ctx, in); err == nil && !info.Mode.IsDir() && ig.match([]string{path.Base(Clean(in))}, false) {
		return nil
	}
	return w.copy(ctx, Clean(in), Clean(out), ig, nil)
}

func (w *Workspace) copy(ctx context.Context, in, out string, ig *ignorer, at []string) error {
	from, inRel := w.locate(in)
	to, outRel := w.locate(out)
	infos, err := []Info(nil), error(nil)
	if w.holdsMount(in) || w.holdsMount(out) {
		infos, err = w.ReadDir(ctx, in)
		if err != nil && !errors.Is(err, ErrNotDir) {
			return err
		}
	}
	if infos == nil {
		return copyPath(ctx, from, inRel, to, outRel, ig, at)
	}
	if err := w.MkdirAll(ctx, out); err != nil {
		return err
	}
	for _, i := range infos {
		parts := append(slices.Clone(at), i.Name)
		if i.Mode == ModeSymlink || i.Mode == ModeSubmodule || ig.match(parts, i.Mode.IsDir()) {
			continue
		}
		if err := w.copy(ctx, path.Join(in, i.Name), path.Join(out, i.Name), ig, parts); err != nil {
			return err
		}
	}
	return nil
}

// Glob returns the paths that match a doublestar pattern; see FS.Glob.
func (w *Workspace) Glob(ctx context.Context, pattern string) ([]string, error) {
	return glob(ctx, w, pattern)
}

// Prefetch makes the given paths readable in few round trips; see FS.Prefetch.
func (w *Workspace) Prefetch(ctx context.Context, paths ...string) error {
	byFS := map[*FS][]string{}
	var order []*FS
	for _, p := range paths {
		f, rel := w.locate(p)
		if byFS[f] == nil {
			order = append(order, f)
		}
		byFS[f] = append(byFS[f], rel)
	}
	for _, f := range order {
		if err := f.Prefetch(ctx, byFS[f]...); err != nil {
			return err
		}
	}
	return nil
}

// PrefetchAll reads everything beneath a directory; see FS.PrefetchAll.
func (w *Workspace) PrefetchAll(ctx context.Context, dir string) error {
	f, rel := w.locate(dir)
	if err := f.PrefetchAll(ctx, rel); err != nil {
		return rename(err, dir)
	}
	for _, m := range w.mounts {
		if within(Clean(dir), m.path) && m.path != Clean(dir) {
			if err := m.c.FS.PrefetchAll(ctx, "."); err != nil {
				return rename(err, m.path)
			}
		}
	}
	return nil
}

func (w *Workspace) prefetchDirs(ctx context.Context, dirs []string, deep bool) error {
	if !deep {
		return w.Prefetch(ctx, dirs...)
	}
	for _, d := range dirs {
		f, rel := w.locate(d)
		if err := f.prefetchDirs(ctx, []string{rel}, true); err != nil {
			return err
		}
		for _, m := range w.mounts {
			if within(Clean(d), m.path) && m.path != Clean(d) {
				if err := m.c.FS.prefetchDirs(ctx, []string{"."}, true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *Workspace) mounted(p string) (*Checkout, bool) {
	for _, m := range w.mounts {
		if m.path == p {
			return m.c, true
		}
	}
	return nil, false
}

// find returns the innermost mount that holds p; its c is nil for scratch.
func (w *Workspace) find(p string) (mount, string) {
	for _, m := range w.mounts {
		if within(m.path, p) {
			if m.path == "." {
				return m, p
			}
			return m, Clean(strings.TrimPrefix(p, m.path))
		}
	}
	return mount{}, p
}

func (w *Workspace) locate(p string) (*FS, string) {
	m, rel := w.find(Clean(p))
	if m.c == nil {
		return w.scratch, rel
	}
	return m.c.FS, rel
}

// holdsMount reports whether a Checkout is mounted strictly beneath p.
func (w *Workspace) holdsMount(p string) bool {
	return slices.ContainsFunc(w.mounts, func(m mount) bool { return m.path != p && within(p, m.path) })
}

// within reports whether p is dir or lies beneath it.
func within(dir, p string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}

// rename makes an error speak of the path in the Workspace.
func rename(err error, p string) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pathError(pe.Op, Clean(p), pe.Err)
	}
	return err
}
