package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Limits of tar and untar, which are Kargo's, and of what stands between the files.
const (
	maxArchivedFile = 50 << 20
	maxArchived     = 100 << 20
	// maxEntries bounds how many files and directories an archive holds.
	maxEntries = 100_000
)

// archiveSize adds up the files of an archive.
type archiveSize struct{ bytes, entries int64 }

// add counts one entry; the error says which limit it breaks.
func (s *archiveSize) add(name string, size int64) error {
	s.entries++
	s.bytes += size
	switch {
	case size > maxArchivedFile:
		return fmt.Errorf("%s has %d bytes, more than the limit of %d for a file", name, size, maxArchivedFile)
	case s.bytes > maxArchived:
		return fmt.Errorf("the files have more than %d bytes together", maxArchived)
	case s.entries > maxEntries:
		return fmt.Errorf("there are more than %d files and directories", maxEntries)
	}
	return nil
}

// archived is one file, link or directory of a directory that is archived.
type archived struct {
	// path is its place in the workspace, name in the archive.
	path, name string
	mode       tree.Mode
}

// walkArchived lists what lies beneath a directory, directories before their content,
// without what ignore names and without the path except. Submodules are left out.
func walkArchived(ctx context.Context, w *tree.Workspace, dir, prefix, except string, ignore tree.Ignore) ([]archived, error) {
	infos, err := w.ReadDir(ctx, dir)
	if err != nil {
		return nil, err
	}
	var out []archived
	for _, info := range infos {
		a := archived{path: path.Join(dir, info.Name), name: path.Join(prefix, info.Name), mode: info.Mode}
		if a.path == except || info.Mode == tree.ModeSubmodule || ignore.Match(a.name, info.Mode.IsDir()) {
			continue
		}
		if out = append(out, a); len(out) > maxEntries {
			return nil, fmt.Errorf("there are more than %d files and directories", maxEntries)
		}
		if info.Mode.IsDir() {
			below, err := walkArchived(ctx, w, a.path, a.name, except, ignore)
			if err != nil {
				return nil, err
			}
			out = append(out, below...)
		}
	}
	return out, nil
}

// emptyDir makes a directory of the workspace empty, or creates it. A checkout is
// emptied and stays one; a directory that holds one cannot be.
func emptyDir(ctx context.Context, w *tree.Workspace, dir string) error {
	clean := tree.Clean(dir)
	if co, err := w.Checkout(clean); err == nil {
		co.Clear()
		return nil
	}
	for _, mounted := range w.Mounts() {
		if clean == "." || strings.HasPrefix(mounted, clean+"/") {
			return fmt.Errorf("%s cannot be replaced, because it holds the checkout %s", dir, mounted)
		}
	}
	if _, err := w.Lstat(ctx, clean); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.RemoveAll(ctx, clean); err != nil {
		return err
	}
	return w.MkdirAll(ctx, clean)
}
