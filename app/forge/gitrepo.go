package forge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// gitRepo is a bare repository on disk, read and written in process. Callers hold Server.mu.
type gitRepo struct {
	dir     string
	program gitProgram
	st      storage.Storer
}

const bareConfig = `
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[http]
	receivepack = true
[receive]
	hideRefs = refs/pull
	denyDeleteCurrent = true
	unpackLimit = 1000000
[core]
	logAllRefUpdates = false
[gc]
	auto = 0
`

func initGit(program gitProgram, dir, branch string) (*gitRepo, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	cmd := program.command("init", "--quiet", "--bare", "--template=", "--initial-branch="+branch, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("git init %s: %w: %s", dir, err, out)
	}
	f, err := os.OpenFile(filepath.Join(dir, "config"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", dir, err)
	}
	_, err = f.WriteString(bareConfig)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("configure %s: %w", dir, err)
	}
	g := &gitRepo{dir: dir, program: program}
	g.reopen()
	return g, nil
}

// reopen forgets go-git's list of packs, which it reads only once.
func (g *gitRepo) reopen() {
	g.st = filesystem.NewStorage(osfs.New(g.dir), cache.NewObjectLRU(16*cache.MiByte))
}

// run executes git in the repository and returns its standard output.
func (g *gitRepo) run(stdin io.Reader, args ...string) ([]byte, error) {
	cmd := g.program.command(append([]string{"--git-dir=" + g.dir}, args...)...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// ref returns the object that a full ref name points at, or the zero hash.
func (g *gitRepo) ref(name string) plumbing.Hash {
	r, err := g.st.Reference(plumbing.ReferenceName(name))
	if err != nil || r.Type() != plumbing.HashReference {
		return plumbing.ZeroHash
	}
	return r.Hash()
}

func (g *gitRepo) branch(name string) plumbing.Hash { return g.ref("refs/heads/" + name) }

// setRef replaces the ref's file as a whole, as git does. go-git empties it before it
// writes, and git, which reads it at that moment for somebody who fetches, finds no
// such ref.
func (g *gitRepo) setRef(name string, h plumbing.Hash) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("set %s: %w", name, err)
		}
	}()
	if err := plumbing.ReferenceName(name).Validate(); err != nil {
		return err
	}
	path := filepath.Join(g.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(g.dir, "ref-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(h.String() + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (g *gitRepo) removeRef(name string) error {
	if err := g.st.RemoveReference(plumbing.ReferenceName(name)); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// refs lists refs with a prefix, sorted by name.
func (g *gitRepo) refs(prefix string) ([]*plumbing.Reference, error) {
	it, err := g.st.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	var out []*plumbing.Reference
	err = it.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference && strings.HasPrefix(r.Name().String(), prefix) {
			out = append(out, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	slices.SortFunc(out, func(a, b *plumbing.Reference) int { return strings.Compare(a.Name().String(), b.Name().String()) })
	return out, nil
}

func (g *gitRepo) commit(h plumbing.Hash) (*object.Commit, error) {
	c, err := object.GetCommit(g.st, h)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", h, err)
	}
	return c, nil
}

func (g *gitRepo) tree(h plumbing.Hash) (*object.Tree, error) {
	t, err := object.GetTree(g.st, h)
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", h, err)
	}
	return t, nil
}

// treeOf returns the root tree id of a commit; the zero hash has the empty tree.
func (g *gitRepo) treeOf(commit plumbing.Hash) (plumbing.Hash, error) {
	if commit.IsZero() {
		return plumbing.ZeroHash, nil
	}
	c, err := g.commit(commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return c.TreeHash, nil
}

func (g *gitRepo) blob(h plumbing.Hash) ([]byte, error) {
	b, err := object.GetBlob(g.st, h)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", h, err)
	}
	r, err := b.Reader()
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", h, err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", h, err)
	}
	return data, nil
}

// kind returns the type of an object, or false when the repository does not have it.
func (g *gitRepo) kind(h plumbing.Hash) (plumbing.ObjectType, bool) {
	o, err := g.st.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return plumbing.InvalidObject, false
	}
	return o.Type(), true
}

func (g *gitRepo) store(kind plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	h := plumbing.ComputeHash(kind, data)
	if g.st.HasEncodedObject(h) == nil {
		return h, nil
	}
	o := g.st.NewEncodedObject()
	o.SetType(kind)
	w, err := o.Writer()
	if err != nil {
		return h, fmt.Errorf("write %s: %w", kind, err)
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		return h, fmt.Errorf("write %s: %w", kind, err)
	}
	h, err = g.st.SetEncodedObject(o)
	if err != nil {
		return h, fmt.Errorf("write %s: %w", kind, err)
	}
	return h, nil
}

func (g *gitRepo) writeBlob(data []byte) (plumbing.Hash, error) {
	return g.store(plumbing.BlobObject, data)
}

func (g *gitRepo) writeTree(entries []object.TreeEntry) (plumbing.Hash, error) {
	sort.Sort(object.TreeEntrySorter(entries))
	var buf bytes.Buffer
	for _, e := range entries {
		mode := fmt.Sprintf("%o", uint32(e.Mode))
		buf.WriteString(mode + " " + e.Name)
		buf.WriteByte(0)
		buf.Write(e.Hash[:])
	}
	return g.store(plumbing.TreeObject, buf.Bytes())
}

// newCommit describes a commit to write.
type newCommit struct {
	tree              plumbing.Hash
	parents           []plumbing.Hash
	author, committer object.Signature
	message           string
}

func (g *gitRepo) writeCommit(n newCommit) (plumbing.Hash, error) {
	c := object.Commit{Author: n.author, Committer: n.committer, Message: n.message, TreeHash: n.tree, ParentHashes: n.parents}
	mem := &plumbing.MemoryObject{}
	if err := c.Encode(mem); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write commit: %w", err)
	}
	r, err := mem.Reader()
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write commit: %w", err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write commit: %w", err)
	}
	return g.store(plumbing.CommitObject, data)
}

// peel follows tags to a commit.
func (g *gitRepo) peel(h plumbing.Hash) (plumbing.Hash, bool) {
	for {
		kind, found := g.kind(h)
		switch {
		case !found:
			return h, false
		case kind == plumbing.CommitObject:
			return h, true
		case kind != plumbing.TagObject:
			return h, false
		}
		t, err := object.GetTag(g.st, h)
		if err != nil {
			return h, false
		}
		h = t.Target
	}
}

// resolve turns what GitHub accepts as "ref" (branch, tag, heads/x, tags/x, full ref or SHA) into a commit.
func (g *gitRepo) resolve(name string) (plumbing.Hash, bool) {
	if plumbing.IsHash(name) {
		if h, found := g.peel(plumbing.NewHash(name)); found {
			return h, true
		}
	}
	for _, full := range []string{"refs/heads/" + name, "refs/tags/" + name, "refs/" + name, name} {
		if h := g.ref(full); !h.IsZero() {
			return g.peel(h)
		}
	}
	return plumbing.ZeroHash, false
}

var emptyTree = plumbing.NewHash("4b825dc642cb6eb9a060e54bf8d69288fbee4904")

func isDir(e object.TreeEntry) bool { return e.Mode == filemode.Dir }
