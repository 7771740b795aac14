package steptest

import (
	"cmp"
	"context"
	"crypto/sha1" // Git object names are SHA-1.
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// repository is one Git repository. Its mutex guards the objects, which steps
// read without the World's lock; all else is under that lock.
type repository struct {
	url           string
	defaultBranch string
	branches      map[string]tree.Hash
	tags          map[string]tree.Tag
	commits       map[tree.Hash]commit

	mu      sync.Mutex
	objects map[tree.Hash]tree.Object
}

type commit struct {
	parents []tree.Hash
	tree    tree.Hash
	message string
	author  string
	at      time.Time
}

// Objects implements tree.Source.
func (r *repository) Objects(ctx context.Context, want []tree.Hash) (map[tree.Hash]tree.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[tree.Hash]tree.Object, len(want))
	for _, h := range want {
		o, ok := r.objects[h]
		if !ok {
			return nil, fmt.Errorf("%s: %w", h, tree.ErrNoObject)
		}
		out[h] = o
	}
	return out, nil
}

func (r *repository) store(objects []tree.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range objects {
		r.objects[o.Hash] = o
	}
}

// repo finds a repository however its URL is spelled.
func (w *World) repo(url string) (*repository, bool) {
	r, ok := w.repos[pipeline.NormalizeGitURL(url)]
	return r, ok
}

// Repository creates an empty repository whose default branch is main.
func (w *World) Repository(url string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.repos[pipeline.NormalizeGitURL(url)] = &repository{
		url: url, defaultBranch: "main",
		branches: map[string]tree.Hash{}, tags: map[string]tree.Tag{},
		commits: map[tree.Hash]commit{}, objects: map[tree.Hash]tree.Object{},
	}
}

// Write commits files to a branch as a person would; an empty content deletes a
// file. It returns the commit.
func (w *World) Write(url, branch, message string, files map[string]string) string {
	return w.WriteAs(nil, url, branch, message, files)
}

// WriteAs is Write by somebody in particular.
func (w *World) WriteAs(author *tree.Person, url, branch, message string, files map[string]string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.must(url)
	head := r.branches[branch]
	c := tree.NewCheckout(url, branch, head, r, r.commits[head].tree)
	ctx := context.Background()
	for _, p := range slices.Sorted(maps.Keys(files)) {
		var err error
		if files[p] == "" {
			err = c.FS.RemoveAll(ctx, p)
		} else {
			err = c.FS.WriteFile(ctx, p, []byte(files[p]), 0)
		}
		if err != nil {
			panic(err)
		}
	}
	if _, err := c.Commit(ctx, message, author); err != nil {
		panic(err)
	}
	id := w.storePending(r, c)
	r.branches[branch] = id
	return id.String()
}

// Branch makes a branch point at where another one does.
func (w *World) Branch(url, name, from string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.must(url)
	r.branches[name] = r.branches[from]
}

// Tag names the tip of a branch.
func (w *World) Tag(url, name, branch string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.must(url)
	r.tags[name] = tree.Tag{Name: name, Commit: r.branches[branch]}
}

// Tagged returns the tag of that name, the zero value for none.
func (w *World) Tagged(url, name string) tree.Tag {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.must(url).tags[name]
}

// Tip returns the commit of a branch, empty when there is none.
func (w *World) Tip(url, branch string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h, ok := w.must(url).branches[branch]; ok {
		return h.String()
	}
	return ""
}

// Log returns the messages of a branch, newest first.
func (w *World) Log(url, branch string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	r := w.must(url)
	for h := range r.ancestors(r.branches[branch]) {
		out = append(out, r.commits[h].message)
	}
	return out
}

// Author returns who authored the newest commit of a branch, as "name <email>".
func (w *World) Author(url, branch string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.must(url)
	return r.commits[r.branches[branch]].author
}

// Files returns the content of a branch by path.
func (w *World) Files(url, branch string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.must(url)
	out := map[string]string{}
	r.walk(r.commits[r.branches[branch]].tree, "", out)
	return out
}

// Branches returns the names of all branches, sorted.
func (w *World) Branches(url string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.must(url).branches))
}

func (w *World) must(url string) *repository {
	r, ok := w.repo(url)
	if !ok {
		panic("steptest: no repository " + url)
	}
	return r
}

func (r *repository) walk(h tree.Hash, at string, out map[string]string) {
	if h == tree.EmptyTree || h.IsZero() {
		return
	}
	entries, err := tree.DecodeTree(r.objects[h].Data)
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		p := path.Join(at, e.Name)
		if e.Mode.IsDir() {
			r.walk(e.Hash, p, out)
		} else {
			out[p] = string(r.objects[e.Hash].Data)
		}
	}
}

// ancestors yields h and its first parents, newest first.
func (r *repository) ancestors(h tree.Hash) func(yield func(tree.Hash) bool) {
	return func(yield func(tree.Hash) bool) {
		for !h.IsZero() && yield(h) {
			parents := r.commits[h].parents
			h = tree.Hash{}
			if len(parents) > 0 {
				h = parents[0]
			}
		}
	}
}

// mergeBase returns the newest first-parent ancestor that two commits share.
func (r *repository) mergeBase(a, b tree.Hash) tree.Hash {
	seen := map[tree.Hash]bool{}
	for h := range r.ancestors(a) {
		seen[h] = true
	}
	for h := range r.ancestors(b) {
		if seen[h] {
			return h
		}
	}
	return tree.Hash{}
}

// storePending stores those pending commits that are not, and their objects. It
// returns the newest.
func (w *World) storePending(r *repository, c *tree.Checkout) tree.Hash {
	r.store(c.Objects())
	parent := c.Head
	for _, p := range c.Pending() {
		if p.ID.IsZero() {
			p.ID = w.commit(r, commit{parents: nonZero(parent), tree: p.Tree, message: p.Message, author: person(p.Author)})
		}
		parent = p.ID
	}
	return parent
}

func nonZero(h tree.Hash) []tree.Hash {
	if h.IsZero() {
		return nil
	}
	return []tree.Hash{h}
}

func person(p *tree.Person) string {
	if p == nil {
		return "kargo[bot] <bot@example.com>"
	}
	return fmt.Sprintf("%s <%s>", p.Name, p.Email)
}

// commit stores a commit object. As in the world, the same content committed
// twice gets two names, because time passed.
func (w *World) commit(r *repository, c commit) tree.Hash {
	w.ticks++
	c.tree = cmp.Or(c.tree, tree.EmptyTree)
	c.author = cmp.Or(c.author, person(nil))
	c.at = w.Now
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", c.tree)
	for _, p := range c.parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s %d +0000\ncommitter GitHub <noreply@example.com> %d +0000\n\n%s",
		c.author, w.ticks, w.ticks, c.message)
	id := tree.Hash(sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", b.Len(), b.String())))
	r.commits[id] = c
	return id
}
