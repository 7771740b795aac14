package forge

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const maxTreeEntries = 100_000 // of a recursive listing, then truncated

func (s *Server) renderTree(r *repo, root plumbing.Hash, recursive bool) (obj, error) {
	entries := []obj{}
	complete, err := r.git.walkTree(root, "", recursive, func(path string, e object.TreeEntry) bool {
		if len(entries) == maxTreeEntries {
			return false
		}
		entries = append(entries, s.renderTreeEntry(r, path, e))
		return true
	})
	if err != nil {
		return nil, err
	}
	return obj{
		"sha": root.String(), "node_id": nodeID("T", r.id), "url": s.repoURL(r, "/git/trees/"+root.String()), "tree": entries, "truncated": !complete,
	}, nil
}

func (s *Server) renderTreeEntry(r *repo, path string, e object.TreeEntry) obj {
	o := obj{"path": path, "mode": modeString(e.Mode), "type": "blob", "sha": e.Hash.String()}
	switch e.Mode {
	case filemode.Dir:
		o["type"], o["url"] = "tree", s.repoURL(r, "/git/trees/"+e.Hash.String())
	case filemode.Submodule:
		o["type"] = "commit"
	default:
		o["url"] = s.repoURL(r, "/git/blobs/"+e.Hash.String())
		if size, err := r.git.st.EncodedObjectSize(e.Hash); err == nil {
			o["size"] = size
		}
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
