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

// model is what an FS should hold, in the notation of leaf.
type model map[string]string

func (m model) isDir(p string) bool {
	if p == "." {
		return true
	}
	for q := range m {
		if strings.HasPrefix(q, p+"/") {
			return true
		}
	}
	return false
}

// blocked reports whether a file stands where a directory above p is needed.
func (m model) blocked(p string) bool {
	for i, r := range p {
		if r == '/' {
			if _, ok := m[p[:i]]; ok {
				return true
			}
		}
	}
	return false
}

func (m model) remove(p string) {
	maps.DeleteFunc(m, func(q, _ string) bool { return p == "." || q == p || strings.HasPrefix(q, p+"/") })
}

func (m model) copy(in, out string) bool {
	moved := model{}
	if content, ok := m[in]; ok {
		if m.isDir(out) || m.blocked(out) {
			return false
		}
		m[out] = content
		return true
	}
	for q, content := range m {
		if in == "." {
			moved[out+"/"+q] = content
		} else if rest, ok := strings.CutPrefix(q, in+"/"); ok {
			moved[out+"/"+rest] = content
		}
	}
	for q := range moved {
		if m.blocked(q) || m.isDir(q) {
			return false
		}
	}
	maps.Copy(m, moved)
	return true
}

var names = rapid.SampledFrom([]string{"a", "a.b", "a0", "b", "a-"})

var paths = rapid.Custom(func(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(names, 1, 3).Draw(t, "names"), "/")
})

var contents = rapid.SampledFrom([]string{"", "one\n", "two\n", "+x one\n"})

// TestFSMatchesModel does random things to a file system and to a map, and
// requires that both agree, that Build sends exactly what the repository lacks,
// and that the same steps again give the same tree.
func TestFSMatchesModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		files := model{}
		for range rapid.IntRange(0, 8).Draw(rt, "files") {
			p := paths.Draw(rt, "file")
			if !files.blocked(p) && !files.isDir(p) {
				files[p] = contents.Draw(rt, "content")
			}
		}
		r := newRepo()
		root := r.tree(files)
		c := tree.NewCheckout("", "main", tree.Hash{}, r, root)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"write", "remove", "copy", "build", "clear", "commit", "publish"}).Draw(rt, "op") {
			case "write":
				p, content := paths.Draw(rt, "path"), contents.Draw(rt, "content")
				mode, data := leaf(content)
				err := c.FS.WriteFile(ctx, p, []byte(data), mode)
				if ok := !files.blocked(p) && !files.isDir(p); ok {
					if err != nil {
						rt.Fatalf("write %s: %v", p, err)
					}
					files[p] = content
				} else if err == nil && files.blocked(p) {
					rt.Fatalf("write %s went through a file", p)
				} else if err == nil {
					rt.Fatalf("write %s replaced a directory", p)
				}
			case "remove":
				p := paths.Draw(rt, "path")
				if err := c.FS.RemoveAll(ctx, p); err == nil {
					files.remove(p)
				} else if !files.blocked(p) {
					rt.Fatalf("remove %s: %v", p, err)
				}
				dropEmpty(rt, c, files)
			case "copy":
				in, out := paths.Draw(rt, "in"), paths.Draw(rt, "out")
				_, isFile := files[in]
				if !isFile && !files.isDir(in) {
					continue
				}
				after := maps.Clone(files)
				ok := after.copy(in, out)
				err := c.FS.Copy(ctx, in, out, "")
				if ok != (err == nil) {
					rt.Fatalf("copy %s to %s in %v: %v", in, out, files, err)
				}
				if !ok {
					return // What a failed copy leaves behind is unspecified.
				}
				files = after
			case "build":
				if _, _, err := c.FS.Build(ctx); err != nil {
					rt.Fatal(err)
				}
			case "clear":
				c.Clear()
				files = model{}
			case "commit":
				if _, err := c.Commit(ctx, "m", nil); err != nil && !errors.Is(err, tree.ErrNoDifference) {
					rt.Fatal(err)
				}
			case "publish":
				if len(c.Pending()) > 0 {
					store(rt, r, c.Objects())
					c.Published(tree.Hash{1})
				}
			}
		}
		for p, content := range files {
			_, data := leaf(content)
			got, err := c.FS.ReadFile(ctx, p)
			if err != nil || string(got) != data {
				rt.Fatalf("read %s = %q, %v; want %q", p, got, err, data)
			}
		}
		changes, err := c.FS.Changes(ctx)
		if err != nil {
			rt.Fatal(err)
		}
		base := c.FS.Base()
		if _, err := c.Commit(ctx, "last", nil); errors.Is(err, tree.ErrNoDifference) != (len(changes) == 0) {
			rt.Fatalf("commit: %v with %d changes", err, len(changes))
		}
		built, objects, err := c.FS.Build(ctx)
		if err != nil || len(objects) > 0 {
			rt.Fatalf("build after commit: %d objects, %v", len(objects), err)
		}
		for _, o := range c.Objects() {
			r.objects[o.Hash] = o
		}
		got := r.files(t, built)
		if diff := cmp.Diff(map[string]string(files), got); diff != "" {
			rt.Fatalf("tree (-want +got):\n%s", diff)
		}
		if want := newRepo().tree(files); built != want {
			rt.Fatalf("root %s, want %s", built, want)
		}
		applied := r.files(t, base)
		for _, ch := range changes {
			if ch.Deleted() {
				delete(applied, ch.Path)
			} else {
				applied[ch.Path] = files[ch.Path]
			}
		}
		if diff := cmp.Diff(map[string]string(files), applied); diff != "" {
			rt.Fatalf("changes do not lead from base to the content (-want +got):\n%s", diff)
		}
	})
}

// dropEmpty forgets directories that a removal left empty, which exist until
// Build and which the model does not know.
func dropEmpty(rt *rapid.T, c *tree.Checkout, files model) {
	ctx := rt.Context()
	var visit func(p string)
	visit = func(p string) {
		infos, err := c.FS.ReadDir(ctx, p)
		if err != nil {
			rt.Fatal(err)
		}
		for _, i := range infos {
			if q := tree.Clean(p + "/" + i.Name); i.Mode.IsDir() {
				if !files.isDir(q) {
					if err := c.FS.RemoveAll(ctx, q); err != nil {
						rt.Fatal(err)
					}
					continue
				}
				visit(q)
			}
		}
	}
	visit(".")
}

func store(rt *rapid.T, r *repo, objects []tree.Object) {
	for _, o := range objects {
		r.objects[o.Hash] = o
	}
}

// TestBuildAgreesWithGit compares roots with the git program's.
func TestBuildAgreesWithGit(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a": "1", "a.b/c": "2", "a-b": "3", "a0": "4", "b/c/d": "+x 5", "b/link": "-> c/d", "b.c": "6",
		"ünïcode/名": "7", "b/c.d": "8", "empty": "",
	}
	f := tree.NewFS(nil, tree.Hash{})
	for _, p := range slices.Sorted(maps.Keys(files)) {
		mode, data := leaf(files[p])
		if err := f.WriteFile(t.Context(), p, []byte(data), mode); err != nil {
			t.Fatal(err)
		}
	}
	root, objects, err := f.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := gitTree(t, files); root.String() != want {
		t.Errorf("root %s, git says %s", root, want)
	}
	r := newRepo()
	r.store(t, objects)
	if diff := cmp.Diff(files, r.files(t, root)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}
