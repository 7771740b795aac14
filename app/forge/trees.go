package forge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const maxTreeEntries = 100_000 // of a recursive listing, then truncated

func (s *Server) renderTree(r *repo, root plumbing.Hash, recursive bool) (obj, error) {
	list := r.git.listDir
	if recursive {
		list = r.git.listTree
	}
	entries, err := list(root)
	if err != nil {
		return nil, err
	}
	truncated := len(entries) > maxTreeEntries
	if truncated {
		entries = entries[:maxTreeEntries]
	}
	return obj{
		"sha": root.String(), "node_id": nodeID("T", r.id), "url": s.repoURL(r, "/git/trees/"+root.String()), "truncated": truncated,
		"tree": mapSlice(entries, func(e listedEntry) obj { return s.renderTreeEntry(r, e) }),
	}, nil
}

// listedEntry is an entry with what a listing adds: its full path and a blob's size.
type listedEntry struct {
	object.TreeEntry
	path string
	size int64
}

func (g *gitRepo) listDir(root plumbing.Hash) ([]listedEntry, error) {
	entries, err := g.entries(root)
	if err != nil {
		return nil, err
	}
	return mapSlice(entries, func(e object.TreeEntry) listedEntry {
		size, err := g.st.EncodedObjectSize(e.Hash)
		if err != nil {
			size = 0 // a submodule's commit is not here
		}
		return listedEntry{TreeEntry: e, path: e.Name, size: size}
	}), nil
}

// listTree lists everything below root. One git process knows all the sizes; asking object by object takes far longer.
func (g *gitRepo) listTree(root plumbing.Hash) ([]listedEntry, error) {
	if root == emptyTree {
		return nil, nil
	}
	raw, err := g.run(nil, "ls-tree", "-r", "-t", "-l", "-z", "--full-tree", root.String())
	if err != nil {
		return nil, err
	}
	var out []listedEntry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(raw), "\x00"), "\x00") {
		meta, path, _ := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if len(f) != 4 {
			return nil, fmt.Errorf("list tree %s: unreadable line %q", root, line)
		}
		mode, err := filemode.New(f[0])
		if err != nil {
			return nil, fmt.Errorf("list tree %s: %w", root, err)
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			size = 0 // "-" for trees and submodules
		}
		out = append(out, listedEntry{TreeEntry: object.TreeEntry{Mode: mode, Hash: plumbing.NewHash(f[2])}, path: path, size: size})
	}
	return out, nil
}

func (s *Server) renderTreeEntry(r *repo, e listedEntry) obj {
	o := obj{"path": e.path, "mode": modeString(e.Mode), "type": "blob", "sha": e.Hash.String()}
	switch e.Mode {
	case filemode.Dir:
		o["type"], o["url"] = "tree", s.repoURL(r, "/git/trees/"+e.Hash.String())
	case filemode.Submodule:
		o["type"] = "commit"
	default:
		o["url"] = s.repoURL(r, "/git/blobs/"+e.Hash.String())
		o["size"] = e.size
	}
	return o
}

func modeString(m filemode.FileMode) string {
	raw := strconv.FormatUint(uint64(m), 8)
	return strings.Repeat("0", max(0, 6-len(raw))) + raw
}

// getTree takes a tree, a commit or a ref name.
func getTree(c *call) (reply, error) {
	h, found := c.repo.git.treeish(c.param("tree_sha"))
	if !found {
		return reply{}, notFound()
	}
	// Any value of recursive counts, even "false" and "0".
	o, err := c.s.renderTree(c.repo, h, c.query.Has("recursive"))
	if err != nil {
		return reply{}, err
	}
	return ok(o)
}

// createTree builds on base_tree; without it the new tree holds only what is listed.
func createTree(c *call) (reply, error) {
	in, err := c.input(fields{"tree": jsonObjects.must(), "base_tree": text})
	if err != nil {
		return reply{}, err
	}
	base := plumbing.ZeroHash
	if in.has("base_tree") {
		h, found := c.repo.git.treeish(in.str("base_tree"))
		if !found {
			return reply{}, unprocessable("base_tree is not a valid tree SHA")
		}
		base = h
	}
	edits := map[string]treeEdit{}
	for _, e := range in.objects("tree") {
		path, edit, err := c.treeEntry(e)
		if err != nil {
			return reply{}, err
		}
		edits[path] = edit
	}
	if len(edits) == 0 {
		return reply{}, unprocessable("Invalid tree info")
	}
	h, err := c.repo.git.editTree(base, edits)
	if missing := (*missingPathError)(nil); errors.As(err, &missing) {
		return reply{}, unprocessable("GitRPC::BadObjectState")
	}
	if err != nil {
		return reply{}, err
	}
	o, err := c.s.renderTree(c.repo, h, false)
	if err != nil {
		return reply{}, err
	}
	return created(o)
}

func (c *call) treeEntry(e input) (string, treeEdit, error) {
	want := fields{
		"path": text.must(), "mode": oneOf("100644", "100755", "040000", "160000", "120000").must(),
		"type": oneOf("blob", "tree", "commit"), "sha": textNull, "content": text,
	}
	if err := want.check(e, "properties/tree/items"); err != nil {
		return "", treeEdit{}, err
	}
	path := e.str("path")
	if path == "" || strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.Contains("/"+path+"/", "/../") ||
		strings.Contains("/"+path+"/", "/./") || strings.Contains(path, "//") || strings.Contains("/"+strings.ToLower(path)+"/", "/.git/") {
		return "", treeEdit{}, unprocessable("tree.path contains a malformed path component")
	}
	if e.has("sha") == e.has("content") {
		return "", treeEdit{}, unprocessable("Must supply either tree.sha or tree.content")
	}
	raw, err := strconv.ParseUint(e.str("mode"), 8, 32)
	if err != nil {
		return "", treeEdit{}, unprocessable("Must supply a valid tree.mode")
	}
	mode := filemode.FileMode(raw)
	if e.has("content") {
		h, err := c.repo.git.writeBlob([]byte(e.str("content")))
		return path, treeEdit{mode: mode, hash: h}, err
	}
	if e["sha"] == nil {
		return path, treeEdit{}, nil
	}
	h := plumbing.NewHash(e.str("sha"))
	kind, found := c.repo.git.kind(h)
	if !plumbing.IsHash(e.str("sha")) || mode != filemode.Submodule && !found {
		return "", treeEdit{}, unprocessable("tree.sha %s is not a valid blob", e.str("sha"))
	}
	if (mode == filemode.Dir) != (kind == plumbing.TreeObject) && mode != filemode.Submodule {
		return "", treeEdit{}, unprocessable("tree.mode does not fit the object")
	}
	return path, treeEdit{mode: mode, hash: h}, nil
}

// treeish resolves a tree SHA or anything that names a commit.
func (g *gitRepo) treeish(name string) (plumbing.Hash, bool) {
	if h := plumbing.NewHash(name); plumbing.IsHash(name) {
		if h == emptyTree {
			return h, true
		}
		if kind, found := g.kind(h); found && kind == plumbing.TreeObject {
			return h, true
		}
	}
	commit, found := g.resolve(name)
	if !found {
		return plumbing.ZeroHash, false
	}
	h, err := g.treeOf(commit)
	return h, err == nil
}
