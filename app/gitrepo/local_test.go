package gitrepo_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestOpenLocal(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	first := o.commit("main", "one", map[string]string{"dir/a": "1\n", "b": "1\n"})
	head := o.commit("main", "two", map[string]string{"dir/a": "2\n"})
	o.git("tag", "-a", "-m", "m", "v1", "main")
	o.git("gc", "-q")
	base := t.TempDir()
	clone := filepath.Join(base, "clone")
	gitIn(t, base, "", "clone", "-q", "--no-local", o.dir, clone)
	gitIn(t, base, "", "clone", "-q", "--shared", o.dir, filepath.Join(base, "shared"))
	gitIn(t, clone, "", "worktree", "add", "-q", "-b", "wip", filepath.Join(base, "linked"))
	if err := os.WriteFile(filepath.Join(clone, "b"), []byte("not committed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"clone":                       clone,
		"directory of a clone":        filepath.Join(clone, "dir"),
		"linked worktree":             filepath.Join(base, "linked"),
		"clone that borrows objects":  filepath.Join(base, "shared"),
		"bare repository with a pack": o.dir,
	} {
		r, err := gitrepo.OpenLocal(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ctx := t.Context()
		if got, err := r.ResolveBranch(ctx, "main"); err != nil || got != head {
			t.Errorf("%s: branch = %s, %v", name, got, err)
		}
		if got, err := r.ResolveTag(ctx, "v1"); err != nil || got != head {
			t.Errorf("%s: tag = %s, %v", name, got, err)
		}
		log, err := r.Log(ctx, head, 10)
		if err != nil || len(log) != 2 || log[1].Hash != first {
			t.Errorf("%s: log = %v, %v", name, log, err)
			continue
		}
		if changes, err := r.ChangedPaths(ctx, log[1].Tree, log[0].Tree); err != nil || len(changes) != 1 {
			t.Errorf("%s: changes = %v, %v", name, changes, err)
		}
		c := checkout(t, r, "main")
		if got, err := c.FS.ReadFile(ctx, "b"); err != nil || string(got) != "1\n" {
			t.Errorf("%s: read = %q, %v", name, got, err)
		}
		if _, err := r.Objects(ctx, []tree.Hash{{1}}); !errors.Is(err, gitrepo.ErrNoObject) {
			t.Errorf("%s: absent object: %v", name, err)
		}
		err = r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/x", New: head}}, nil)
		if !errors.Is(err, gitrepo.ErrReadOnly) {
			t.Errorf("%s: push: %v", name, err)
		}
	}
	if _, err := gitrepo.OpenLocal(base); err == nil {
		t.Error("opened a directory that is no clone")
	}
}

func TestShallowCloneHasAShortLog(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	o.commit("main", "one", map[string]string{"a": "1\n"})
	head := o.commit("main", "two", map[string]string{"a": "2\n"})
	clone := t.TempDir()
	gitIn(t, clone, "", "clone", "-q", "--depth=1", "--no-local", "file://"+o.dir, ".")
	r, err := gitrepo.OpenLocal(clone)
	if err != nil {
		t.Fatal(err)
	}
	log, err := r.Log(t.Context(), head, 10)
	if err != nil || len(log) != 1 || log[0].Hash != head {
		t.Errorf("log = %v, %v", log, err)
	}
	if _, found, err := r.Range(t.Context(), tree.Hash{}, head, 10); err != nil || found {
		t.Errorf("range to the root: found %v, %v; the root is not in the clone", found, err)
	}
}
