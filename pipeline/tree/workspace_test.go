package tree_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// checkoutOf mounts files of a repository at a path.
func checkoutOf(t *testing.T, w *tree.Workspace, p string, r *repo, files map[string]string) *tree.Checkout {
	t.Helper()
	c := tree.NewCheckout("https://example.com/repo", p, tree.Hash{1}, r, r.tree(files))
	if err := w.Mount(t.Context(), p, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// contentsOf reads every file beneath dir.
func contentsOf(t *testing.T, w *tree.Workspace, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(p string)
	walk = func(p string) {
		infos, err := w.ReadDir(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			q := tree.Clean(p + "/" + i.Name)
			if i.Mode.IsDir() {
				walk(q)
				continue
			}
			if i.Mode == tree.ModeSymlink || i.Mode == tree.ModeSubmodule {
				out[q] = i.Mode.String()
				continue
			}
			data, err := w.ReadFile(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			out[q] = string(data)
		}
	}
	walk(dir)
	return out
}

func TestCopyRules(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"in/a": "1", "in/sub/b": "2", "in/sub/run": "+x 3", "in/link": "-> a", "in/sub/link": "-> b", "in/module": "@",
		"in/skip/x.tmp": "4", "in/keep.tmp": "5", "out/a": "old", "out/other": "kept", "file": "6", "onlylinks/l": "-> x",
		"dirlink": "-> in",
	}
	for name, tc := range map[string]struct {
		in, out, ignore string
		want            map[string]string
		err             error
	}{
		"the destination is the directory itself": {
			in: "in/sub", out: "new/place", want: map[string]string{"new/place/b": "2", "new/place/run": "3"},
		},
		"directories merge and files overwrite": {
			in: "in", out: "out",
			want: map[string]string{"out/a": "1", "out/other": "kept", "out/sub/b": "2", "out/sub/run": "3", "out/skip/x.tmp": "4", "out/keep.tmp": "5"},
		},
		"ignored paths are left out": {
			in: "in", out: "new", ignore: "# comment\n*.tmp\n!keep.tmp\nsub/\n", want: map[string]string{"new/a": "1", "new/keep.tmp": "5"},
		},
		"patterns with a slash are relative to the input": {
			in: "in", out: "new", ignore: "/sub/b\r\n/skip", want: map[string]string{"new/a": "1", "new/sub/run": "3", "new/keep.tmp": "5"},
		},
		"a file onto a file":                {in: "file", out: "out/a", want: map[string]string{"out/a": "6", "out/other": "kept"}},
		"a file under a new name":           {in: "file", out: "new/name", want: map[string]string{"new/name": "6"}},
		"a directory into itself":           {in: "in/sub", out: "in/sub/again", want: map[string]string{"in/sub/again/b": "2", "in/sub/again/run": "3"}},
		"a link to the input is followed":   {in: "dirlink", out: "new", ignore: "s*\n*.tmp", want: map[string]string{"new/a": "1"}},
		"a file onto a directory":           {in: "file", out: "out", err: tree.ErrIsDir},
		"a directory onto a file":           {in: "in", out: "file", err: tree.ErrNotDir},
		"through a file":                    {in: "in", out: "file/x", err: tree.ErrNotDir},
		"nothing to copy":                   {in: "absent", out: "new", err: fs.ErrNotExist},
		"into .git":                         {in: "in", out: ".git/hooks", err: fs.ErrPermission},
		"nothing is left of the directory":  {in: "onlylinks", out: "new", want: map[string]string{}},
		"a path above the workspace":        {in: "../../file", out: "/../new", want: map[string]string{"new": "6"}},
		"a directory onto one of its files": {in: "in", out: "in/a", err: tree.ErrNotDir},
	} {
		for _, scratch := range []bool{false, true} {
			w := tree.NewWorkspace()
			if scratch {
				w = scratchOf(t, files)
			} else {
				checkoutOf(t, w, ".", newRepo(), files)
			}
			want := contentsOf(t, w, ".")
			maps.Copy(want, tc.want)
			err := w.Copy(t.Context(), tc.in, tc.out, tc.ignore)
			if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
				t.Errorf("%s (scratch %v): %v, want %v", name, scratch, err, tc.err)
			}
			if err != nil {
				continue
			}
			if diff := cmp.Diff(want, contentsOf(t, w, ".")); diff != "" {
				t.Errorf("%s (scratch %v) (-want +got):\n%s", name, scratch, diff)
			}
		}
	}
}

// scratchOf is a workspace with these files and no checkout.
func scratchOf(t *testing.T, files map[string]string) *tree.Workspace {
	t.Helper()
	w := tree.NewWorkspace()
	for p, content := range files {
		mode, data := leaf(content)
		if mode == tree.ModeSubmodule {
			continue
		}
		if err := w.WriteFile(t.Context(), p, []byte(data), mode); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// TestCopyBetweenBranchesReadsNoFile copies a directory of 1,000 files from one
// branch of a repository to another.
func TestCopyBetweenBranchesReadsNoFile(t *testing.T) {
	t.Parallel()
	r, root := big()
	w := tree.NewWorkspace()
	ctx := t.Context()
	src := tree.NewCheckout("u", "main", tree.Hash{1}, r, root)
	dst := tree.NewCheckout("u", "env/prod", tree.Hash{2}, r, r.tree(map[string]string{"c07/t1/a01/f1": "old", "own": "x"}))
	for p, c := range map[string]*tree.Checkout{"src": src, "out": dst} {
		if err := w.Mount(ctx, p, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteFile(ctx, "src/c07/t2/new", []byte("not committed"), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Copy(ctx, "src/c07", "out/c07", ""); err != nil {
		t.Fatal(err)
	}
	if r.read[tree.Blob] != 0 {
		t.Errorf("read %d blobs", r.read[tree.Blob])
	}
	if r.requests > 10 {
		t.Errorf("%d requests", r.requests)
	}
	built, objects, err := dst.FS.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.store(t, objects)
	got := r.files(t, built)
	if len(got) != 1000+2 || got["c07/t2/new"] != "not committed" || got["c07/t1/a01/f1"] != "7 1 1 1\n" || got["own"] != "x" {
		t.Errorf("%d files, new %q, merged %q, own %q", len(got), got["c07/t2/new"], got["c07/t1/a01/f1"], got["own"])
	}
	if len(objects) > 3+1 {
		t.Errorf("%d new objects; want a file and the trees above it", len(objects))
	}
}

func TestCopyBetweenRepositoriesCarriesContent(t *testing.T) {
	t.Parallel()
	w := tree.NewWorkspace()
	ctx := t.Context()
	target := newRepo()
	checkoutOf(t, w, "src", newRepo(), map[string]string{"d/a": "1", "d/b/c": "+x 2"})
	dst := checkoutOf(t, w, "dst", target, map[string]string{"d/a": "0"})
	if err := w.Copy(ctx, "src/d", "dst/e", ""); err != nil {
		t.Fatal(err)
	}
	built, objects, err := dst.FS.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	target.store(t, objects)
	want := map[string]string{"d/a": "0", "e/a": "1", "e/b/c": "+x 2"}
	if diff := cmp.Diff(want, target.files(t, built)); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
}

func TestWorkspaceMounts(t *testing.T) {
	t.Parallel()
	w := tree.NewWorkspace()
	ctx := t.Context()
	r := newRepo()
	if err := w.WriteFile(ctx, "notes.txt", []byte("n"), 0); err != nil {
		t.Fatal(err)
	}
	outer := checkoutOf(t, w, "a/src", r, map[string]string{"x": "1"})
	inner := checkoutOf(t, w, "a/src/vendor/lib", r, map[string]string{"y": "2", "d/z": "3"})
	want := map[string]string{"notes.txt": "n", "a/src/x": "1", "a/src/vendor/lib/y": "2", "a/src/vendor/lib/d/z": "3"}
	if diff := cmp.Diff(want, contentsOf(t, w, ".")); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
	if c, rel := w.CheckoutOf("a/src/vendor/lib/d"); c != inner || rel != "d" {
		t.Errorf("checkout of a nested path: %v %s", c, rel)
	}
	if c, rel := w.CheckoutOf("a/srcs"); c != nil || rel != "a/srcs" {
		t.Errorf("checkout of a sibling: %v %s", c, rel)
	}
	if _, err := w.Checkout("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("checkout at a directory that is none: %v", err)
	}
	for _, p := range []string{"a/src", "notes.txt", "a"} {
		if err := w.Mount(ctx, p, outer); !errors.Is(err, fs.ErrExist) {
			t.Errorf("mount on %s: %v", p, err)
		}
	}
	got, err := w.Glob(ctx, "a/**/z")
	if err != nil || len(got) != 1 || got[0] != "a/src/vendor/lib/d/z" {
		t.Errorf("glob across checkouts = %v, %v", got, err)
	}
	if err := w.Copy(ctx, "a", "copy", "x\n"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"copy/src/vendor/lib/y": "2", "copy/src/vendor/lib/d/z": "3"}, contentsOf(t, w, "copy")); diff != "" {
		t.Errorf("copy across checkouts (-want +got):\n%s", diff)
	}
	if root := mustBuild(t, outer.FS); root != outer.FS.Base() {
		t.Error("mounting inside a checkout changed it")
	}
	if err := w.RemoveAll(ctx, "a/src/vendor"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/src"}, w.Mounts()); diff != "" {
		t.Errorf("mounts after a removal (-want +got):\n%s", diff)
	}
	if root := mustBuild(t, inner.FS); root != inner.FS.Base() {
		t.Error("removing the mounted directory emptied the checkout")
	}
	_, err = w.ReadFile(ctx, "a/src/absent")
	if pe := (*fs.PathError)(nil); !errors.As(err, &pe) || pe.Path != "a/src/absent" {
		t.Errorf("error %v does not name the path in the workspace", err)
	}
}

// TestReplayIsIdentical runs the same steps twice on what a repository had, and
// requires the same tree.
func TestReplayIsIdentical(t *testing.T) {
	t.Parallel()
	r := newRepo()
	run := func(ctx context.Context) tree.Hash {
		w := tree.NewWorkspace()
		c := checkoutOf(t, w, "repo", r, map[string]string{"base/a": "1", "base/b": "2", "env/x": "3"})
		steps := []error{
			w.WriteFile(ctx, "tmp/values", []byte("v"), 0),
			w.RemoveAll(ctx, "repo/env"),
			w.Copy(ctx, "repo/base", "repo/env", "b"),
			w.Copy(ctx, "tmp", "repo/env/values", ""),
		}
		if err := errors.Join(steps...); err != nil {
			t.Fatal(err)
		}
		made, err := c.Commit(ctx, "m", nil)
		if err != nil {
			t.Fatal(err)
		}
		return made.Tree
	}
	if a, b := run(t.Context()), run(t.Context()); a != b {
		t.Errorf("trees %s and %s", a, b)
	}
}

func TestRebase(t *testing.T) {
	t.Parallel()
	base := map[string]string{"a": "1\n2\n3\n4\n5\n", "dir/b": "b\n", "gone": "x\n", "dir/c": "c\n"}
	for name, tc := range map[string]struct {
		ours, theirs map[string]string // empty content deletes
		want         map[string]string // what differs from base at the end
		conflict     []string
		commits      int
	}{
		"different files":                    {ours: map[string]string{"dir/b": "2\n"}, theirs: map[string]string{"dir/c": "2\n"}, want: map[string]string{"dir/b": "2\n", "dir/c": "2\n"}, commits: 1},
		"different lines of a file":          {ours: map[string]string{"a": "1!\n2\n3\n4\n5\n"}, theirs: map[string]string{"a": "1\n2\n3\n4\n5!\n"}, want: map[string]string{"a": "1!\n2\n3\n4\n5!\n"}, commits: 1},
		"the same line":                      {ours: map[string]string{"a": "1\n2\n3!\n4\n5\n"}, theirs: map[string]string{"a": "1\n2\n3?\n4\n5\n"}, conflict: []string{"a"}},
		"neighbouring lines":                 {ours: map[string]string{"a": "1\n2!\n3\n4\n5\n"}, theirs: map[string]string{"a": "1\n2\n3!\n4\n5\n"}, conflict: []string{"a"}},
		"the same change":                    {ours: map[string]string{"a": "same\n"}, theirs: map[string]string{"a": "same\n"}, want: map[string]string{"a": "same\n"}},
		"the same deletion":                  {ours: map[string]string{"gone": ""}, theirs: map[string]string{"gone": ""}, want: map[string]string{"gone": ""}},
		"changed here, deleted there":        {ours: map[string]string{"gone": "y\n"}, theirs: map[string]string{"gone": ""}, conflict: []string{"gone"}},
		"deleted here, changed there":        {ours: map[string]string{"gone": ""}, theirs: map[string]string{"gone": "y\n"}, conflict: []string{"gone"}},
		"added on both sides":                {ours: map[string]string{"new": "1\n"}, theirs: map[string]string{"new": "2\n"}, conflict: []string{"new"}},
		"a file takes a directory's place":   {ours: map[string]string{"dir/b": "", "dir/c": "", "dir": "f\n"}, theirs: map[string]string{"a": "t\n"}, want: map[string]string{"a": "t\n", "dir/b": "", "dir/c": "", "dir": "f\n"}, commits: 1},
		"a file above what the other filled": {ours: map[string]string{"dir/b": "", "dir/c": "", "dir": "f\n"}, theirs: map[string]string{"dir/d": "t\n"}, conflict: []string{"dir"}},
	} {
		r := newRepo()
		w := tree.NewWorkspace()
		ctx := t.Context()
		c := checkoutOf(t, w, "repo", r, base)
		for p, content := range tc.ours {
			if content == "" {
				if err := c.FS.RemoveAll(ctx, p); err != nil {
					t.Fatal(err)
				}
			}
		}
		for p, content := range tc.ours {
			if content != "" {
				if p == "dir" {
					if err := c.FS.RemoveAll(ctx, p); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.FS.WriteFile(ctx, p, []byte(content), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		made, err := c.Commit(ctx, "ours", nil)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Rebase(ctx, tree.Hash{9}, r.tree(patched(base, tc.theirs)))
		if tc.conflict != nil {
			ce := (*tree.ConflictError)(nil)
			if !errors.As(err, &ce) {
				t.Errorf("%s: %v, want a conflict", name, err)
				continue
			}
			if diff := cmp.Diff(tc.conflict, ce.Paths); diff != "" {
				t.Errorf("%s: conflicts (-want +got):\n%s", name, diff)
			}
			if c.Head != (tree.Hash{1}) || c.FS.Base() != made.Tree || len(c.Pending()) != 1 {
				t.Errorf("%s: a failed rebase changed the checkout", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Pending()) != tc.commits || c.Head != (tree.Hash{9}) {
			t.Errorf("%s: %d commits on %s", name, len(c.Pending()), c.Head)
		}
		for _, o := range c.Objects() {
			r.objects[o.Hash] = o
		}
		if diff := cmp.Diff(patched(base, tc.want), r.files(t, mustBuild(t, c.FS))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func patched(base, changes map[string]string) map[string]string {
	out := maps.Clone(base)
	for p, content := range changes {
		if content == "" {
			delete(out, p)
		} else {
			out[p] = content
		}
	}
	return out
}

func TestIgnoreTakesNothingBackFromADirectory(t *testing.T) {
	t.Parallel()
	ignore := tree.NewIgnore("# comment\nbuild/\n!build/keep\n*.tmp\n!important.tmp\n/top\n")
	for p, want := range map[string]bool{
		"build/keep": true, "build": false, "a.tmp": true, "d/a.tmp": true, "d/important.tmp": false, "top": true, "d/top": false, "x": false, ".": false,
	} {
		if got := ignore.Match(p, false); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
	if !ignore.Match("build", true) || tree.NewIgnore("").Match("a", false) {
		t.Error("a directory is taken for a file, or no pattern for one")
	}
}

func TestWorkspaceReadlink(t *testing.T) {
	t.Parallel()
	w := tree.NewWorkspace()
	for p, mode := range map[string]tree.Mode{"a/link": tree.ModeSymlink, "a/file": tree.ModeFile} {
		if err := w.WriteFile(t.Context(), p, []byte("../b"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := w.Readlink(t.Context(), "a/link"); err != nil || target != "../b" {
		t.Errorf("%q, %v", target, err)
	}
	if _, err := w.Readlink(t.Context(), "a/file"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("of a file: %v", err)
	}
}
