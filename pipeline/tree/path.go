package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Errors inside the *fs.PathError values that this package returns, beside
// fs.ErrNotExist, fs.ErrInvalid and fs.ErrPermission.
var (
	ErrIsDir       = errors.New("is a directory")
	ErrNotDir      = errors.New("not a directory")
	ErrSymlinkLoop = errors.New("too many levels of symbolic links")
	ErrSubmodule   = errors.New("is a submodule, whose files are not part of this repository")
)

// maxSymlinks is the kernel's limit on links followed for one path.
const maxSymlinks = 40

// Clean returns p relative to the root that confines it: an absolute path is
// taken relative to the root, and ".." stops there. The root itself is ".".
// Kargo confines such paths in the same way instead of rejecting them.
func Clean(p string) string {
	p = path.Clean("/" + p)[1:]
	if p == "" {
		return "."
	}
	return p
}

// split returns the components of p after Clean; the root has none.
func split(p string) []string {
	p = Clean(p)
	if p == "." {
		return nil
	}
	return strings.Split(p, "/")
}

// isDotGit reports whether a name reaches Git's own directory on some file
// system: Git refuses such names in trees too.
func isDotGit(name string) bool {
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}

// checkName rejects names that no tree may hold.
func checkName(name string) error {
	switch {
	case isDotGit(name):
		return fmt.Errorf("%w: the .git directory is not part of the workspace", fs.ErrPermission)
	case strings.ContainsRune(name, 0):
		return fs.ErrInvalid
	}
	return nil
}

func pathError(op, p string, err error) error {
	return &fs.PathError{Op: op, Path: p, Err: err}
}
