package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// A history is read in batches that double, so that a short one costs little
// and a long one few round trips.
const (
	firstBatch = 16
	lastBatch  = 512
)

// Log returns the history of a commit along first parents, newest first, at
// most limit commits; in a shallow clone, as far as the clone goes. Only commits
// are read; ChangedPaths reads their trees.
func (r *Repository) Log(ctx context.Context, from tree.Hash, limit int) ([]Commit, error) {
	out, _, err := r.walkFirst(ctx, from, limit, func(Commit) bool { return false })
	return out, err
}

// Range returns the commits along first parents from to back to, and without,
// after, newest first. found reports whether after was met within limit commits.
// With a zero after it is Log, and found reports whether the root was met.
func (r *Repository) Range(ctx context.Context, after, to tree.Hash, limit int) (commits []Commit, found bool, err error) {
	met := after.IsZero()
	out, ended, err := r.walkFirst(ctx, to, limit, func(c Commit) bool {
		met = met || c.Hash == after
		return c.Hash == after
	})
	return out, ended && met, err
}

// IsAncestor reports whether ancestor is from or lies within limit commits
// before it along first parents.
func (r *Repository) IsAncestor(ctx context.Context, ancestor, from tree.Hash, limit int) (bool, error) {
	if ancestor == from {
		return true, nil
	}
	_, found, err := r.Range(ctx, ancestor, from, limit)
	return found && !ancestor.IsZero(), err
}

// walkFirst follows first parents until stop, which is not part of the result.
// ended reports whether that was because of stop or the root commit, rather
// than the limit.
func (r *Repository) walkFirst(ctx context.Context, from tree.Hash, limit int, stop func(Commit) bool) (out []Commit, ended bool, err error) {
	batch := firstBatch
	for h := from; ; {
		if h.IsZero() {
			return out, true, nil
		}
		c, fetched, err := r.historical(ctx, h, min(batch, limit-len(out)+1))
		if errors.Is(err, errShallow) && len(out) > 0 {
			return out, false, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("log of %s: %w", from, err)
		}
		if fetched {
			batch = min(2*batch, lastBatch)
		}
		if stop(c) {
			return out, true, nil
		}
		if len(out) >= limit {
			return out, false, nil
		}
		out = append(out, c)
		h = tree.Hash{}
		if len(c.Parents) > 0 {
			h = c.Parents[0]
		}
	}
}

// historical reads a commit and says whether that took a fetch.
func (r *Repository) historical(ctx context.Context, h tree.Hash, depth int) (Commit, bool, error) {
	r.mu.Lock()
	_, cached := r.cache.get(h)
	r.mu.Unlock()
	c, err := r.commit(ctx, h, depth)
	return c, !cached, err
}
