package tree

import (
	"context"
	"errors"
	"fmt"
)

// Checkout is one branch, tag or commit of one repository in a Workspace: its
// files, and the commits made here that are not published yet.
type Checkout struct {
	// RepoURL says where the commits are published, as the Pipeline wrote it.
	RepoURL string
	// Branch is the branch checked out; empty for a tag or a commit.
	Branch string
	// Head is the published commit beneath the pending ones. Zero is a branch
	// without commits.
	Head Hash
	// FS holds the files.
	FS *FS
	// Author is whom commits are attributed to, nil for the App itself.
	Author *Person

	headTree Hash
	pending  []Commit
	tags     map[string]Tag
}

// Person is who authored a Commit.
type Person struct{ Name, Email string }

// Commit is a commit that is not published yet. Its parent is the Commit
// before it, or the Checkout's Head.
type Commit struct {
	// ID is the name under which the commit was stored, zero while it was not. A
	// Rebase makes other commits, which are not stored yet.
	ID      Hash
	Message string
	// Author is nil for the App itself, whose commits GitHub signs.
	Author *Person
	// ParentTree and Tree are the root trees before and after.
	ParentTree, Tree Hash
	// Objects are the blobs and trees that came with this commit.
	Objects []Object
}

// NewCheckout returns the checkout of a commit whose root tree is root.
func NewCheckout(repoURL, branch string, head Hash, src Source, root Hash) *Checkout {
	f := NewFS(src, root)
	return &Checkout{RepoURL: repoURL, Branch: branch, Head: head, FS: f, headTree: f.Base()}
}

// HeadTree is the root tree of Head.
func (c *Checkout) HeadTree() Hash { return c.headTree }

// Clear removes every file.
func (c *Checkout) Clear() { c.FS.root = newDir() }

// ErrNoDifference says that a commit would not change anything.
var ErrNoDifference = errors.New("no difference to the last commit")

// Commit records the current content as a pending commit, or returns
// ErrNoDifference when it equals the last one, pending or published.
func (c *Checkout) Commit(ctx context.Context, message string, author *Person) (Commit, error) {
	root, objects, err := c.FS.Build(ctx)
	if err != nil {
		return Commit{}, fmt.Errorf("commit: %w", err)
	}
	if root == c.FS.Base() {
		return Commit{}, ErrNoDifference
	}
	made := Commit{Message: message, Author: author, ParentTree: c.FS.Base(), Tree: root, Objects: objects}
	c.pending = append(c.pending, made)
	c.FS.base = root
	return made, nil
}

// Pending returns the commits that are not published, oldest first.
func (c *Checkout) Pending() []Commit { return c.pending }

// Stored records that the newest pending commit exists under the name id.
func (c *Checkout) Stored(id Hash) {
	if n := len(c.pending); n > 0 {
		c.pending[n-1].ID = id
	}
}

// Tip is the newest commit: the last pending one, zero while that is not
// stored, or Head when nothing is pending.
func (c *Checkout) Tip() Hash {
	if n := len(c.pending); n > 0 {
		return c.pending[n-1].ID
	}
	return c.Head
}

// Objects returns the blobs and trees of all pending commits, each once: what
// a push sends beside the commits.
func (c *Checkout) Objects() []Object {
	var out []Object
	seen := map[Hash]bool{}
	for _, p := range c.pending {
		for _, o := range p.Objects {
			if !seen[o.Hash] {
				seen[o.Hash] = true
				out = append(out, o)
			}
		}
	}
	return out
}

// Published records that the pending commits now exist as head, whose root tree
// is that of the last of them.
func (c *Checkout) Published(head Hash) {
	for _, o := range c.Objects() {
		delete(c.FS.local, o.Hash)
		// It was decoded when the commit was made, so it cannot be malformed.
		_ = c.FS.keep(o)
	}
	c.Head, c.headTree, c.pending = head, c.FS.Base(), nil
}
