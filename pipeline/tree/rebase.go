package tree

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// ConflictError says that changes cannot be combined because both sides
// changed the same lines, or one side changed what the other removed.
type ConflictError struct{ Paths []string }

// Error names the paths.
func (e *ConflictError) Error() string {
	return "conflicting changes to " + strings.Join(e.Paths, ", ")
}

// Rebase puts the pending commits, and changes not committed yet, on top of
// another commit of the same repository. Files changed on both sides are merged
// by line. A commit that changes nothing any more is dropped. On any error, a
// *ConflictError among them, the Checkout is as it was.
func (c *Checkout) Rebase(ctx context.Context, head, root Hash) error {
	next, err := c.Rebased(ctx, head, root)
	if err != nil {
		return err
	}
	c.Become(next)
	return nil
}

// Become makes c what another Checkout of the same branch is, which must not be
// used any more.
func (c *Checkout) Become(next *Checkout) {
	if c == next {
		return
	}
	*c.FS = *next.FS
	next.FS = c.FS
	*c = *next
}

// Rebased returns what [Checkout.Rebase] would make of c, which stays as it is.
func (c *Checkout) Rebased(ctx context.Context, head, root Hash) (*Checkout, error) {
	next := NewCheckout(c.RepoURL, c.Branch, head, c.FS.src, root)
	next.FS.local = c.FS.local
	next.Author, next.tags = c.Author, c.tags
	apply := func(from, to Hash) error {
		changes, err := c.FS.Diff(ctx, from, to)
		if err != nil {
			return err
		}
		return next.FS.apply(ctx, changes)
	}
	for _, p := range c.pending {
		if err := apply(p.ParentTree, p.Tree); err != nil {
			return nil, fmt.Errorf("rebase: %w", err)
		}
		if _, err := next.Commit(ctx, p.Message, p.Author); err != nil && !errors.Is(err, ErrNoDifference) {
			return nil, fmt.Errorf("rebase: %w", err)
		}
	}
	now, err := c.FS.seal(c.FS.root)
	if err != nil {
		return nil, fmt.Errorf("rebase: %w", err)
	}
	if err := apply(c.FS.Base(), now); err != nil {
		return nil, fmt.Errorf("rebase: %w", err)
	}
	return next, nil
}

// apply makes changes to content that may differ from what they were made on.
func (f *FS) apply(ctx context.Context, changes []Change) error {
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path)
	}
	if err := f.Prefetch(ctx, paths...); err != nil {
		return err
	}
	var conflicts []string
	// Deletions first, so that a file may take the place of a directory.
	for _, deletions := range []bool{true, false} {
		for _, c := range changes {
			if c.Deleted() != deletions {
				continue
			}
			ok, err := f.applyOne(ctx, c)
			if err != nil {
				return err
			}
			if !ok {
				conflicts = append(conflicts, c.Path)
			}
		}
	}
	if len(conflicts) > 0 {
		return &ConflictError{Paths: conflicts}
	}
	return nil
}

func (f *FS) applyOne(ctx context.Context, c Change) (bool, error) {
	at := split(c.Path)
	n, err := f.peek(ctx, at)
	if errors.Is(err, ErrNotDir) || errors.Is(err, ErrSubmodule) {
		return c.Deleted(), nil
	}
	if err != nil {
		return false, err
	}
	var cur Entry
	if n != nil {
		if cur, err = f.entry(n); err != nil {
			return false, err
		}
	}
	was := Entry{Mode: c.OldMode, Hash: c.Old}
	now := Entry{Mode: c.NewMode, Hash: c.New}
	switch {
	case cur == now, c.Deleted() && n == nil:
		return true, nil
	case cur == was, n != nil && cur.Mode.IsDir() && cur.Hash == EmptyTree && c.Added():
	case cur.Mode == was.Mode && cur.Mode.IsRegular() && now.Mode.IsRegular():
		merged, ok, err := f.mergeLines(ctx, was.Hash, cur.Hash, now.Hash)
		if err != nil || !ok {
			return false, err
		}
		now.Hash = merged
	default:
		return false, nil
	}
	if c.Deleted() {
		return true, f.removeUp(ctx, at)
	}
	return true, f.set(ctx, at, &node{mode: now.Mode, hash: now.Hash})
}

// removeUp removes a file and the directories that it leaves empty.
func (f *FS) removeUp(ctx context.Context, at []string) error {
	for len(at) > 0 {
		if err := f.set(ctx, at, nil); err != nil {
			return err
		}
		at = at[:len(at)-1]
		n, err := f.peek(ctx, at)
		if err != nil || n == nil {
			return err
		}
		if len(n.list()) > 0 {
			return nil
		}
	}
	return nil
}

func (f *FS) entry(n *node) (Entry, error) {
	h, err := f.seal(n)
	return Entry{Mode: n.mode, Hash: h}, err
}

// mergeLines combines two changes of one file. Changes to the same or to
// neighbouring lines conflict, as they do in Git.
func (f *FS) mergeLines(ctx context.Context, base, ours, theirs Hash) (Hash, bool, error) {
	if base == ours {
		return theirs, true, nil
	}
	got, err := f.Blobs(ctx, base, ours, theirs)
	if err != nil {
		return Hash{}, false, err
	}
	text := string(got[base])
	if strings.ContainsRune(text, 0) {
		return Hash{}, false, nil
	}
	x, y := udiff.Lines(text, string(got[ours])), udiff.Lines(text, string(got[theirs]))
	for _, a := range x {
		for _, b := range y {
			if a != b && a.Start <= b.End && b.Start <= a.End {
				return Hash{}, false, nil
			}
		}
	}
	edits, ok := udiff.Merge(x, y)
	if !ok {
		return Hash{}, false, nil
	}
	merged, err := udiff.Apply(text, edits)
	if err != nil {
		return Hash{}, false, nil //nolint:nilerr // Edits that do not fit are a conflict.
	}
	o := Object{Kind: Blob, Data: []byte(merged)}
	o.Hash = HashObject(Blob, o.Data)
	f.add(o)
	return o.Hash, true, nil
}
