package sandbox

import (
	"errors"
	"hash/fnv"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// inode numbers a path, the same each time.
func inode(p string) wsys.Inode {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p)) // it never fails
	return h.Sum64()
}

// Mkdir implements [sys.FS].
func (f *fileSystem) Mkdir(p string, _ fs.FileMode) sys.Errno {
	if _, err := f.ws.Lstat(f.ctx, p); err == nil {
		return sys.EEXIST
	} else if !errors.Is(err, fs.ErrNotExist) {
		return f.errno(err)
	}
	if info, err := f.ws.Stat(f.ctx, path.Dir(tree.Clean(p))); err != nil {
		return f.errno(err)
	} else if !info.Mode.IsDir() {
		return sys.ENOTDIR
	}
	if errno := f.change(); errno != 0 {
		return errno
	}
	return f.errno(f.ws.MkdirAll(f.ctx, p))
}

// Chmod implements [sys.FS]: whether a file is executable is all that Git keeps.
func (f *fileSystem) Chmod(p string, perm fs.FileMode) sys.Errno {
	info, err := f.ws.Stat(f.ctx, p)
	if err != nil {
		return f.errno(err)
	}
	if !info.Mode.IsRegular() {
		return 0
	}
	mode := tree.ModeFile
	if perm&0o100 != 0 {
		mode = tree.ModeExec
	}
	if n, ok := f.open[tree.Clean(p)]; ok {
		n.mode, n.dirty = mode, true
		return 0
	}
	data, err := f.ws.ReadFile(f.ctx, p)
	if err != nil {
		return f.errno(err)
	}
	return f.errno(f.ws.WriteFile(f.ctx, p, data, mode))
}

// Utimens implements [sys.FS]: files have no times.
func (f *fileSystem) Utimens(p string, _, _ int64) sys.Errno {
	_, err := f.ws.Stat(f.ctx, p)
	return f.errno(err)
}

// Link implements [sys.FS].
func (f *fileSystem) Link(string, string) sys.Errno { return sys.ENOTSUP }

// Symlink implements [sys.FS]. Links are followed within the Workspace only.
func (f *fileSystem) Symlink(target, p string) sys.Errno {
	if _, err := f.ws.Lstat(f.ctx, p); err == nil {
		return sys.EEXIST
	}
	if errno := f.change(); errno != 0 {
		return errno
	}
	return f.errno(f.ws.WriteFile(f.ctx, p, []byte(target), tree.ModeSymlink))
}

// Unlink implements [sys.FS].
func (f *fileSystem) Unlink(p string) sys.Errno {
	info, err := f.ws.Lstat(f.ctx, p)
	switch {
	case err != nil:
		return f.errno(err)
	case info.Mode.IsDir() || info.Mode == tree.ModeSubmodule:
		return sys.EISDIR
	}
	return f.remove(p)
}

// Rmdir implements [sys.FS].
func (f *fileSystem) Rmdir(p string) sys.Errno {
	info, err := f.ws.Lstat(f.ctx, p)
	if err != nil {
		return f.errno(err)
	}
	if !info.Mode.IsDir() {
		return sys.ENOTDIR
	}
	if f.root(p) {
		return sys.EACCES
	}
	inside, err := f.ws.ReadDir(f.ctx, p)
	if err != nil {
		return f.errno(err)
	}
	if len(inside) > 0 {
		return sys.ENOTEMPTY
	}
	return f.remove(p)
}

// root reports whether a path is one that must stay: the Workspace itself, or a
// checkout, which would not be one any more.
func (f *fileSystem) root(p string) bool {
	p = tree.Clean(p)
	return p == "." || slices.ContainsFunc(f.ws.Mounts(), func(m string) bool { return m == p || strings.HasPrefix(m, p+"/") })
}

func (f *fileSystem) remove(p string) sys.Errno {
	if errno := f.change(); errno != 0 {
		return errno
	}
	f.detach(tree.Clean(p))
	return f.errno(f.ws.RemoveAll(f.ctx, p))
}

// Rename implements [sys.FS].
func (f *fileSystem) Rename(from, to string) sys.Errno {
	from, to = tree.Clean(from), tree.Clean(to)
	info, err := f.ws.Lstat(f.ctx, from)
	switch {
	case err != nil:
		return f.errno(err)
	case from == to:
		return 0
	case f.root(from) || f.root(to):
		return sys.EACCES
	case strings.HasPrefix(to, from+"/"):
		return sys.EINVAL
	}
	switch there, err := f.ws.Lstat(f.ctx, to); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return f.errno(err)
	case there.Mode.IsDir() && !info.Mode.IsDir():
		return sys.EISDIR
	case info.Mode.IsDir() && !there.Mode.IsDir():
		return sys.ENOTDIR
	case there.Mode.IsDir():
		inside, err := f.ws.ReadDir(f.ctx, to)
		if err != nil {
			return f.errno(err)
		}
		if len(inside) > 0 {
			return sys.ENOTEMPTY
		}
	}
	if err := f.settle(from); err != nil {
		return f.errno(err)
	}
	f.detach(to)
	if errno := f.move(from, to, info); errno != 0 {
		return errno
	}
	f.follow(from, to)
	return f.errno(f.ws.RemoveAll(f.ctx, from))
}

// follow gives files that are open beneath a path the names that they have now.
func (f *fileSystem) follow(from, to string) {
	for at, n := range f.open {
		if at == from || strings.HasPrefix(at, from+"/") {
			delete(f.open, at)
			n.path = to + strings.TrimPrefix(at, from)
			f.open[n.path] = n
		}
	}
}

// move makes what lies at a path lie at another one too.
func (f *fileSystem) move(from, to string, info tree.Info) sys.Errno {
	if errno := f.change(); errno != 0 {
		return errno
	}
	if !info.Mode.IsDir() {
		data, errno := f.content(from, info)
		if errno != 0 {
			return errno
		}
		return f.errno(f.ws.WriteFile(f.ctx, to, data, info.Mode))
	}
	if err := f.ws.MkdirAll(f.ctx, to); err != nil {
		return f.errno(err)
	}
	inside, err := f.ws.ReadDir(f.ctx, from)
	if err != nil {
		return f.errno(err)
	}
	for _, i := range inside {
		if errno := f.move(path.Join(from, i.Name), path.Join(to, i.Name), i); errno != 0 {
			return errno
		}
	}
	return 0
}

func (f *fileSystem) content(p string, info tree.Info) ([]byte, sys.Errno) {
	switch info.Mode {
	case tree.ModeSubmodule:
		return nil, sys.EACCES
	case tree.ModeSymlink:
		target, errno := f.Readlink(p)
		return []byte(target), errno
	default:
		data, err := f.ws.ReadFile(f.ctx, p)
		return data, f.errno(err)
	}
}
