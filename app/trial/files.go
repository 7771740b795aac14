package trial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Bounds on a directory, all of whose files are read into memory.
const (
	maxFiles = 100_000
	maxBytes = 512 << 20
)

// directory is the directory that steps are tried on.
type directory struct{ root *os.Root }

// load reads all files into a new Workspace. Symbolic links stay links; what is
// neither a file, a directory nor a link is left out, as is .git.
func (d directory) load(ctx context.Context) (*tree.Workspace, error) {
	ws := tree.NewWorkspace()
	files, left := 0, int64(maxBytes)
	err := fs.WalkDir(d.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case p == ".":
			return nil
		case isGit(e.Name()):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return ws.Scratch().MkdirAll(ctx, p)
		case e.Type()&fs.ModeSymlink == 0 && !e.Type().IsRegular():
			return nil
		}
		if files++; files > maxFiles {
			return fmt.Errorf("more than %d files: try the steps on a smaller directory", maxFiles)
		}
		data, mode, err := d.read(p, e, left)
		if err != nil {
			return err
		}
		left -= int64(len(data))
		return ws.Scratch().WriteFile(ctx, p, data, mode)
	})
	if err != nil {
		return nil, err
	}
	return ws, nil
}

func (d directory) read(p string, e fs.DirEntry, left int64) ([]byte, tree.Mode, error) {
	if e.Type()&fs.ModeSymlink != 0 {
		target, err := d.root.Readlink(p)
		return []byte(target), tree.ModeSymlink, err
	}
	info, err := e.Info()
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > left {
		return nil, 0, fmt.Errorf("%s: more than %d MiB in all: try the steps on a smaller directory", p, maxBytes>>20)
	}
	mode := tree.ModeFile
	if info.Mode()&0o100 != 0 {
		mode = tree.ModeExec
	}
	data, err := d.root.ReadFile(p)
	return data, mode, err
}

// isGit reports whether no Workspace may hold the name, because Git's own files are
// there.
func isGit(name string) bool {
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}

// store makes the directory hold what differs between two trees of f, which lies
// at a path of the directory.
func (d directory) store(ctx context.Context, f *tree.FS, at string, before, after tree.Hash) error {
	changes, err := f.Diff(ctx, before, after)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.Deleted() {
			if err := d.remove(path.Join(at, c.Path)); err != nil {
				return err
			}
		}
	}
	data, err := f.Contents(ctx, changes)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if !c.Deleted() {
			if err := d.put(path.Join(at, c.Path), c, data[c.New]); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove removes a file or a link.
func (d directory) remove(p string) error {
	if err := d.root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d directory) put(p string, c tree.Change, data []byte) error {
	if err := d.mkdir(path.Dir(p)); err != nil {
		return err
	}
	if c.NewMode == tree.ModeSubmodule {
		return d.mkdir(p)
	}
	perm := fs.FileMode(0o644)
	if c.NewMode == tree.ModeExec {
		perm = 0o755
	}
	if info, err := d.root.Lstat(p); err == nil {
		if info.Mode().IsRegular() && c.OldMode == c.NewMode {
			perm = info.Mode().Perm()
		}
		// What is a link now must not be written through.
		if err := d.root.RemoveAll(p); err != nil {
			return err
		}
	}
	if c.NewMode == tree.ModeSymlink {
		return d.root.Symlink(string(data), p)
	}
	if err := d.root.WriteFile(p, data, perm); err != nil {
		return err
	}
	return d.root.Chmod(p, perm)
}

// mkdir makes a directory, in place of a file or a link where there is one.
func (d directory) mkdir(p string) error {
	if p == "." {
		return nil
	}
	if err := d.mkdir(path.Dir(p)); err != nil {
		return err
	}
	info, err := d.root.Lstat(p)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		if err := d.root.Remove(p); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return d.root.Mkdir(p, 0o755)
}

// tidy gives the directory the directories of f, empty ones too, and takes from it
// the empty ones that f lacks.
func (d directory) tidy(ctx context.Context, f *tree.FS) error {
	has, err := directories(ctx, f, ".")
	if err != nil {
		return err
	}
	keep := make(map[string]bool, len(has))
	for _, p := range has {
		keep[p] = true
		if err := d.mkdir(p); err != nil {
			return err
		}
	}
	var gone []string
	err = fs.WalkDir(d.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || !e.IsDir() || p == ".":
			return err
		case isGit(e.Name()):
			return fs.SkipDir
		case !keep[p]:
			gone = append(gone, p)
		}
		return ctx.Err()
	})
	for _, p := range slices.Backward(gone) { // what lies inside comes later
		// It stays when something is in it that steps do not see, such as .git.
		_ = d.root.Remove(p)
	}
	return err
}

// directories lists all directories of f, those that hold others first.
func directories(ctx context.Context, f *tree.FS, at string) ([]string, error) {
	infos, err := f.ReadDir(ctx, at)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, i := range infos {
		if !i.Mode.IsDir() {
			continue
		}
		p := path.Join(at, i.Name)
		inner, err := directories(ctx, f, p)
		if err != nil {
			return nil, err
		}
		out = append(append(out, p), inner...)
	}
	return out, nil
}
