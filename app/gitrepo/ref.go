package gitrepo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

const (
	headPrefix = "refs/heads/"
	tagPrefix  = "refs/tags/"
)

// Ref is a reference of a repository.
type Ref struct {
	Name string
	Hash tree.Hash
	// Peeled is what an annotated tag points to; zero for anything else.
	Peeled tree.Hash
	// Target is the reference that a symbolic one, such as HEAD, points to.
	Target string
}

// Commit is the peeled hash.
func (r Ref) Commit() tree.Hash {
	if !r.Peeled.IsZero() {
		return r.Peeled
	}
	return r.Hash
}

// Refs returns the references whose names begin with one of the prefixes, or all
// without prefixes, sorted by name. It is always asked of the server.
func (r *Repository) Refs(ctx context.Context, prefixes ...string) ([]Ref, error) {
	refs, err := r.back.refs(ctx, prefixes)
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	if len(prefixes) > 0 {
		refs = slices.DeleteFunc(refs, func(ref Ref) bool {
			return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(ref.Name, p) })
		})
	}
	slices.SortFunc(refs, func(a, b Ref) int { return strings.Compare(a.Name, b.Name) })
	return refs, nil
}

// ResolveRef returns a reference by its full name, or ErrRefNotFound.
func (r *Repository) ResolveRef(ctx context.Context, name string) (Ref, error) {
	refs, err := r.Refs(ctx, name)
	if err != nil {
		return Ref{}, err
	}
	for _, ref := range refs {
		if ref.Name == name && !ref.Hash.IsZero() {
			return ref, nil
		}
	}
	return Ref{}, fmt.Errorf("%s: %w", name, ErrRefNotFound)
}

// ResolveBranch returns the head of a branch, or ErrRefNotFound.
func (r *Repository) ResolveBranch(ctx context.Context, branch string) (tree.Hash, error) {
	ref, err := r.ResolveRef(ctx, headPrefix+branch)
	return ref.Hash, err
}

// ResolveTag returns the commit of a tag, annotated or not, or ErrRefNotFound.
func (r *Repository) ResolveTag(ctx context.Context, tag string) (tree.Hash, error) {
	ref, err := r.ResolveRef(ctx, tagPrefix+tag)
	return ref.Commit(), err
}

// DefaultBranch returns the branch that HEAD points to and its commit. The
// commit is zero when the branch is not born.
func (r *Repository) DefaultBranch(ctx context.Context) (string, tree.Hash, error) {
	refs, err := r.Refs(ctx, "HEAD")
	if err != nil {
		return "", tree.Hash{}, err
	}
	for _, ref := range refs {
		if branch, ok := strings.CutPrefix(ref.Target, headPrefix); ok && ref.Name == "HEAD" {
			return branch, ref.Hash, nil
		}
	}
	return "", tree.Hash{}, fmt.Errorf("default branch: HEAD: %w", ErrRefNotFound)
}
