package forge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// treeEdit is what becomes of one path; a zero hash deletes it.
type treeEdit struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

// missingPathError says that an edit deletes something that is not there.
type missingPathError struct{ path string }

func (e *missingPathError) Error() string { return "no such path: " + e.path }

func (g *gitRepo) entries(tree plumbing.Hash) ([]object.TreeEntry, error) {
	if tree.IsZero() || tree == emptyTree {
		return nil, nil
	}
	t, err := g.tree(tree)
	if err != nil {
		return nil, err
	}
	return slices.Clone(t.Entries), nil
}

// editTree applies edits, keyed by slash path, to a tree and writes only the trees on the way. Directories that become
// empty vanish.
func (g *gitRepo) editTree(base plumbing.Hash, edits map[string]treeEdit) (plumbing.Hash, error) {
	return g.editDir(base, "", edits)
}

func (g *gitRepo) editDir(base plumbing.Hash, at string, edits map[string]treeEdit) (plumbing.Hash, error) {
	entries, err := g.entries(base)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	byName := make(map[string]object.TreeEntry, len(entries))
	for _, e := range entries {
		byName[e.Name] = e
	}
	below := map[string]map[string]treeEdit{}
	for _, path := range orderedKeys(edits) {
		edit := edits[path]
		dir, rest, nested := strings.Cut(path, "/")
		switch {
		case nested:
			if below[dir] == nil {
				below[dir] = map[string]treeEdit{}
			}
			below[dir][rest] = edit
		case edit.hash.IsZero():
			if _, found := byName[path]; !found {
				return plumbing.ZeroHash, &missingPathError{at + path}
			}
			delete(byName, path)
		default:
			byName[path] = object.TreeEntry{Name: path, Mode: edit.mode, Hash: edit.hash}
		}
	}
	for _, dir := range orderedKeys(below) {
		var sub plumbing.Hash
		if e, found := byName[dir]; found && isDir(e) {
			sub = e.Hash
		}
		h, err := g.editDir(sub, at+dir+"/", below[dir])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if h == emptyTree {
			delete(byName, dir)
			continue
		}
		byName[dir] = object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: h}
	}
	out := make([]object.TreeEntry, 0, len(byName))
	for _, e := range byName {
		out = append(out, e)
	}
	return g.writeTree(out)
}

// find returns the entry at path.
func (g *gitRepo) find(root plumbing.Hash, path string) (object.TreeEntry, bool, error) {
	current := object.TreeEntry{Mode: filemode.Dir, Hash: root}
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" {
			continue
		}
		if !isDir(current) {
			return object.TreeEntry{}, false, nil
		}
		entries, err := g.entries(current.Hash)
		if err != nil {
			return object.TreeEntry{}, false, err
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == part })
		if i < 0 {
			return object.TreeEntry{}, false, nil
		}
		current = entries[i]
	}
	return current, true, nil
}

// fileChange is one path that differs between two trees.
type fileChange struct {
	path     string
	previous string // old path of a rename
	status   string // added, removed, modified, renamed
	old, new object.TreeEntry
}

// diff lists the files that differ, sorted by path. A file that moved without changing is a rename.
func (g *gitRepo) diff(a, b plumbing.Hash) ([]fileChange, error) {
	var out []fileChange
	if err := g.diffDir(a, b, "", &out); err != nil {
		return nil, err
	}
	removed := map[plumbing.Hash]int{}
	for i, c := range out {
		if c.status == "removed" {
			removed[c.old.Hash] = i
		}
	}
	drop := map[int]bool{}
	for i, c := range out {
		if c.status != "added" {
			continue
		}
		if j, found := removed[c.new.Hash]; found && !drop[j] {
			out[i].status, out[i].previous, out[i].old = "renamed", out[j].path, out[j].old
			drop[j] = true
		}
	}
	kept := out[:0]
	for i, c := range out {
		if !drop[i] {
			kept = append(kept, c)
		}
	}
	slices.SortFunc(kept, func(x, y fileChange) int { return strings.Compare(x.path, y.path) })
	return kept, nil
}

func (g *gitRepo) diffDir(a, b plumbing.Hash, prefix string, out *[]fileChange) error {
	if a == b {
		return nil
	}
	as, err := g.entries(a)
	if err != nil {
		return err
	}
	bs, err := g.entries(b)
	if err != nil {
		return err
	}
	pairs := map[string][2]object.TreeEntry{}
	for _, e := range as {
		pairs[e.Name] = [2]object.TreeEntry{e, {}}
	}
	for _, e := range bs {
		pairs[e.Name] = [2]object.TreeEntry{pairs[e.Name][0], e}
	}
	for _, name := range orderedKeys(pairs) {
		x, y := pairs[name][0], pairs[name][1]
		if x.Hash == y.Hash && x.Mode == y.Mode {
			continue
		}
		if isDir(x) || isDir(y) {
			if err := g.diffDir(dirHash(x), dirHash(y), prefix+name+"/", out); err != nil {
				return err
			}
			if isDir(x) {
				x = object.TreeEntry{}
			}
			if isDir(y) {
				y = object.TreeEntry{}
			}
		}
		switch {
		case x.Hash.IsZero() && y.Hash.IsZero():
		case x.Hash.IsZero():
			*out = append(*out, fileChange{path: prefix + name, status: "added", new: y})
		case y.Hash.IsZero():
			*out = append(*out, fileChange{path: prefix + name, status: "removed", old: x})
		default:
			*out = append(*out, fileChange{path: prefix + name, status: "modified", old: x, new: y})
		}
	}
	return nil
}

func dirHash(e object.TreeEntry) plumbing.Hash {
	if isDir(e) {
		return e.Hash
	}
	return plumbing.ZeroHash
}

// diffCommits is diff between the trees of two commits.
func (g *gitRepo) diffCommits(a, b plumbing.Hash) ([]fileChange, error) {
	at, err := g.treeOf(a)
	if err != nil {
		return nil, err
	}
	bt, err := g.treeOf(b)
	if err != nil {
		return nil, err
	}
	changes, err := g.diff(at, bt)
	if err != nil {
		return nil, fmt.Errorf("diff %s %s: %w", a, b, err)
	}
	return changes, nil
}
