package gitrepo

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // Packs end in a SHA-1.
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Type is the kind of an Object.
type Type int8

// The four kinds of Git object.
const (
	TypeCommit Type = Type(plumbing.CommitObject)
	TypeTree   Type = Type(plumbing.TreeObject)
	TypeBlob   Type = Type(plumbing.BlobObject)
	TypeTag    Type = Type(plumbing.TagObject)
)

// String returns Git's name of the type.
func (t Type) String() string { return plumbing.ObjectType(t).String() }

// Object is any Git object with its content, without header. Data is shared and
// must not be modified.
type Object struct {
	Hash tree.Hash
	Type Type
	Data []byte
}

// FromTree converts what tree.FS.Build returned.
func FromTree(objects []tree.Object) []Object {
	out := make([]Object, len(objects))
	for i, o := range objects {
		out[i] = Object{Hash: o.Hash, Type: TypeBlob, Data: o.Data}
		if o.Kind == tree.Tree {
			out[i].Type = TypeTree
		}
	}
	return out
}

func hashObject(t Type, data []byte) tree.Hash {
	return tree.Hash(plumbing.ComputeHash(plumbing.ObjectType(t), data))
}

// packEntry is an object as a pack stores it: whole, or as a delta.
type packEntry struct {
	typ     plumbing.ObjectType
	data    []byte
	baseOff int64
	baseRef plumbing.Hash
}

// decodePack returns the objects of a pack that holds all its deltas' bases.
// More than limit inflated bytes is ErrTooLarge; everything in the pack is
// treated as hostile.
func decodePack(pack []byte, limit int64) ([]Object, error) {
	if len(pack) == 0 {
		return nil, nil
	}
	if len(pack) < 32 {
		return nil, errTruncated
	}
	body, sum := pack[:len(pack)-sha1.Size], pack[len(pack)-sha1.Size:]
	if got := sha1.Sum(body); !bytes.Equal(got[:], sum) { //nolint:gosec // As above.
		return nil, errors.New("pack checksum does not match")
	}
	sc := packfile.NewScanner(bytes.NewReader(pack))
	_, count, err := sc.Header()
	if err != nil {
		return nil, fmt.Errorf("pack header: %w", err)
	}
	// An entry takes at least nine bytes, so a larger count is a lie.
	if int64(count) > int64(len(pack)) {
		return nil, errors.New("pack header: impossible object count")
	}
	entries := make(map[int64]packEntry, count)
	order := make([]int64, 0, count)
	left := limit
	for range count {
		h, err := sc.NextObjectHeader()
		if err != nil {
			return nil, fmt.Errorf("pack entry: %w", err)
		}
		if left -= h.Length; h.Length < 0 || left < 0 {
			return nil, fmt.Errorf("pack: %w", ErrTooLarge)
		}
		var buf bytes.Buffer
		buf.Grow(int(min(h.Length, 1<<20)))
		if n, _, err := sc.NextObject(&buf); err != nil {
			return nil, fmt.Errorf("pack entry: %w", err)
		} else if n != h.Length {
			return nil, errors.New("pack entry: wrong length")
		}
		entries[h.Offset] = packEntry{typ: h.Type, data: buf.Bytes(), baseOff: h.OffsetReference, baseRef: h.Reference}
		order = append(order, h.Offset)
	}
	return resolvePack(entries, order, left)
}

// resolvePack applies deltas, in as many rounds as chains are long.
func resolvePack(entries map[int64]packEntry, order []int64, left int64) ([]Object, error) {
	out := make([]Object, 0, len(order))
	byOffset := make(map[int64]int, len(order))
	byHash := make(map[plumbing.Hash]int, len(order))
	done := func(off int64, t plumbing.ObjectType, data []byte) {
		o := Object{Type: Type(t), Data: data}
		o.Hash = hashObject(o.Type, data)
		byOffset[off], byHash[plumbing.Hash(o.Hash)] = len(out), len(out)
		out = append(out, o)
	}
	for len(order) > 0 {
		var waiting []int64
		for _, off := range order {
			e := entries[off]
			var base int
			var ok bool
			switch e.typ {
			case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
				done(off, e.typ, e.data)
				continue
			case plumbing.OFSDeltaObject:
				base, ok = byOffset[e.baseOff]
			case plumbing.REFDeltaObject:
				base, ok = byHash[e.baseRef]
			default:
				return nil, fmt.Errorf("pack entry: unknown type %d", e.typ)
			}
			if !ok {
				waiting = append(waiting, off)
				continue
			}
			if left -= deltaSize(e.data); left < 0 {
				return nil, fmt.Errorf("pack: %w", ErrTooLarge)
			}
			data, err := packfile.PatchDelta(out[base].Data, e.data)
			if err != nil {
				return nil, fmt.Errorf("pack delta: %w", err)
			}
			done(off, plumbing.ObjectType(out[base].Type), data)
		}
		if len(waiting) == len(order) {
			return nil, errors.New("pack delta without its base")
		}
		order = waiting
	}
	return out, nil
}

// deltaSize is the size that a delta says its result has. The patcher produces
// exactly that much or fails.
func deltaSize(delta []byte) int64 {
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return 0
	}
	size, n := binary.Uvarint(delta[n:])
	if n <= 0 || size > 1<<40 {
		return 1 << 40
	}
	return int64(size)
}

// encodePack returns a pack of exactly these objects, without deltas.
func encodePack(objects []Object) ([]byte, error) {
	store := memory.NewStorage()
	var names []plumbing.Hash
	seen := map[tree.Hash]bool{}
	for _, o := range objects {
		if seen[o.Hash] {
			continue
		}
		seen[o.Hash] = true
		m := &plumbing.MemoryObject{}
		m.SetType(plumbing.ObjectType(o.Type))
		if _, err := m.Write(o.Data); err != nil {
			return nil, fmt.Errorf("encode pack: %w", err)
		}
		h, err := store.SetEncodedObject(m)
		if err != nil {
			return nil, fmt.Errorf("encode pack: %w", err)
		}
		if tree.Hash(h) != o.Hash {
			return nil, fmt.Errorf("encode pack: %s %s has content named %s", o.Type, o.Hash, h)
		}
		names = append(names, h)
	}
	var buf bytes.Buffer
	if _, err := packfile.NewEncoder(&buf, store, false).Encode(names, 0); err != nil {
		return nil, fmt.Errorf("encode pack: %w", err)
	}
	return buf.Bytes(), nil
}
