package forge

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// errConflict is a merge that needs a person.
var errConflict = errors.New("merge conflict")

// mergeCommits merges the trees of two commits over their merge base. It returns errConflict when they cannot be
// combined.
func (g *gitRepo) mergeCommits(ours, theirs plumbing.Hash) (plumbing.Hash, error) {
	rel, err := g.relate(ours, theirs)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	var trees [3]plumbing.Hash
	for i, c := range []plumbing.Hash{rel.mergeBase, ours, theirs} {
		if trees[i], err = g.treeOf(c); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return g.mergeTrees(trees[0], trees[1], trees[2])
}

// mergeTrees is a three-way merge that descends only where both sides changed something.
func (g *gitRepo) mergeTrees(base, ours, theirs plumbing.Hash) (plumbing.Hash, error) {
	switch {
	case base == ours || ours == theirs:
		return theirs, nil
	case base == theirs:
		return ours, nil
	}
	type triple [3]object.TreeEntry
	names := map[string]triple{}
	for i, h := range []plumbing.Hash{base, ours, theirs} {
		entries, err := g.entries(h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		for _, e := range entries {
			t := names[e.Name]
			t[i] = e
			names[e.Name] = t
		}
	}
	var out []object.TreeEntry
	for _, name := range orderedKeys(names) {
		t := names[name]
		e, err := g.mergeEntry(t[0], t[1], t[2])
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("%s: %w", name, err)
		}
		if gone := e.Hash.IsZero() || isDir(e) && e.Hash == emptyTree; !gone {
			e.Name = name
			out = append(out, e)
		}
	}
	return g.writeTree(out)
}

func (g *gitRepo) mergeEntry(base, ours, theirs object.TreeEntry) (object.TreeEntry, error) {
	same := func(a, b object.TreeEntry) bool { return a.Hash == b.Hash && a.Mode == b.Mode }
	switch {
	case same(base, ours) || same(ours, theirs):
		return theirs, nil
	case same(base, theirs):
		return ours, nil
	case isDir(ours) && isDir(theirs):
		h, err := g.mergeTrees(dirHash(base), ours.Hash, theirs.Hash)
		return object.TreeEntry{Mode: filemode.Dir, Hash: h}, err
	case base.Hash.IsZero() || ours.Hash.IsZero() || theirs.Hash.IsZero() || isDir(base) || isDir(ours) || isDir(theirs):
		return object.TreeEntry{}, errConflict
	}
	h, err := g.mergeBlobs(base.Hash, ours.Hash, theirs.Hash)
	mode := ours.Mode
	if mode == base.Mode {
		mode = theirs.Mode
	}
	return object.TreeEntry{Mode: mode, Hash: h}, err
}

// mergeBlobs lets git merge the lines of one file, so that the simulator conflicts exactly where GitHub would.
func (g *gitRepo) mergeBlobs(base, ours, theirs plumbing.Hash) (plumbing.Hash, error) {
	dir, err := os.MkdirTemp("", "forge-merge-")
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("merge: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	names := []string{"ours", "base", "theirs"}
	for i, h := range []plumbing.Hash{ours, base, theirs} {
		data, err := g.blob(h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if err := os.WriteFile(filepath.Join(dir, names[i]), data, 0o600); err != nil {
			return plumbing.ZeroHash, fmt.Errorf("merge: %w", err)
		}
	}
	cmd := g.program.command(append([]string{"merge-file", "--stdout"}, names...)...)
	cmd.Dir = dir
	merged, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return plumbing.ZeroHash, errConflict // the exit status counts conflicts; binary files fail as well
	}
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("git merge-file: %w", err)
	}
	return g.writeBlob(merged)
}
