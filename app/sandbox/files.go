package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Bounds on what one run does to files.
const (
	maxWritten = 256 << 20
	maxOpen    = 1024
	// maxChanges bounds how often files are made, moved and removed.
	maxChanges = 100_000
)

// fileSystem is a Workspace as a program sees it. A file that is open is held in
// memory and written back when it is closed. One program has one fileSystem, and calls
// it from one goroutine.
type fileSystem struct {
	sys.UnimplementedFS
	ctx  context.Context //nolint:containedctx // that of the run, which the calls of wazero do not pass on
	ws   *tree.Workspace
	stop func(error)

	open    map[string]*node
	handles int
	changes int
	written int64

	mu  sync.Mutex
	err error
}

// node is the content of a file that is open.
type node struct {
	path   string
	data   []byte
	mode   tree.Mode
	dirty  bool
	users  int
	absent bool // removed while it was open
}

func newFileSystem(ctx context.Context, ws *tree.Workspace, stop func(error)) *fileSystem {
	return &fileSystem{ctx: ctx, ws: ws, stop: stop, open: map[string]*node{}}
}

// fault is what kept files from being read or written that is no concern of the
// program, or what the program did that it may not.
func (f *fileSystem) fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fileSystem) fail(err error) sys.Errno {
	f.mu.Lock()
	if f.err == nil {
		f.err = err
	}
	f.mu.Unlock()
	f.stop(err)
	return sys.EIO
}

func (f *fileSystem) forbid(what string) sys.Errno {
	return f.fail(&step.ProgramError{Err: errors.New(what)})
}

// errno is what a program is told of an error. One that says nothing about the path
// ends the run.
func (f *fileSystem) errno(err error) sys.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, fs.ErrNotExist):
		return sys.ENOENT
	case errors.Is(err, fs.ErrExist):
		return sys.EEXIST
	case errors.Is(err, fs.ErrPermission), errors.Is(err, tree.ErrSubmodule):
		return sys.EACCES
	case errors.Is(err, fs.ErrInvalid):
		return sys.EINVAL
	case errors.Is(err, tree.ErrIsDir):
		return sys.EISDIR
	case errors.Is(err, tree.ErrNotDir):
		return sys.ENOTDIR
	case errors.Is(err, tree.ErrSymlinkLoop):
		return sys.ELOOP
	case f.ctx.Err() != nil:
		return sys.EIO // the run ends anyhow
	}
	return f.fail(err)
}

// change counts what makes the Workspace grow.
func (f *fileSystem) change() sys.Errno {
	if f.changes++; f.changes > maxChanges {
		return f.forbid("it changed more than 100000 files")
	}
	return 0
}

func (f *fileSystem) grow(n int64) sys.Errno {
	if f.written += n; f.written > maxWritten {
		return f.forbid("it wrote more than 256 MiB to files")
	}
	return 0
}

// OpenFile implements [sys.FS].
func (f *fileSystem) OpenFile(p string, flag sys.Oflag, perm fs.FileMode) (sys.File, sys.Errno) {
	if f.handles >= maxOpen {
		return nil, f.forbid("it opened more than 1024 files at once")
	}
	p = tree.Clean(p)
	if n, ok := f.open[p]; ok && !n.absent {
		if flag&sys.O_CREAT != 0 && flag&sys.O_EXCL != 0 {
			return nil, sys.EEXIST
		}
		return f.handle(n, flag), 0
	}
	if flag&sys.O_NOFOLLOW != 0 {
		if info, err := f.ws.Lstat(f.ctx, p); err == nil && info.Mode == tree.ModeSymlink {
			return nil, sys.ELOOP
		}
	}
	info, err := f.ws.Stat(f.ctx, p)
	exists := err == nil
	create := flag&sys.O_CREAT != 0
	switch {
	case err != nil && (!errors.Is(err, fs.ErrNotExist) || !create):
		return nil, f.errno(err)
	case exists && create && flag&sys.O_EXCL != 0:
		return nil, sys.EEXIST
	case exists && (info.Mode.IsDir() || info.Mode == tree.ModeSubmodule):
		if writes(flag) {
			return nil, sys.EISDIR
		}
		return f.directory(p), 0
	case flag&sys.O_DIRECTORY != 0:
		if exists {
			return nil, sys.ENOTDIR
		}
		return nil, sys.ENOENT
	}
	n := &node{path: p, mode: info.Mode}
	if !exists {
		n.mode = tree.ModeFile
		if perm&0o100 != 0 {
			n.mode = tree.ModeExec
		}
		if errno := f.change(); errno != 0 {
			return nil, errno
		}
		// Written at once, so that the name exists and a bad one is refused.
		if err := f.ws.WriteFile(f.ctx, p, nil, n.mode); err != nil {
			return nil, f.errno(err)
		}
	} else if flag&sys.O_TRUNC == 0 {
		if n.data, err = f.ws.ReadFile(f.ctx, p); err != nil {
			return nil, f.errno(err)
		}
	}
	f.open[p] = n
	return f.handle(n, flag), 0
}

// writes reports whether a file is opened to write to it.
func writes(flag sys.Oflag) bool { return flag&(sys.O_RDWR|sys.O_WRONLY) != 0 }

func (f *fileSystem) handle(n *node, flag sys.Oflag) *file {
	if flag&sys.O_TRUNC != 0 && writes(flag) {
		n.data, n.dirty = nil, true
	}
	n.users++
	f.handles++
	return &file{fs: f, node: n, append: flag&sys.O_APPEND != 0, readable: flag&sys.O_WRONLY == 0, writable: writes(flag)}
}

func (f *fileSystem) directory(p string) *directory {
	f.handles++
	return &directory{fs: f, path: p}
}

// flush writes back all that is open.
func (f *fileSystem) flush() error {
	for _, n := range f.open {
		if err := f.writeBack(n); err != nil {
			return err
		}
	}
	return nil
}

func (f *fileSystem) writeBack(n *node) error {
	if !n.dirty || n.absent {
		return nil
	}
	if err := f.ws.WriteFile(f.ctx, n.path, n.data, n.mode); err != nil {
		return err
	}
	n.dirty = false
	return nil
}

// settle makes the Workspace hold what was written beneath a path.
func (f *fileSystem) settle(p string) error {
	for at, n := range f.open {
		if at == p || strings.HasPrefix(at, p+"/") {
			if err := f.writeBack(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// detach makes the files that are open beneath a path ones without a name.
func (f *fileSystem) detach(p string) {
	for at, n := range f.open {
		if at == p || strings.HasPrefix(at, p+"/") {
			n.absent = true
			delete(f.open, at)
		}
	}
}

// Stat implements [sys.FS].
func (f *fileSystem) Stat(p string) (wsys.Stat_t, sys.Errno) {
	info, err := f.ws.Stat(f.ctx, p)
	return f.stat(tree.Clean(p), info, err)
}

// Lstat implements [sys.FS].
func (f *fileSystem) Lstat(p string) (wsys.Stat_t, sys.Errno) {
	info, err := f.ws.Lstat(f.ctx, p)
	return f.stat(tree.Clean(p), info, err)
}

func (f *fileSystem) stat(p string, info tree.Info, err error) (wsys.Stat_t, sys.Errno) {
	if err != nil {
		return wsys.Stat_t{}, f.errno(err)
	}
	st := wsys.Stat_t{Ino: inode(p), Nlink: 1, Mode: permissions(info.Mode)}
	switch n, open := f.open[p]; {
	case open:
		st.Size = int64(len(n.data))
	case info.Mode.IsRegular():
		data, err := f.ws.ReadFile(f.ctx, p)
		if err != nil {
			return wsys.Stat_t{}, f.errno(err)
		}
		st.Size = int64(len(data))
	case info.Mode == tree.ModeSymlink:
		target, errno := f.Readlink(p)
		if errno != 0 {
			return wsys.Stat_t{}, errno
		}
		st.Size = int64(len(target))
	}
	return st, 0
}

func permissions(m tree.Mode) fs.FileMode {
	switch {
	case m.IsDir() || m == tree.ModeSubmodule:
		return fs.ModeDir | 0o755
	case m == tree.ModeSymlink:
		return fs.ModeSymlink | 0o777
	case m == tree.ModeExec:
		return 0o755
	}
	return 0o644
}

// Readlink implements [sys.FS].
func (f *fileSystem) Readlink(p string) (string, sys.Errno) {
	in, rel := f.under(p)
	target, err := in.Readlink(f.ctx, rel)
	return target, f.errno(err)
}

// under is the file system that a path lies in, and the path there.
func (f *fileSystem) under(p string) (*tree.FS, string) {
	if c, rel := f.ws.CheckoutOf(p); c != nil {
		return c.FS, rel
	}
	return f.ws.Scratch(), tree.Clean(p)
}
