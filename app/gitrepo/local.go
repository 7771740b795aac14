package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	gitcache "github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// localCacheBytes bounds the cache over a clone, whose reads are cheap.
const localCacheBytes = 16 << 20

// OpenLocal opens the clone that dir lies in: a repository, one of its
// directories, a linked worktree, or a bare one. It reads what is committed,
// never the working files, and writes nothing; Push is ErrReadOnly. A branch
// that only the remote has is found under refs/remotes/origin.
//
// dir may also be a file:// URL.
func OpenLocal(dir string) (*Repository, error) {
	l, err := openLocal(dir)
	if err != nil {
		return nil, err
	}
	return newRepository(l, localCacheBytes), nil
}

// OpenLocalRemote is OpenLocal for a repository that is pushed to as to a server.
// As Git's own server does, it refuses to move the branch that is checked out in a
// repository with working files.
func OpenLocalRemote(dir string) (*Repository, error) {
	l, err := openLocal(dir)
	if err != nil {
		return nil, err
	}
	l.writable = true
	return newRepository(l, localCacheBytes), nil
}

func openLocal(dir string) (*local, error) {
	dir = strings.TrimPrefix(dir, "file://")
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		// A bare repository has no .git to detect.
		repo, err = git.PlainOpen(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open clone %s: %w", dir, err)
	}
	_, err = repo.Worktree()
	bare := errors.Is(err, git.ErrIsBareRepository)
	s := repo.Storer
	if fss, ok := s.(*filesystem.Storage); ok {
		// Opened plainly, go-git looks for borrowed objects only inside the
		// clone itself.
		s = filesystem.NewStorageWithOptions(fss.Filesystem(), gitcache.NewObjectLRUDefault(),
			filesystem.Options{AlternatesFS: osfs.New("/")})
	}
	return &local{store: s, bare: bare}, nil
}

// local is a clone on disk. go-git's store is not safe for concurrent use.
type local struct {
	mu    sync.Mutex
	store storage.Storer
	// bare says that there are no working files.
	bare     bool
	writable bool
}

var _ backend = (*local)(nil)

func (l *local) traffic() Traffic { return Traffic{} }
func (l *local) wholesale() bool  { return false }

func (l *local) refs(ctx context.Context, _ []string) ([]Ref, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	iter, err := l.store.IterReferences()
	if err != nil {
		return nil, err
	}
	defer iter.Close()
	var out []Ref
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := Ref{Name: ref.Name().String()}
		if ref.Type() == plumbing.SymbolicReference {
			r.Target = ref.Target().String()
			if ref, err = storer.ResolveReference(l.store, ref.Name()); err != nil {
				if errors.Is(err, plumbing.ErrReferenceNotFound) {
					out = append(out, r)
					return nil
				}
				return err
			}
		}
		r.Hash = tree.Hash(ref.Hash())
		if ref.Name().IsTag() {
			r.Peeled = l.peel(ref.Hash())
		}
		out = append(out, r)
		return nil
	})
	return out, err
}

// peel follows annotated tags; zero for a tag without annotation.
func (l *local) peel(h plumbing.Hash) tree.Hash {
	var out tree.Hash
	for range 10 {
		t, err := object.GetTag(l.store, h)
		if err != nil {
			return out
		}
		h, out = t.Target, tree.Hash(t.Target)
	}
	return out
}

func (l *local) fetch(ctx context.Context, want []tree.Hash, _ int) ([]Object, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Object, 0, len(want))
	for _, h := range want {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o, err := l.object(h)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (l *local) object(h tree.Hash) (Object, error) {
	o, err := l.store.EncodedObject(plumbing.AnyObject, plumbing.Hash(h))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		if shallow, serr := l.store.Shallow(); serr == nil && len(shallow) > 0 {
			return Object{}, fmt.Errorf("object %s: %w: %w", h, errShallow, ErrNoObject)
		}
		return Object{}, fmt.Errorf("object %s: %w", h, ErrNoObject)
	}
	if err != nil {
		return Object{}, fmt.Errorf("object %s: %w", h, err)
	}
	r, err := o.Reader()
	if err != nil {
		return Object{}, fmt.Errorf("object %s: %w", h, err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	if err != nil {
		return Object{}, fmt.Errorf("object %s: %w", h, err)
	}
	return Object{Hash: h, Type: Type(o.Type()), Data: data}, nil
}
