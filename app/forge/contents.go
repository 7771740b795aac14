package forge

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	maxInlineContent = 1 << 20   // larger files come without content
	maxRawContent    = 100 << 20 // larger files do not come at all
	maxDirListing    = 1000
)

func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

func (c *call) contentRef() (plumbing.Hash, error) {
	name := c.query.Get("ref")
	if name == "" {
		name = c.repo.defaultBranch
	}
	h, found := c.repo.git.resolve(name)
	if !found {
		if c.repo.git.branch(c.repo.defaultBranch).IsZero() {
			return h, fail(http.StatusNotFound, "This repository is empty.")
		}
		return h, fail(http.StatusNotFound, "No commit found for the ref %s", name)
	}
	return h, nil
}

func getContents(c *call) (reply, error) {
	commit, err := c.contentRef()
	if err != nil {
		return reply{}, err
	}
	root, err := c.repo.git.treeOf(commit)
	if err != nil {
		return reply{}, err
	}
	path := strings.Trim(c.param("path"), "/")
	e, found, err := c.repo.git.find(root, path)
	if err != nil {
		return reply{}, err
	}
	if !found {
		return reply{}, notFound()
	}
	if isDir(e) {
		return c.directory(e, path)
	}
	data, err := c.repo.git.blob(e.Hash)
	if err != nil {
		return reply{}, err
	}
	return c.file(e, path, data)
}

func (c *call) file(e object.TreeEntry, path string, data []byte) (reply, error) {
	raw := strings.Contains(c.r.Header.Get("Accept"), ".raw")
	switch {
	case len(data) > maxRawContent:
		return reply{}, &apiError{status: http.StatusForbidden, message: "This API returns blobs up to 100 MB in size.", errors: []any{obj{"resource": "Blob", "field": "data", "code": "too_large"}}}
	case raw:
		return reply{status: http.StatusOK, raw: data, contentType: "application/vnd.github.raw; charset=utf-8"}, nil
	}
	o := c.s.renderContent(c.repo, path, e, c.query.Get("ref"))
	o["size"], o["encoding"], o["content"] = len(data), "base64", wrapBase64(data)
	if len(data) > maxInlineContent {
		o["encoding"], o["content"] = "none", ""
	}
	return ok(o)
}

func (c *call) directory(e object.TreeEntry, path string) (reply, error) {
	entries, err := c.repo.git.entries(e.Hash)
	if err != nil {
		return reply{}, err
	}
	if len(entries) > maxDirListing {
		entries = entries[:maxDirListing]
	}
	return ok(mapSlice(entries, func(child object.TreeEntry) obj {
		return c.s.renderContent(c.repo, strings.TrimPrefix(path+"/"+child.Name, "/"), child, c.query.Get("ref"))
	}))
}

func (s *Server) renderContent(r *repo, path string, e object.TreeEntry, ref string) obj {
	if ref == "" {
		ref = r.defaultBranch
	}
	kind, size, gitKind := "file", int64(0), "blobs"
	var download any = s.web("/%s/raw/%s/%s", r.fullName(), ref, escapePath(path))
	switch e.Mode {
	case filemode.Dir:
		kind, gitKind, download = "dir", "trees", nil
	case filemode.Submodule:
		kind, download = "submodule", nil
	default:
		if n, err := r.git.st.EncodedObjectSize(e.Hash); err == nil {
			size = n
		}
	}
	self := s.repoURL(r, "/contents/"+escapePath(path)+"?ref="+url.QueryEscape(ref))
	git := s.repoURL(r, "/git/"+gitKind+"/"+e.Hash.String())
	html := s.web("/%s/blob/%s/%s", r.fullName(), ref, escapePath(path))
	return obj{
		"type": kind, "size": size, "name": path[strings.LastIndexByte(path, '/')+1:], "path": path, "sha": e.Hash.String(), "url": self,
		"git_url": git, "html_url": html, "download_url": download, "_links": obj{"self": self, "git": git, "html": html},
	}
}

// putContents writes one file as one commit. An update needs the blob it replaces.
func putContents(c *call) (reply, error) {
	in, err := c.input(fields{
		"message": text.must(), "content": text.must(), "sha": text, "branch": text, "committer": jsonObject, "author": jsonObject,
	})
	if err != nil {
		return reply{}, err
	}
	data, err := decodeBase64(in.str("content"))
	if err != nil {
		return reply{}, unprocessable("content is not valid Base64")
	}
	branch := in.str("branch")
	if branch == "" {
		branch = c.repo.defaultBranch
	}
	g, path := c.repo.git, c.param("path")
	head := g.branch(branch)
	if head.IsZero() && branch != c.repo.defaultBranch {
		return reply{}, fail(http.StatusNotFound, "Branch %s not found", branch)
	}
	if err := c.s.directPushAllowed(c.repo, c.actor, branch); err != nil {
		return reply{}, err
	}
	root, err := g.treeOf(head)
	if err != nil {
		return reply{}, err
	}
	old, exists, err := g.find(root, path)
	if err != nil {
		return reply{}, err
	}
	switch {
	case exists && !in.has("sha"):
		return reply{}, unprocessable("Invalid request.\n\n\"sha\" wasn't supplied.")
	case in.has("sha") && (!exists || old.Hash.String() != in.str("sha")):
		return reply{}, fail(http.StatusConflict, "%s does not match %s", path, in.str("sha"))
	}
	blob, err := g.writeBlob(data)
	if err != nil {
		return reply{}, err
	}
	tree, err := g.editTree(root, map[string]treeEdit{path: {mode: filemode.Regular, hash: blob}})
	if err != nil {
		return reply{}, err
	}
	n := newCommit{tree: tree, message: in.str("message"), committer: c.s.webFlow()}
	if n.author, err = c.commitPerson(in, "author", c.s.signature(c.actor.account)); err != nil {
		return reply{}, err
	}
	if !head.IsZero() {
		n.parents = []plumbing.Hash{head}
	}
	h, err := c.s.commitTo(c.repo, c.actor, branch, n, !in.has("author") && !in.has("committer"))
	if err != nil {
		return reply{}, err
	}
	commit, err := g.commit(h)
	if err != nil {
		return reply{}, err
	}
	status := http.StatusCreated
	if exists {
		status = http.StatusOK
	}
	content := c.s.renderContent(c.repo, path, object.TreeEntry{Name: path, Mode: filemode.Regular, Hash: blob}, branch)
	return reply{status: status, body: obj{"content": content, "commit": c.s.renderGitCommit(c.repo, commit)}}, nil
}

// commitTo writes a commit, moves the branch to it and lets the world know.
func (s *Server) commitTo(r *repo, who actor, branch string, n newCommit, verified bool) (plumbing.Hash, error) {
	h, err := r.git.writeCommit(n)
	if err != nil {
		return h, err
	}
	r.verified[h] = r.verified[h] || verified
	before := r.git.branch(branch)
	if err := r.git.setRef("refs/heads/"+branch, h); err != nil {
		return h, err
	}
	return h, s.refsMoved(r, who, []refMove{{ref: "refs/heads/" + branch, before: before, after: h}})
}

// commitFiles writes a commit on parent in which paths have new contents; nil deletes. A content that starts with
// "#!" is executable.
func (s *Server) commitFiles(r *repo, parent plumbing.Hash, message string, who object.Signature, files map[string]*string) (plumbing.Hash, error) {
	root, err := r.git.treeOf(parent)
	if err != nil {
		return parent, err
	}
	edits := map[string]treeEdit{}
	for path, content := range files {
		if content == nil {
			edits[path] = treeEdit{}
			continue
		}
		h, err := r.git.writeBlob([]byte(*content))
		if err != nil {
			return parent, err
		}
		mode := filemode.Regular
		if bytes.HasPrefix([]byte(*content), []byte("#!")) {
			mode = filemode.Executable
		}
		edits[path] = treeEdit{mode: mode, hash: h}
	}
	tree, err := r.git.editTree(root, edits)
	if err != nil {
		return parent, err
	}
	n := newCommit{tree: tree, author: who, committer: who, message: message}
	if !parent.IsZero() {
		n.parents = []plumbing.Hash{parent}
	}
	return r.git.writeCommit(n)
}
