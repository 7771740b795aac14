package gitrepo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Signature is who did something, and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is a commit. Its tree is not read with it.
type Commit struct {
	Hash      tree.Hash
	Tree      tree.Hash
	Parents   []tree.Hash
	Author    Signature
	Committer Signature
	Message   string
	// Signed reports whether the commit carries a signature; nothing here
	// verifies it.
	Signed bool
}

// Subject is the first line of the message.
func (c Commit) Subject() string {
	s, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n")
	return strings.TrimRight(s, "\r")
}

// maxPeel is how many tags of tags are followed.
const maxPeel = 8

// Commit returns a commit by its name, or by that of an annotated tag of it.
// Without the commit it is ErrNoObject.
func (r *Repository) Commit(ctx context.Context, h tree.Hash) (Commit, error) {
	return r.commit(ctx, h, 1)
}

func (r *Repository) commit(ctx context.Context, h tree.Hash, depth int) (Commit, error) {
	for range maxPeel {
		got, err := r.get(ctx, []tree.Hash{h}, depth)
		if err != nil {
			return Commit{}, fmt.Errorf("read commit %s: %w", h, err)
		}
		if got[h].Type != TypeTag {
			return decodeCommit(got[h])
		}
		t, err := decodeTag(got[h])
		if err != nil {
			return Commit{}, err
		}
		h = tree.Hash(t.Target)
	}
	return Commit{}, fmt.Errorf("read commit %s: too many tags of tags: %w", h, ErrNoObject)
}

func decodeCommit(o Object) (Commit, error) {
	if o.Type != TypeCommit {
		return Commit{}, fmt.Errorf("object %s is a %s, not a commit: %w", o.Hash, o.Type, ErrNoObject)
	}
	var c object.Commit
	if err := c.Decode(memoryObject(o)); err != nil {
		return Commit{}, fmt.Errorf("decode commit %s: %w", o.Hash, err)
	}
	out := Commit{
		Hash:      o.Hash,
		Tree:      tree.Hash(c.TreeHash),
		Author:    fromGit(c.Author),
		Committer: fromGit(c.Committer),
		Message:   c.Message,
		Signed:    c.PGPSignature != "",
	}
	for _, p := range c.ParentHashes {
		out.Parents = append(out.Parents, tree.Hash(p))
	}
	return out, nil
}

// EncodeCommit returns the object of an unsigned commit; c.Hash is ignored.
// Characters that would break Git's format are dropped from names and
// addresses, as git does.
func EncodeCommit(c Commit) (Object, error) {
	g := object.Commit{
		Author:    toGit(c.Author),
		Committer: toGit(c.Committer),
		Message:   strings.ReplaceAll(c.Message, "\x00", ""),
		TreeHash:  plumbing.Hash(c.Tree),
	}
	for _, p := range c.Parents {
		g.ParentHashes = append(g.ParentHashes, plumbing.Hash(p))
	}
	return encode(TypeCommit, g.Encode)
}

// encode collects what go-git writes into an Object.
func encode(t Type, write func(plumbing.EncodedObject) error) (Object, error) {
	m := &plumbing.MemoryObject{}
	if err := write(m); err != nil {
		return Object{}, fmt.Errorf("encode %s: %w", t, err)
	}
	r, err := m.Reader()
	if err != nil {
		return Object{}, fmt.Errorf("encode %s: %w", t, err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return Object{}, fmt.Errorf("encode %s: %w", t, err)
	}
	return Object{Hash: hashObject(t, data), Type: t, Data: data}, nil
}

func memoryObject(o Object) *plumbing.MemoryObject {
	m := &plumbing.MemoryObject{}
	m.SetType(plumbing.ObjectType(o.Type))
	_, _ = m.Write(o.Data) // Writing to memory cannot fail.
	return m
}

func fromGit(s object.Signature) Signature {
	return Signature{Name: s.Name, Email: s.Email, When: s.When}
}

func toGit(s Signature) object.Signature {
	return object.Signature{Name: crud(s.Name), Email: crud(s.Email), When: s.When}
}

// crud drops what git's own writer drops from a name or an address.
func crud(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>\n\x00", r) {
			return -1
		}
		return r
	}, s)
	return strings.Trim(s, " .,:;\"\\'\t\r")
}
