package tree_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/tree"
)

func newFS(files map[string]string) (*tree.FS, *repo) {
	r := newRepo()
	return tree.NewFS(r, r.tree(files)), r
}

// big is a repository of 50,000 files in which every tree is made only once, so
// that it costs little to build.
func big() (*repo, tree.Hash) {
	r := newRepo()
	files := map[string]string{}
	for c := range 50 {
		for t := range 10 {
			for a := range 25 {
				for k := range 4 {
					files[fmt.Sprintf("c%02d/t%d/a%02d/f%d", c, t, a, k)] = fmt.Sprintf("%d %d %d %d\n", c, t, a, k)
				}
			}
		}
	}
	return r, r.tree(files)
}

func TestCostFollowsTheChange(t *testing.T) {
	t.Parallel()
	r, root := big()
	f := tree.NewFS(r, root)
	ctx := t.Context()
	paths := []string{"c01/t1/a01/f1", "c01/t2/a02/f2", "c30/t3/a03/f3"}
	if err := f.Prefetch(ctx, append(paths, "absent/x", "c01/t1/a01/f1/below")...); err != nil {
		t.Fatal(err)
	}
	// The root; two cN; three tN; three aN; and the files.
	if r.requests != 5 || r.read[tree.Tree] != 1+2+3+3 || r.read[tree.Blob] != 3 {
		t.Errorf("prefetch: %d requests, %d trees, %d blobs; want 5, 9, 3", r.requests, r.read[tree.Tree], r.read[tree.Blob])
	}
	for _, p := range paths {
		data, err := f.ReadFile(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.WriteFile(ctx, p, append(data, "changed"...), 0); err != nil {
			t.Fatal(err)
		}
	}
	built, objects, err := f.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 3+1+2+3+3 {
		t.Errorf("built %d objects, want 3 blobs and 9 trees", len(objects))
	}
	if r.requests != 5 {
		t.Errorf("%d requests after all, want those of the prefetch", r.requests)
	}
	r.store(t, objects)
	changes, err := tree.Diff(ctx, r, root, built)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.Path)
	}
	if diff := cmp.Diff(paths, got); diff != "" {
		t.Errorf("changed paths (-want +got):\n%s", diff)
	}
}

func TestRewrittenContentIsNotSent(t *testing.T) {
	t.Parallel()
	r, root := big()
	c := tree.NewCheckout("", "main", tree.Hash{}, r, root)
	ctx := t.Context()
	data, err := c.FS.ReadFile(ctx, "c01/t1/a01/f1")
	if err != nil {
		t.Fatal(err)
	}
	c.Clear()
	if err := c.FS.WriteFile(ctx, "c01/t1/a01/f1", data, 0); err != nil {
		t.Fatal(err)
	}
	_, objects, err := c.FS.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.store(t, objects) // Fails when the repository has one of them.
	if len(objects) != 4 {
		t.Errorf("built %d objects, want four smaller trees and no blob", len(objects))
	}
	changes, err := c.FS.Patch(ctx, root, mustBuild(t, c.FS))
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 49+9+24+3 {
		t.Errorf("patch has %d entries, want each deleted directory once", len(changes))
	}
}

func mustBuild(t *testing.T, f *tree.FS) tree.Hash {
	t.Helper()
	root, _, err := f.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestEmptyRootIsSent(t *testing.T) {
	t.Parallel()
	f, r := newFS(map[string]string{"a": "1"})
	if err := f.RemoveAll(t.Context(), "."); err != nil {
		t.Fatal(err)
	}
	root, objects, err := f.Build(t.Context())
	if err != nil || root != tree.EmptyTree || len(objects) != 1 {
		t.Errorf("build = %s, %d objects, %v", root, len(objects), err)
	}
	r.store(t, objects)
}

func TestUnchangedRootHasNoObjects(t *testing.T) {
	t.Parallel()
	f, _ := newFS(map[string]string{"a/b": "1", "c": "+x 2"})
	ctx := t.Context()
	for _, write := range []string{"2", "1"} {
		if err := f.WriteFile(ctx, "a/b", []byte(write), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.WriteFile(ctx, "new/file", nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveAll(ctx, "new/file"); err != nil {
		t.Fatal(err)
	}
	root, objects, err := f.Build(ctx)
	if err != nil || root != f.Base() || len(objects) != 0 {
		t.Errorf("build = %s (base %s), %d objects, %v", root, f.Base(), len(objects), err)
	}
	if i, err := f.Stat(ctx, "new"); err != nil || !i.Mode.IsDir() {
		t.Errorf("the emptied directory is gone before the end: %v", err)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	f, _ := newFS(map[string]string{"run": "+x 1", "plain": "1"})
	ctx := t.Context()
	for p, mode := range map[string]tree.Mode{"run": 0, "plain": tree.ModeExec, "new": 0} {
		if err := f.WriteFile(ctx, p, []byte("2"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for p, want := range map[string]tree.Mode{"run": tree.ModeExec, "plain": tree.ModeExec, "new": tree.ModeFile} {
		if i, err := f.Stat(ctx, p); err != nil || i.Mode != want {
			t.Errorf("%s: mode %v, %v; want %v", p, i.Mode, err, want)
		}
	}
	if err := f.WriteFile(ctx, "dir", nil, tree.ModeDir); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("file with a directory's mode: %v", err)
	}
}

func TestLinksStayInside(t *testing.T) {
	t.Parallel()
	f, _ := newFS(map[string]string{
		"real/file": "content", "etc/passwd": "ours",
		"up": "-> ../../../etc/passwd", "abs": "-> /etc/passwd", "dir": "-> real", "chain": "-> dir/file",
		"loop": "-> loop", "loop2/a": "-> b", "loop2/b": "-> a", "dangling": "-> nowhere/file", "git": "-> .git/config",
		"through": "-> real/file/x",
	})
	ctx := t.Context()
	for p, want := range map[string]string{
		"up": "ours", "abs": "ours", "dir/file": "content", "chain": "content", "../../dir/../real/file": "content", "/real/file": "content",
	} {
		if got, err := f.ReadFile(ctx, p); err != nil || string(got) != want {
			t.Errorf("read %s = %q, %v; want %q", p, got, err, want)
		}
	}
	for p, want := range map[string]error{
		"loop": tree.ErrSymlinkLoop, "loop2/a": tree.ErrSymlinkLoop, "dangling": fs.ErrNotExist, "git": fs.ErrNotExist,
		".git/config": fs.ErrNotExist, "through": tree.ErrNotDir, "real": tree.ErrIsDir, "dir": tree.ErrIsDir,
	} {
		if _, err := f.ReadFile(ctx, p); !errors.Is(err, want) {
			t.Errorf("read %s: %v, want %v", p, err, want)
		}
	}
	if err := f.WriteFile(ctx, "chain", []byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.ReadFile(ctx, "real/file"); string(got) != "new" {
		t.Errorf("a write through links reached %q", got)
	}
	if err := f.WriteFile(ctx, "dangling", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.ReadFile(ctx, "nowhere/file"); string(got) != "x" {
		t.Errorf("a write through a dangling link reached %q", got)
	}
	if err := f.RemoveAll(ctx, "dir"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Stat(ctx, "real/file"); err != nil {
		t.Errorf("removing a link removed its target: %v", err)
	}
	if target, err := f.Readlink(ctx, "up"); err != nil || target != "../../../etc/passwd" {
		t.Errorf("readlink = %q, %v", target, err)
	}
}

func TestDotGitIsOutOfReach(t *testing.T) {
	t.Parallel()
	f, _ := newFS(map[string]string{"a": "1", "link": "-> .git"})
	ctx := t.Context()
	for _, p := range []string{".git/hooks/x", "a/../.git", "dir/.GIT/config", "git~1/x", "link/x", "link"} {
		if err := f.WriteFile(ctx, p, nil, 0); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("write %s: %v, want permission denied", p, err)
		}
	}
	if err := f.RemoveAll(ctx, ".git"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("remove: %v", err)
	}
	if err := f.MkdirAll(ctx, "x/.git"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("mkdir: %v", err)
	}
	if root := mustBuild(t, f); root != f.Base() {
		t.Error("a refused operation changed the tree")
	}
}

func TestHostileTrees(t *testing.T) {
	t.Parallel()
	blob := tree.HashObject(tree.Blob, nil)
	for name, entries := range map[string][]tree.Entry{
		"parent":         {{Name: "..", Mode: tree.ModeFile, Hash: blob}},
		"slash":          {{Name: "a/b", Mode: tree.ModeFile, Hash: blob}},
		"empty name":     {{Name: "", Mode: tree.ModeFile, Hash: blob}},
		"twice the same": {{Name: "a", Mode: tree.ModeFile, Hash: blob}, {Name: "a", Mode: tree.ModeFile, Hash: blob}},
		"out of order":   {{Name: "b", Mode: tree.ModeFile, Hash: blob}, {Name: "a", Mode: tree.ModeFile, Hash: blob}},
	} {
		if _, err := tree.DecodeTree(tree.EncodeTree(entries)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeTree(f *testing.F) {
	h := tree.HashObject(tree.Blob, nil)
	f.Add(tree.EncodeTree([]tree.Entry{{Name: "a", Mode: tree.ModeFile, Hash: h}, {Name: "b", Mode: tree.ModeDir, Hash: h}}))
	f.Add([]byte("100644 a\x00short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := tree.DecodeTree(data)
		if err != nil {
			return
		}
		again, err := tree.DecodeTree(tree.EncodeTree(entries))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, again); diff != "" {
			t.Errorf("entries change when written (-first +second):\n%s", diff)
		}
	})
}

func TestGlob(t *testing.T) {
	t.Parallel()
	f, r := newFS(map[string]string{
		"a/one.yaml": "1", "a/two.yml": "2", "a/b/three.yaml": "3", "c/d/e/four.yaml": "4", ".hidden/x.yaml": "5",
		"big/x/y/z": "6", "link": "-> a", "gone": "-> nowhere", "sub": "@",
	})
	ctx := t.Context()
	for pattern, want := range map[string][]string{
		"a/*.yaml":        {"a/one.yaml"},
		"a/*.{yaml,yml}":  {"a/one.yaml", "a/two.yml"},
		"**/*.yaml":       {".hidden/x.yaml", "a/b/three.yaml", "a/one.yaml", "c/d/e/four.yaml"},
		"c/**":            {"c", "c/d", "c/d/e", "c/d/e/four.yaml"},
		"*/*/three.yaml":  {"a/b/three.yaml"},
		"../../a/o*":      {"a/one.yaml"},
		"/a/o*":           {"a/one.yaml"},
		"link/o*":         {"link/one.yaml"},
		"g*":              {"gone"},
		"a/one.yaml":      {"a/one.yaml"},
		"absent/*":        nil,
		"a/one.yaml/*":    nil,
		"{a,c/d}/*/*.y*":  {"a/b/three.yaml", "c/d/e/four.yaml"},
		"[a-b]/b/*":       {"a/b/three.yaml"},
		".git/*":          nil,
		"sub/*":           nil,
		"a/b/../one.yaml": {"a/one.yaml"},
	} {
		got, err := f.Glob(ctx, pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
	if _, err := f.Glob(ctx, "a/["); !errors.Is(err, doublestar.ErrBadPattern) {
		t.Errorf("malformed pattern: %v", err)
	}
	if r.read[tree.Blob] > 2 {
		t.Errorf("globbing read %d blobs, want only the links", r.read[tree.Blob])
	}
}

func TestGlobReadsOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	r, root := big()
	f := tree.NewFS(r, root)
	got, err := f.Glob(t.Context(), "c01/*/a01/f*")
	if err != nil || len(got) != 40 {
		t.Fatalf("glob = %d paths, %v", len(got), err)
	}
	if r.requests != 4 || r.read[tree.Tree] != 1+1+10+10 {
		t.Errorf("%d requests, %d trees; want 4, 22", r.requests, r.read[tree.Tree])
	}
	r, root = big()
	f = tree.NewFS(r, root)
	if got, err = f.Glob(t.Context(), "{c01/t1,c02}/a0[12]/{f1,f2}"); err != nil || len(got) != 4 {
		t.Fatalf("glob = %d paths, %v", len(got), err)
	}
	if r.read[tree.Tree] > 1+2+1+2 {
		t.Errorf("alternatives read %d trees", r.read[tree.Tree])
	}
	r, root = big()
	f = tree.NewFS(r, root)
	if got, err = f.Glob(t.Context(), "c01/**/f0"); err != nil || len(got) != 250 {
		t.Fatalf("glob = %d paths, %v", len(got), err)
	}
	if r.requests != 4 || r.read[tree.Tree] != 1+1+10+250 {
		t.Errorf("%d requests, %d trees; want 4, 262", r.requests, r.read[tree.Tree])
	}
}

func TestSourceErrorsAreNotAbsence(t *testing.T) {
	t.Parallel()
	f, r := newFS(map[string]string{"a/b": "1"})
	clear(r.objects)
	ctx := t.Context()
	if _, err := f.ReadFile(ctx, "a/b"); !errors.Is(err, tree.ErrNoObject) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read: %v", err)
	}
	if _, err := f.Glob(ctx, "**"); !errors.Is(err, tree.ErrNoObject) {
		t.Errorf("glob: %v", err)
	}
	if err := f.WriteFile(ctx, "a/b", nil, 0); !errors.Is(err, tree.ErrNoObject) {
		t.Errorf("write: %v", err)
	}
}
