package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// push stores the objects and then moves the references. All are looked at before
// the first one moves; who pushes from another process at the same instant is
// noticed for each reference by itself.
func (l *local) push(ctx context.Context, updates []RefUpdate, objects []Object) error {
	if !l.writable {
		return ErrReadOnly
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range updates {
		if err := l.mayMove(u); err != nil {
			return err
		}
	}
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := l.store.SetEncodedObject(memoryObject(o)); err != nil {
			return fmt.Errorf("store object %s: %w", o.Hash, err)
		}
	}
	for _, u := range updates {
		if err := l.move(u); err != nil {
			return fmt.Errorf("update %s: %w", u.Name, err)
		}
	}
	return nil
}

// mayMove reports why a reference cannot be updated.
func (l *local) mayMove(u RefUpdate) error {
	old, err := l.at(u.Name)
	switch {
	case err != nil:
		return err
	case old != u.Old:
		return &RejectedError{Ref: u.Name, Reason: "stale info", Stale: true}
	case l.bare:
		return nil
	}
	head, err := l.store.Reference(plumbing.HEAD)
	if err == nil && head.Type() == plumbing.SymbolicReference && head.Target().String() == u.Name {
		return &RejectedError{Ref: u.Name, Reason: "the branch is checked out there, and its files would be left behind; push to a bare repository"}
	}
	return nil
}

// at is where a reference points, zero for nowhere.
func (l *local) at(name string) (tree.Hash, error) {
	ref, err := l.store.Reference(plumbing.ReferenceName(name))
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return tree.Hash{}, nil
	}
	if err != nil {
		return tree.Hash{}, fmt.Errorf("read %s: %w", name, err)
	}
	return tree.Hash(ref.Hash()), nil
}

func (l *local) move(u RefUpdate) error {
	name := plumbing.ReferenceName(u.Name)
	if u.New.IsZero() {
		return l.store.RemoveReference(name)
	}
	var old *plumbing.Reference
	if !u.Old.IsZero() {
		old = plumbing.NewHashReference(name, plumbing.Hash(u.Old))
	}
	err := l.store.CheckAndSetReference(plumbing.NewHashReference(name, plumbing.Hash(u.New)), old)
	if err != nil && !u.Old.IsZero() {
		if now, readErr := l.at(u.Name); readErr == nil && now != u.Old {
			return &RejectedError{Ref: u.Name, Reason: err.Error(), Stale: true}
		}
	}
	return err
}
