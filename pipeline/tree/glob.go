package tree

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// lister is what a glob looks at: an FS or a whole Workspace.
type lister interface {
	ReadDir(ctx context.Context, p string) ([]Info, error)
	Stat(ctx context.Context, p string) (Info, error)
	Lstat(ctx context.Context, p string) (Info, error)
	// prefetchDirs reads every directory beneath each of the given ones
	// (deep), or only these, in batches.
	prefetchDirs(ctx context.Context, dirs []string, deep bool) error
}

// Glob returns the paths that match a doublestar pattern, sorted. Only
// directories that can hold a match are read. Links are followed only before the
// first wildcard, because a few links to ".." would otherwise match forever. A
// malformed pattern is doublestar.ErrBadPattern.
func (f *FS) Glob(ctx context.Context, pattern string) ([]string, error) {
	return glob(ctx, f, pattern)
}

func glob(ctx context.Context, l lister, pattern string) ([]string, error) {
	pattern = Clean(pattern)
	if !doublestar.ValidatePattern(pattern) {
		return nil, pathError("glob", pattern, doublestar.ErrBadPattern)
	}
	if err := prefetchGlob(ctx, l, pattern); err != nil {
		return nil, pathError("glob", pattern, err)
	}
	a := &ioFS{ctx: ctx, l: l}
	found, err := doublestar.Glob(a, pattern, doublestar.WithNoFollow())
	if err == nil {
		err = a.err
	}
	if err != nil {
		return nil, pathError("glob", pattern, err)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// prefetchGlob reads, level by level, the directories that the pattern's
// elements can match, so that the matcher itself costs no round trip for each
// directory. It is an economy only: what it misses is read later.
func prefetchGlob(ctx context.Context, l lister, pattern string) error {
	base, rest := doublestar.SplitPattern(pattern)
	dirs := []string{base}
	elems := strings.Split(rest, "/")
	for i, elem := range elems {
		if strings.Count(elem, "{") != strings.Count(elem, "}") {
			return nil // The alternatives span elements.
		}
		if strings.Contains(elem, "**") {
			return l.prefetchDirs(ctx, dirs, true)
		}
		if err := l.prefetchDirs(ctx, dirs, false); err != nil {
			return err
		}
		if i == len(elems)-1 {
			return nil
		}
		var next []string
		for _, d := range dirs {
			infos, err := l.ReadDir(ctx, d)
			if err != nil {
				if isAbsent(err) {
					continue
				}
				return err
			}
			for _, i := range infos {
				if ok, _ := doublestar.Match(elem, i.Name); ok && i.Mode.IsDir() {
					next = append(next, path.Join(d, i.Name))
				}
			}
		}
		dirs = next
	}
	return nil
}

func (f *FS) prefetchDirs(ctx context.Context, dirs []string, deep bool) error {
	if !deep {
		return f.Prefetch(ctx, dirs...)
	}
	for _, d := range dirs {
		_, n, err := f.resolve(ctx, split(d), true)
		if err == nil && n != nil && n.mode.IsDir() {
			_, err = f.walk(ctx, n)
		}
		if err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotDir) || errors.Is(err, ErrSubmodule) || errors.Is(err, ErrSymlinkLoop)
}

// ioFS lets doublestar see names and modes. It keeps the first error that is
// not about a missing path, because a matcher takes any error for a mismatch.
type ioFS struct {
	ctx context.Context //nolint:containedctx // io/fs has no place for it; lives for one call.
	l   lister
	err error
}

func (a *ioFS) fail(err error) error {
	if isAbsent(err) {
		return fs.ErrNotExist
	}
	if a.err == nil {
		a.err = err
	}
	return err
}

func (a *ioFS) ReadDir(name string) ([]fs.DirEntry, error) {
	infos, err := a.l.ReadDir(a.ctx, name)
	if err != nil {
		return nil, a.fail(err)
	}
	out := make([]fs.DirEntry, len(infos))
	for i, info := range infos {
		out[i] = fs.FileInfoToDirEntry(fileInfo{info})
	}
	return out, nil
}

func (a *ioFS) Stat(name string) (fs.FileInfo, error) {
	info, err := a.l.Stat(a.ctx, name)
	if err != nil {
		// A link that leads nowhere still has a name that can match.
		if info, err = a.l.Lstat(a.ctx, name); err != nil {
			return nil, a.fail(err)
		}
	}
	return fileInfo{info}, nil
}

func (a *ioFS) Open(name string) (fs.File, error) {
	info, err := a.Stat(name)
	if err != nil {
		return nil, err
	}
	return dirFile{info}, nil
}

// dirFile is an opened path of which only the description is asked for.
type dirFile struct{ info fs.FileInfo }

func (d dirFile) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d dirFile) Read([]byte) (int, error)   { return 0, io.EOF }
func (d dirFile) Close() error               { return nil }

type fileInfo struct{ i Info }

func (f fileInfo) Name() string       { return f.i.Name }
func (f fileInfo) Size() int64        { return 0 }
func (f fileInfo) ModTime() time.Time { return time.Time{} }
func (f fileInfo) Sys() any           { return nil }
func (f fileInfo) IsDir() bool        { return f.Mode().IsDir() }

func (f fileInfo) Mode() fs.FileMode {
	switch {
	case f.i.Mode.IsDir(), f.i.Mode == ModeSubmodule:
		return fs.ModeDir | 0o755
	case f.i.Mode == ModeSymlink:
		return fs.ModeSymlink | 0o777
	case f.i.Mode == ModeExec:
		return 0o755
	default:
		return 0o644
	}
}
