package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// fetchWhole serves the wants from servers that know only version 0: it fetches
// whole commits, shallow where the server can, and finds trees and blobs in
// those fetched before.
func (r *remote) fetchWhole(ctx context.Context, caps *capabilities, want []tree.Hash, depth int) ([]Object, error) {
	var out []Object
	missing := want
	if depth > 0 {
		got, err := r.fetchCommits(ctx, caps, want, depth)
		if err != nil {
			return nil, err
		}
		out = got
		missing = absent(want, out)
	}
	r.mu.Lock()
	roots := slices.Clone(r.roots)
	r.mu.Unlock()
	for _, root := range slices.Backward(roots) {
		if len(missing) == 0 {
			break
		}
		// The cache has let go of what an earlier fetch brought.
		got, err := r.fetchCommits(ctx, caps, []tree.Hash{root}, 1)
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
		missing = absent(missing, got)
	}
	return out, nil
}

// fetchCommits fetches everything that commits consist of. One that the server
// gives to nobody who asks by name is looked for in the history of all branches.
func (r *remote) fetchCommits(ctx context.Context, caps *capabilities, want []tree.Hash, depth int) ([]Object, error) {
	out, err := r.exchange(ctx, fetchV0(caps, want, depth, r.client.opts.UserAgent), unpackV0(caps))
	if errors.Is(err, ErrNoObject) || refused(err) {
		_, refs, rerr := r.advertisement(ctx)
		if rerr != nil {
			return nil, rerr
		}
		var tips []tree.Hash
		for _, ref := range refs {
			if !slices.Contains(tips, ref.Hash) {
				tips = append(tips, ref.Hash)
			}
		}
		if len(tips) == 0 {
			return nil, err
		}
		out, err = r.exchange(ctx, fetchV0(caps, tips, 0, r.client.opts.UserAgent), unpackV0(caps))
	}
	if err != nil {
		if errors.Is(err, ErrTooLarge) {
			return nil, fmt.Errorf("the server cannot send parts of a repository, and all of it is too much: %w", err)
		}
		return nil, err
	}
	if missing := absent(want, out); len(missing) > 0 {
		return nil, fmt.Errorf("object %s: %w", missing[0], ErrNoObject)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range want {
		r.roots = append(slices.DeleteFunc(r.roots, func(o tree.Hash) bool { return o == h }), h)
	}
	if n := len(r.roots) - maxRoots; n > 0 {
		r.roots = slices.Delete(r.roots, 0, n)
	}
	return out, nil
}

// refused reports whether a server answered a want with an error of its own,
// which some do instead of naming the object.
func refused(err error) bool {
	he := (*HTTPError)(nil)
	return errors.As(err, &he) && he.Status >= 400 && he.Status != 401 && he.Status != 403
}

func absent(want []tree.Hash, got []Object) []tree.Hash {
	have := make(map[tree.Hash]bool, len(got))
	for _, o := range got {
		have[o.Hash] = true
	}
	return slices.DeleteFunc(slices.Clone(want), func(h tree.Hash) bool { return have[h] })
}
