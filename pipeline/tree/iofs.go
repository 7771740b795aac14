package tree

import (
	"bytes"
	"context"
	"io"
	"io/fs"
)

// IOFS returns the Workspace as a read-only [fs.FS], for code that knows no other
// files. It reads lazily, for as long as ctx lives; like the Workspace it must not
// be used concurrently, nor while the Workspace changes. Links are followed, and
// lead nowhere outside. It implements [fs.ReadFileFS], [fs.ReadDirFS],
// [fs.StatFS] and Prefetch, which is Workspace.Prefetch.
func (w *Workspace) IOFS(ctx context.Context) fs.FS { return &workspaceFS{ctx: ctx, w: w} }

type workspaceFS struct {
	ctx context.Context //nolint:containedctx // io/fs has no place for it.
	w   *Workspace
}

var (
	_ fs.ReadFileFS = (*workspaceFS)(nil)
	_ fs.ReadDirFS  = (*workspaceFS)(nil)
	_ fs.StatFS     = (*workspaceFS)(nil)
)

// Prefetch makes the given paths readable in few round trips.
func (f *workspaceFS) Prefetch(paths ...string) error { return f.w.Prefetch(f.ctx, paths...) }

// ReadFile implements fs.ReadFileFS.
func (f *workspaceFS) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, pathError("read", name, fs.ErrInvalid)
	}
	return f.w.ReadFile(f.ctx, name)
}

// ReadDir implements fs.ReadDirFS.
func (f *workspaceFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, pathError("readdir", name, fs.ErrInvalid)
	}
	infos, err := f.w.ReadDir(f.ctx, name)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(infos))
	for i, info := range infos {
		out[i] = fs.FileInfoToDirEntry(fileInfo{info})
	}
	return out, nil
}

// Stat implements fs.StatFS. Sizes are not known before a file is read, and are
// said to be 0.
func (f *workspaceFS) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, pathError("stat", name, fs.ErrInvalid)
	}
	info, err := f.w.Stat(f.ctx, name)
	if err != nil {
		return nil, err
	}
	return fileInfo{info}, nil
}

// Open implements fs.FS.
func (f *workspaceFS) Open(name string) (fs.File, error) {
	info, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		entries, err := f.ReadDir(name)
		return &openDir{dirFile: dirFile{info}, entries: entries}, err
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{Reader: bytes.NewReader(data), info: sizedInfo{info, int64(len(data))}}, nil
}

type openFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type sizedInfo struct {
	fs.FileInfo
	size int64
}

func (i sizedInfo) Size() int64 { return i.size }

type openDir struct {
	dirFile
	entries []fs.DirEntry
}

// Read implements fs.File, which a directory is not.
func (d *openDir) Read([]byte) (int, error) {
	return 0, pathError("read", d.info.Name(), ErrIsDir)
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		out := d.entries
		d.entries = nil
		return out, nil
	}
	if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	out := d.entries[:n]
	d.entries = d.entries[n:]
	return out, nil
}
