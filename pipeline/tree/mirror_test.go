package tree_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline/tree"
)

func place(fs *tree.FS, p string) tree.Place { return tree.Place{FS: fs, Path: p} }

func TestMirrorMakesADirectoryWhatAnotherOneIs(t *testing.T) {
	t.Parallel()
	r := newRepo()
	fs := tree.NewFS(r, r.tree(map[string]string{
		"test/a": "1", "test/run": "+x 2", "test/sub/b": "3", "test/moved": "4", "test/keep.tmp": "test", "test/link": "-> a", "test/module": "@", "test/dir": "5",
		"prod/a": "0", "prod/run": "2", "prod/sub/b": "3", "prod/old": "4", "prod/keep.tmp": "prod", "prod/mine": "-> a", "prod/own": "@", "prod/dir/c": "6",
	}))
	before := maps.Clone(r.read)
	changes, err := tree.Mirror(t.Context(), place(fs, "prod"), place(fs, "test"), tree.NewIgnore("*.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		switch {
		case c.Added():
			got = append(got, "+"+c.Path)
		case c.Deleted():
			got = append(got, "-"+c.Path)
		default:
			got = append(got, c.Path)
		}
	}
	if want := []string{"a", "+dir", "-dir/c", "+moved", "-old", "run"}; !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
	if err := place(fs, "prod").Take(t.Context(), fs, changes); err != nil {
		t.Fatal(err)
	}
	root, _, err := fs.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := r.tree(map[string]string{
		"test/a": "1", "test/run": "+x 2", "test/sub/b": "3", "test/moved": "4", "test/keep.tmp": "test", "test/link": "-> a", "test/module": "@", "test/dir": "5",
		"prod/a": "1", "prod/run": "+x 2", "prod/sub/b": "3", "prod/moved": "4", "prod/keep.tmp": "prod", "prod/mine": "-> a", "prod/own": "@", "prod/dir": "5",
	})
	if root != want {
		t.Error("the tree is not the one that was meant")
	}
	if r.read[tree.Blob] != before[tree.Blob] {
		t.Errorf("%d blobs were read within one repository", r.read[tree.Blob]-before[tree.Blob])
	}
}

func TestMirrorReadsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	r := newRepo()
	files := map[string]string{}
	for _, env := range []string{"test", "prod"} {
		for _, dir := range []string{"a", "b", "c"} {
			files[env+"/"+dir+"/x/y"] = dir
		}
	}
	files["prod/b/x/y"] = "other"
	fs := tree.NewFS(r, r.tree(files))
	if changes, err := tree.Mirror(t.Context(), place(fs, "prod"), place(fs, "test"), tree.Ignore{}); err != nil || len(changes) != 1 {
		t.Fatalf("changes %v, %v", changes, err)
	}
	// The root, prod and test, b of each, x of each.
	if got := r.read[tree.Tree]; got != 7 {
		t.Errorf("%d trees were read, want 7", got)
	}
}

func TestTakeTransfersOnlyWhatTheOtherRepositoryLacks(t *testing.T) {
	t.Parallel()
	from, to := newRepo(), newRepo()
	src := tree.NewFS(from, from.tree(map[string]string{"same": "1", "changed": "2", "moved": "3"}))
	dst := tree.NewFS(to, to.tree(map[string]string{"out/same": "1", "out/changed": "0", "out/old": "3"}))
	changes, err := tree.Mirror(t.Context(), place(dst, "out"), place(src, "."), tree.Ignore{})
	if err != nil {
		t.Fatal(err)
	}
	if err := place(dst, "out").Take(t.Context(), src, changes); err != nil {
		t.Fatal(err)
	}
	root, objects, err := dst.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := to.tree(map[string]string{"out/same": "1", "out/changed": "2", "out/moved": "3"}); root != want {
		t.Error("the tree is not the one that was meant")
	}
	blobs := 0
	for _, o := range objects {
		if o.Kind == tree.Blob {
			blobs++
		}
	}
	if from.read[tree.Blob] != 1 || blobs != 1 {
		t.Errorf("%d blobs were read and %d are sent, want one", from.read[tree.Blob], blobs)
	}
}

func TestTakeLeavesADirectoryInWhichSomethingIsLeft(t *testing.T) {
	t.Parallel()
	r := newRepo()
	fs := tree.NewFS(r, r.tree(map[string]string{"test/x": "1", "prod/x/keep": "2", "prod/x/go": "3"}))
	changes, err := tree.Mirror(t.Context(), place(fs, "prod"), place(fs, "test"), tree.NewIgnore("keep"))
	if err != nil {
		t.Fatal(err)
	}
	if err := place(fs, "prod").Take(t.Context(), fs, changes); !errors.Is(err, tree.ErrIsDir) {
		t.Errorf("got %v, want %v", err, tree.ErrIsDir)
	}
}

func TestEntriesReadNoFile(t *testing.T) {
	t.Parallel()
	r := newRepo()
	fs := tree.NewFS(r, r.tree(map[string]string{"prod/a": "1", "prod/sub/b": "2", "other/c": "3"}))
	got, err := place(fs, "prod").Entries(t.Context(), []string{"a", "sub/b", "sub/none", "a/b", "none/x"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["a"].Hash != tree.HashObject(tree.Blob, []byte("1")) || got["sub/b"].Mode != tree.ModeFile {
		t.Errorf("entries %v", got)
	}
	if none, err := place(fs, "nowhere/at/all").Entries(t.Context(), []string{"a"}); err != nil || len(none) != 0 {
		t.Errorf("entries %v, %v", none, err)
	}
	if r.read[tree.Blob] != 0 {
		t.Error("a file was read")
	}
}

func TestHeadFilesAreThoseThatWereCheckedOut(t *testing.T) {
	t.Parallel()
	r := newRepo()
	c := tree.NewCheckout("https://example.com/repo", "main", tree.Hash{1}, r, r.tree(map[string]string{"a": "1", "b": "1"}))
	if err := c.FS.WriteFile(t.Context(), "a", []byte("2"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), "two", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.FS.RemoveAll(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if data, err := c.HeadFiles().ReadFile(t.Context(), name); err != nil || string(data) != "1" {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
}

// TestMirrorProperty: whatever two directories hold, in one repository or in two, with
// changes that are not committed, after Take they are the same but for what is ignored.
func TestMirrorProperty(t *testing.T) {
	t.Parallel()
	names := rapid.SampledFrom([]string{"a", "b", "d/a", "d/b", "d/e/f", "tmp", "d/tmp"})
	contents := rapid.SampledFrom([]string{"1", "2", "3", "+x 1"})
	rapid.Check(t, func(t *rapid.T) {
		files := func(label string) map[string]string {
			return rapid.MapOf(names, contents).Draw(t, label)
		}
		ours, theirs, late := files("target"), files("source"), files("edits")
		from, to := newRepo(), newRepo()
		if rapid.Bool().Draw(t, "one repository") {
			from = to
		}
		src, dst := tree.NewFS(from, from.tree(theirs)), tree.NewFS(to, to.tree(map[string]string{}))
		if len(ours) > 0 {
			dst = tree.NewFS(to, to.tree(beneath("out", ours)))
		}
		for name, content := range late {
			mode, data := leaf(content)
			if err := src.WriteFile(t.Context(), name, []byte(data), mode); err != nil {
				t.Fatal(err)
			}
			theirs[name] = content
		}
		changes, err := tree.Mirror(t.Context(), place(dst, "out"), place(src, "."), tree.NewIgnore("tmp"))
		if err != nil {
			t.Fatal(err)
		}
		if err := place(dst, "out").Take(t.Context(), src, changes); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for name, content := range theirs {
			if !strings.HasSuffix(name, "tmp") {
				want[name] = content
			}
		}
		for name, content := range ours {
			if strings.HasSuffix(name, "tmp") {
				want[name] = content
			}
		}
		got, _, err := dst.Build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(to.tree(beneath("out", want)), got); diff != "" {
			t.Error(diff)
		}
	})
}

// beneath puts files into a directory.
func beneath(dir string, files map[string]string) map[string]string {
	out := map[string]string{}
	for name, content := range files {
		out[dir+"/"+name] = content
	}
	return out
}
