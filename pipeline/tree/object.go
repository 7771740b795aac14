package tree

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // Git object names are SHA-1.
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Hash is the SHA-1 name of a Git object. The zero value means "none".
type Hash [20]byte

// EmptyTree is the name of the tree without entries, which every repository
// has without storing it.
var EmptyTree = HashObject(Tree, nil)

// ParseHash reads 40 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return Hash{}, fmt.Errorf("object name %q: want 40 hexadecimal digits", s)
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("object name %q: %w", s, err)
	}
	return h, nil
}

// IsZero reports whether h names no object.
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns 40 lower-case hexadecimal digits, also for the zero value,
// as Git's protocols want it.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the hexadecimal form; the zero value is empty.
func (h Hash) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return []byte{}, nil
	}
	return []byte(h.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = Hash{}
		return nil
	}
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// Mode is the mode of a tree entry as Git stores it.
type Mode uint32

// The modes that Git writes. Trees made by old versions may hold others, which
// are kept as they are.
const (
	ModeFile      Mode = 0o100644
	ModeExec      Mode = 0o100755
	ModeSymlink   Mode = 0o120000
	ModeSubmodule Mode = 0o160000
	ModeDir       Mode = 0o040000
)

// IsDir reports whether the entry is a tree.
func (m Mode) IsDir() bool { return m == ModeDir }

// IsRegular reports whether the entry is a file, executable or not.
func (m Mode) IsRegular() bool { return m&0o170000 == 0o100000 }

// String returns the octal form that the REST API uses, six digits.
func (m Mode) String() string { return fmt.Sprintf("%06o", uint32(m)) }

// Kind is the kind of an Object.
type Kind uint8

// Blob and Tree are the kinds of object that a working copy is made of.
const (
	Blob Kind = iota + 1
	Tree
)

// String returns Git's name of the kind.
func (k Kind) String() string {
	switch k {
	case Blob:
		return "blob"
	case Tree:
		return "tree"
	default:
		return "unknown"
	}
}

// Object is a blob or a tree with its content, without Git's header. Data is
// shared and must not be modified.
type Object struct {
	Hash Hash
	Kind Kind
	Data []byte
}

// Source reads the objects of one repository.
//
// Objects returns every object of want, in as few round trips as it can, or an
// error; an object that the repository does not have is an error that wraps
// ErrNoObject. It must be safe for concurrent use. Two file systems share a
// Source value exactly when they read the same repository.
type Source interface {
	Objects(ctx context.Context, want []Hash) (map[Hash]Object, error)
}

// ErrNoObject says that a repository lacks an object.
var ErrNoObject = errors.New("no such object")

// HashObject names the object of the given kind and content.
func HashObject(k Kind, data []byte) Hash {
	h := sha1.New() //nolint:gosec // Git object names are SHA-1.
	h.Write([]byte(k.String() + " " + strconv.Itoa(len(data)) + "\x00"))
	h.Write(data)
	return Hash(h.Sum(nil))
}

// Entry is one name in a tree.
type Entry struct {
	Name string
	Mode Mode
	Hash Hash
}

// compareEntries is Git's tree order: bytewise, a directory as if its name
// ended in a slash.
func compareEntries(a, b Entry) int {
	n := min(len(a.Name), len(b.Name))
	if c := strings.Compare(a.Name[:n], b.Name[:n]); c != 0 {
		return c
	}
	return int(a.after(n)) - int(b.after(n))
}

func (e Entry) after(n int) byte {
	switch {
	case len(e.Name) > n:
		return e.Name[n]
	case e.Mode.IsDir():
		return '/'
	default:
		return 0
	}
}

// findEntry looks name up among sorted entries, as a file and as a directory.
func findEntry(entries []Entry, name string) (Entry, bool) {
	for _, mode := range [...]Mode{ModeFile, ModeDir} {
		if i, ok := slices.BinarySearchFunc(entries, Entry{Name: name, Mode: mode}, compareEntries); ok && entries[i].Name == name {
			return entries[i], true
		}
	}
	return Entry{}, false
}

// EncodeTree returns the content of the tree with these entries, which must be
// in Git's order.
func EncodeTree(entries []Entry) []byte {
	size := 0
	for _, e := range entries {
		size += len(e.Name) + 28
	}
	out := make([]byte, 0, size)
	for _, e := range entries {
		out = strconv.AppendUint(out, uint64(e.Mode), 8)
		out = append(out, ' ')
		out = append(out, e.Name...)
		out = append(out, 0)
		out = append(out, e.Hash[:]...)
	}
	return out
}

// DecodeTree reads the content of a tree. Names that could not stand in a
// directory, and entries out of Git's order, are an error: such a tree is
// hostile or corrupt.
func DecodeTree(data []byte) ([]Entry, error) {
	var entries []Entry
	if n := len(data) / 30; n > 0 {
		entries = make([]Entry, 0, min(n, 1<<16))
	}
	for len(data) > 0 {
		octal, rest, ok := bytes.Cut(data, []byte{' '})
		if !ok {
			return nil, errors.New("tree entry without a mode")
		}
		mode, err := strconv.ParseUint(string(octal), 8, 32)
		if err != nil {
			return nil, fmt.Errorf("tree entry mode: %w", err)
		}
		name, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(rest) < len(Hash{}) {
			return nil, errors.New("truncated tree entry")
		}
		e := Entry{Name: string(name), Mode: Mode(mode), Hash: Hash(rest[:20])}
		data = rest[20:]
		if e.Name == "" || e.Name == "." || e.Name == ".." || strings.Contains(e.Name, "/") {
			return nil, fmt.Errorf("tree entry name %q is not a file name", e.Name)
		}
		if n := len(entries); n > 0 && compareEntries(entries[n-1], e) >= 0 {
			return nil, fmt.Errorf("tree entry %q is out of order", e.Name)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
