package tree_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestWorkspaceIsAnIOFS(t *testing.T) {
	t.Parallel()
	w := tree.NewWorkspace()
	r := newRepo()
	checkoutOf(t, w, "src", r, map[string]string{
		"a/file": "one", "link": "-> a/file", "up": "-> ../../outside", "run": "+x two",
	})
	if err := w.WriteFile(t.Context(), "out/new", []byte("three"), 0); err != nil {
		t.Fatal(err)
	}
	files := w.IOFS(t.Context())
	got := map[string]string{}
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, p)
		if errors.Is(err, fs.ErrNotExist) {
			got[p] = "absent"
			return nil
		}
		got[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"out/new": "three", "src/a/file": "one", "src/link": "one", "src/run": "two", "src/up": "absent",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, p := range []string{"../etc/passwd", "/etc/passwd", "src/../out/new", ""} {
		if _, err := fs.ReadFile(files, p); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("reading %q: %v, want an invalid path", p, err)
		}
		if _, err := fs.Stat(files, p); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("stat of %q: %v, want an invalid path", p, err)
		}
		if _, err := fs.ReadDir(files, p); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("listing %q: %v, want an invalid path", p, err)
		}
	}
}

func TestIOFSOpensFilesAndDirectories(t *testing.T) {
	t.Parallel()
	w := scratchOf(t, map[string]string{"dir/a": "aaa", "dir/b": "b"})
	files := w.IOFS(t.Context())
	f, err := files.Open("dir/a")
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil || info.Size() != 3 || info.IsDir() {
		t.Errorf("an open file: %v, %v", info, err)
	}
	d, err := files.Open("dir")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(make([]byte, 1)); !errors.Is(err, tree.ErrIsDir) {
		t.Errorf("reading a directory: %v", err)
	}
	var names []string
	for {
		entries, err := d.(fs.ReadDirFile).ReadDir(1) //nolint:forcetypeassert // a failure is a failed test
		if err != nil {
			break
		}
		names = append(names, entries[0].Name())
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if err := errors.Join(f.Close(), d.Close()); err != nil {
		t.Error(err)
	}
}

// deaf is a source that answers only while its context lives.
type deaf struct{ *repo }

func (d deaf) Objects(ctx context.Context, want []tree.Hash) (map[tree.Hash]tree.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return d.repo.Objects(ctx, want)
}

func TestIOFSEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w, r := tree.NewWorkspace(), newRepo()
	root := r.tree(map[string]string{"dir/file": "x"})
	if err := w.Mount(t.Context(), "src", tree.NewCheckout("", "main", tree.Hash{}, deaf{r}, root)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	files := w.IOFS(ctx)
	cancel()
	if _, err := fs.ReadFile(files, "src/dir/file"); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v, want context.Canceled", err)
	}
}
