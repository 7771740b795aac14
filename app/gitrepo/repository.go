package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// backend is where a Repository's objects come from.
type backend interface {
	refs(ctx context.Context, prefixes []string) ([]Ref, error)
	// fetch returns at least the wanted objects; with a positive depth, also
	// that many generations of the wanted commits.
	fetch(ctx context.Context, want []tree.Hash, depth int) ([]Object, error)
	// wholesale reports whether fetch cannot fetch single objects, so that
	// what it returned is worth keeping whole.
	wholesale() bool
	push(ctx context.Context, updates []RefUpdate, objects []Object) error
	traffic() Traffic
}

// Repository is one repository: its references, its history, and its objects
// through a cache. It implements tree.Source.
type Repository struct {
	back backend

	mu       sync.Mutex
	cache    *cache
	inflight map[tree.Hash]*flight
}

var _ tree.Source = (*Repository)(nil)

// flight is a fetch that others may wait for.
type flight struct {
	done    chan struct{}
	objects map[tree.Hash]Object
	err     error
}

func newRepository(b backend, cacheBytes int64) *Repository {
	return &Repository{back: b, cache: newCache(cacheBytes), inflight: map[tree.Hash]*flight{}}
}

// Traffic returns what this repository cost so far; zero for a local clone.
func (r *Repository) Traffic() Traffic { return r.back.traffic() }

// Objects returns trees and blobs, from the cache or else in one round trip.
// An object that the repository lacks is an error that wraps ErrNoObject.
func (r *Repository) Objects(ctx context.Context, want []tree.Hash) (map[tree.Hash]tree.Object, error) {
	got, err := r.get(ctx, want, 0)
	if err != nil {
		return nil, fmt.Errorf("fetch objects: %w", err)
	}
	out := make(map[tree.Hash]tree.Object, len(got))
	for h, o := range got {
		kind := tree.Blob
		switch o.Type {
		case TypeBlob:
		case TypeTree:
			kind = tree.Tree
		default:
			return nil, fmt.Errorf("object %s is a %s: %w", h, o.Type, ErrNoObject)
		}
		out[h] = tree.Object{Hash: h, Kind: kind, Data: o.Data}
	}
	return out, nil
}

// ChangedPaths returns the files that differ between two trees, sorted by path.
// A zero hash is the empty tree, as before an initial commit. Only directories
// that differ are read, one round trip for each level.
func (r *Repository) ChangedPaths(ctx context.Context, oldTree, newTree tree.Hash) ([]tree.Change, error) {
	return tree.Diff(ctx, r, oldTree, newTree)
}

// get returns the wanted objects. What is missing is fetched once, however many
// ask for it at the same time; everything else that the fetch brought is cached.
func (r *Repository) get(
	ctx context.Context, want []tree.Hash, depth int,
) (map[tree.Hash]Object, error) {
	out := make(map[tree.Hash]Object, len(want))
	for {
		mine, others := r.claim(want, out)
		if len(mine) > 0 {
			f, err := r.fly(ctx, mine, depth)
			if err != nil {
				return nil, err
			}
			for h, o := range f.objects {
				out[h] = o
			}
		}
		again := false
		for _, f := range others {
			select {
			case <-f.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
				// The other's patience ended, not ours.
				again = true
				continue
			}
			if f.err != nil {
				return nil, f.err
			}
			for _, h := range want {
				if o, ok := f.objects[h]; ok {
					out[h] = o
				}
			}
		}
		if !again {
			return out, nil
		}
	}
}

// claim fills out from the cache and divides the rest into what the caller must
// fetch, which it registers, and what others are fetching.
func (r *Repository) claim(want []tree.Hash, out map[tree.Hash]Object) ([]tree.Hash, []*flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var mine []tree.Hash
	var others []*flight
	own := &flight{done: make(chan struct{})}
	for _, h := range want {
		if _, ok := out[h]; ok {
			continue
		}
		if h == tree.EmptyTree {
			out[h] = Object{Hash: h, Type: TypeTree}
			continue
		}
		if o, ok := r.cache.get(h); ok {
			out[h] = o
			continue
		}
		switch f := r.inflight[h]; f {
		case own:
		case nil:
			r.inflight[h] = own
			mine = append(mine, h)
		default:
			others = append(others, f)
		}
	}
	return mine, others
}

// fly fetches what claim registered and wakes those who wait for it.
func (r *Repository) fly(ctx context.Context, mine []tree.Hash, depth int) (*flight, error) {
	objects, err := r.back.fetch(ctx, mine, depth)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.back.wholesale() {
		var size int64
		for _, o := range objects {
			size += cost(o)
		}
		r.cache.reserve(2 * size)
	}
	f := r.inflight[mine[0]]
	f.objects = make(map[tree.Hash]Object, len(mine))
	byHash := make(map[tree.Hash]Object, len(objects))
	for _, o := range objects {
		byHash[o.Hash] = o
		r.cache.put(o)
	}
	for _, h := range mine {
		delete(r.inflight, h)
		o, ok := byHash[h]
		if !ok && err == nil {
			err = fmt.Errorf("object %s: %w", h, ErrNoObject)
		}
		f.objects[h] = o
	}
	f.err = err
	close(f.done)
	return f, err
}
