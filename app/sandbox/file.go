package sandbox

import (
	"io"
	"io/fs"
	"path"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"
)

// position is a place in a file. The alias tells go vet that Seek is not io.Seeker's.
type position = int64

// file is an open file.
type file struct {
	sys.UnimplementedFile
	fs                 *fileSystem
	node               *node
	at                 int64
	append             bool
	readable, writable bool
	closed             bool
}

// Ino implements [sys.File].
func (f *file) Ino() (wsys.Inode, sys.Errno) { return inode(f.node.path), 0 }

// Dev implements [sys.File].
func (f *file) Dev() (uint64, sys.Errno) { return 0, 0 }

// IsDir implements [sys.File].
func (f *file) IsDir() (bool, sys.Errno) { return false, 0 }

// IsAppend implements [sys.File].
func (f *file) IsAppend() bool { return f.append }

// SetAppend implements [sys.File].
func (f *file) SetAppend(enable bool) sys.Errno { f.append = enable; return 0 }

// Stat implements [sys.File].
func (f *file) Stat() (wsys.Stat_t, sys.Errno) {
	return wsys.Stat_t{Ino: inode(f.node.path), Nlink: 1, Mode: permissions(f.node.mode), Size: int64(len(f.node.data))}, 0
}

// Read implements [sys.File].
func (f *file) Read(buf []byte) (int, sys.Errno) {
	n, errno := f.Pread(buf, f.at)
	f.at += int64(n)
	return n, errno
}

// Pread implements [sys.File].
func (f *file) Pread(buf []byte, off int64) (int, sys.Errno) {
	switch {
	case f.closed || !f.readable:
		return 0, sys.EBADF
	case off < 0:
		return 0, sys.EINVAL
	case off >= int64(len(f.node.data)):
		return 0, 0
	}
	return copy(buf, f.node.data[off:]), 0
}

// Seek implements [sys.File].
func (f *file) Seek(offset position, whence int) (position, sys.Errno) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += int64(len(f.node.data))
	default:
		return 0, sys.EINVAL
	}
	if offset < 0 {
		return 0, sys.EINVAL
	}
	f.at = offset
	return offset, 0
}

// Write implements [sys.File].
func (f *file) Write(buf []byte) (int, sys.Errno) {
	if f.append {
		f.at = int64(len(f.node.data))
	}
	n, errno := f.Pwrite(buf, f.at)
	f.at += int64(n)
	return n, errno
}

// Pwrite implements [sys.File].
func (f *file) Pwrite(buf []byte, off int64) (int, sys.Errno) {
	if f.closed || !f.writable {
		return 0, sys.EBADF
	}
	if off < 0 {
		return 0, sys.EINVAL
	}
	if errno := f.resize(max(off+int64(len(buf)), int64(len(f.node.data)))); errno != 0 {
		return 0, errno
	}
	f.node.dirty = true
	return copy(f.node.data[off:], buf), 0
}

// resize makes the file have a size. Memory is taken only within the limit.
func (f *file) resize(size int64) sys.Errno {
	have := int64(len(f.node.data))
	if size <= have {
		f.node.data = f.node.data[:size]
		return 0
	}
	if size > maxWritten {
		return f.fs.forbid("it wrote more than 256 MiB to files")
	}
	if errno := f.fs.grow(size - have); errno != 0 {
		return errno
	}
	f.node.data = append(f.node.data, make([]byte, size-have)...)
	return 0
}

// Truncate implements [sys.File].
func (f *file) Truncate(size int64) sys.Errno {
	if f.closed || !f.writable {
		return sys.EBADF
	}
	if size < 0 {
		return sys.EINVAL
	}
	f.node.dirty = true
	return f.resize(size)
}

// Sync implements [sys.File].
func (f *file) Sync() sys.Errno { return 0 }

// Datasync implements [sys.File].
func (f *file) Datasync() sys.Errno { return 0 }

// Utimens implements [sys.File].
func (f *file) Utimens(int64, int64) sys.Errno { return 0 }

// Readdir implements [sys.File].
func (f *file) Readdir(int) ([]sys.Dirent, sys.Errno) { return nil, sys.ENOTDIR }

// Close implements [sys.File]: the last one to close a file writes it back.
func (f *file) Close() sys.Errno {
	if f.closed {
		return 0
	}
	f.closed = true
	f.fs.handles--
	if f.node.users--; f.node.users > 0 {
		return 0
	}
	if !f.node.absent {
		delete(f.fs.open, f.node.path)
	}
	return f.fs.errno(f.fs.writeBack(f.node))
}

// directory is an open directory.
type directory struct {
	sys.UnimplementedFile
	fs     *fileSystem
	path   string
	rest   []sys.Dirent
	read   bool
	closed bool
}

// Dev implements [sys.File].
func (d *directory) Dev() (uint64, sys.Errno) { return 0, 0 }

// Ino implements [sys.File].
func (d *directory) Ino() (wsys.Inode, sys.Errno) { return inode(d.path), 0 }

// IsDir implements [sys.File].
func (d *directory) IsDir() (bool, sys.Errno) { return true, 0 }

// Stat implements [sys.File].
func (d *directory) Stat() (wsys.Stat_t, sys.Errno) {
	return wsys.Stat_t{Ino: inode(d.path), Nlink: 1, Mode: fs.ModeDir | 0o755}, 0
}

// Read implements [sys.File].
func (d *directory) Read([]byte) (int, sys.Errno) { return 0, sys.EISDIR }

// Seek implements [sys.File]: a directory is read again from its beginning only.
func (d *directory) Seek(offset position, whence int) (position, sys.Errno) {
	if offset != 0 || whence != io.SeekStart {
		return 0, sys.EINVAL
	}
	d.rest, d.read = nil, false
	return 0, 0
}

// Readdir implements [sys.File].
func (d *directory) Readdir(n int) ([]sys.Dirent, sys.Errno) {
	if d.closed {
		return nil, sys.EBADF
	}
	if !d.read {
		infos, err := d.fs.ws.ReadDir(d.fs.ctx, d.path)
		if err != nil {
			return nil, d.fs.errno(err)
		}
		for _, i := range infos {
			d.rest = append(d.rest, sys.Dirent{
				Name: i.Name, Ino: inode(path.Join(d.path, i.Name)), Type: permissions(i.Mode).Type(),
			})
		}
		d.read = true
	}
	if n <= 0 || n > len(d.rest) {
		n = len(d.rest)
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out, 0
}

// Sync implements [sys.File].
func (d *directory) Sync() sys.Errno { return 0 }

// Close implements [sys.File].
func (d *directory) Close() sys.Errno {
	if !d.closed {
		d.closed = true
		d.fs.handles--
	}
	return 0
}
