package tree

import (
	"context"
	"fmt"
)

// tree returns the entries of a stored tree.
func (f *FS) tree(ctx context.Context, h Hash) ([]Entry, error) {
	if entries, ok := f.trees[h]; ok {
		return entries, nil
	}
	if err := f.fetch(ctx, []Hash{h}); err != nil {
		return nil, err
	}
	entries, ok := f.trees[h]
	if !ok {
		return nil, fmt.Errorf("object %s is not a tree", h)
	}
	return entries, nil
}

// blob returns the content of a stored blob, shared.
func (f *FS) blob(ctx context.Context, h Hash) ([]byte, error) {
	if o, ok := f.local[h]; ok && o.Kind == Blob {
		return o.Data, nil
	}
	if data, ok := f.blobs[h]; ok {
		return data, nil
	}
	if err := f.fetch(ctx, []Hash{h}); err != nil {
		return nil, err
	}
	data, ok := f.blobs[h]
	if !ok {
		return nil, fmt.Errorf("object %s is not a blob", h)
	}
	return data, nil
}

// Blobs returns the contents of the named blobs in one batch. The contents are
// shared and must not be modified.
func (f *FS) Blobs(ctx context.Context, hashes ...Hash) (map[Hash][]byte, error) {
	if err := f.fetch(ctx, hashes); err != nil {
		return nil, fmt.Errorf("read blobs: %w", err)
	}
	out := make(map[Hash][]byte, len(hashes))
	for _, h := range hashes {
		data, err := f.blob(ctx, h)
		if err != nil {
			return nil, err
		}
		out[h] = data
	}
	return out, nil
}

// fetch makes the objects readable without another round trip.
func (f *FS) fetch(ctx context.Context, hashes []Hash) error {
	var want []Hash
	seen := map[Hash]bool{}
	for _, h := range hashes {
		if seen[h] || f.has(h) {
			continue
		}
		seen[h] = true
		if o, ok := f.local[h]; ok {
			if err := f.keep(o); err != nil {
				return err
			}
			continue
		}
		want = append(want, h)
	}
	if len(want) == 0 {
		return nil
	}
	if f.src == nil {
		return fmt.Errorf("object %s: %w", want[0], ErrNoObject)
	}
	got, err := f.src.Objects(ctx, want)
	if err != nil {
		return err
	}
	for _, h := range want {
		o, ok := got[h]
		if !ok {
			return fmt.Errorf("object %s: %w", h, ErrNoObject)
		}
		o.Hash = h
		if err := f.keep(o); err != nil {
			return err
		}
	}
	return nil
}

func (f *FS) has(h Hash) bool {
	if _, ok := f.trees[h]; ok {
		return true
	}
	_, ok := f.blobs[h]
	return ok
}

func (f *FS) keep(o Object) error {
	if o.Kind != Tree {
		f.blobs[o.Hash] = o.Data
		return nil
	}
	entries, err := DecodeTree(o.Data)
	if err != nil {
		return fmt.Errorf("tree %s: %w", o.Hash, err)
	}
	f.trees[o.Hash] = entries
	return nil
}
