package gitrepo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestLocalRemoteIsPushedTo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := newOrigin(t, nil)
	head := o.commit("main", "one", map[string]string{"a": "1\n"})
	r, err := gitrepo.OpenLocalRemote("file://" + o.dir)
	if err != nil {
		t.Fatal(err)
	}
	c := checkout(t, r, "main")
	if err := c.FS.WriteFile(ctx, "dir/b", []byte("2\n"), 0); err != nil {
		t.Fatal(err)
	}
	made, err := c.Commit(ctx, "two", nil)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := gitrepo.EncodeCommit(gitrepo.Commit{Tree: made.Tree, Parents: []tree.Hash{head}, Message: "two\n"})
	if err != nil {
		t.Fatal(err)
	}
	objects := append(gitrepo.FromTree(made.Objects), commit)
	if err := r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/main", Old: head, New: commit.Hash}}, objects); err != nil {
		t.Fatal(err)
	}
	if got := o.git("show", "main:dir/b"); strings.TrimSpace(got) != "2" {
		t.Errorf("pushed file = %q", got)
	}
	o.git("fsck", "--strict")

	err = r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/main", Old: head, New: head}}, nil)
	if !errors.Is(err, gitrepo.ErrStale) {
		t.Errorf("push with an old value that is past: %v", err)
	}
	err = r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/main", New: head}}, nil)
	if !errors.Is(err, gitrepo.ErrStale) {
		t.Errorf("create a branch that exists: %v", err)
	}
	if err := r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/x", New: head}}, nil); err != nil {
		t.Errorf("create a branch: %v", err)
	}
	if err := r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/x", Old: head}}, nil); err != nil {
		t.Errorf("delete a branch: %v", err)
	}
	if _, err := r.ResolveBranch(ctx, "x"); !errors.Is(err, gitrepo.ErrRefNotFound) {
		t.Errorf("deleted branch: %v", err)
	}
}

func TestLocalRemoteKeepsWorkingFilesTrue(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := newOrigin(t, nil)
	head := o.commit("main", "one", map[string]string{"a": "1\n"})
	clone := t.TempDir()
	gitIn(t, clone, "", "clone", "-q", "--no-local", o.dir, ".")
	r, err := gitrepo.OpenLocalRemote(clone)
	if err != nil {
		t.Fatal(err)
	}
	var rejected *gitrepo.RejectedError
	err = r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/main", Old: head}}, nil)
	if !errors.As(err, &rejected) || rejected.Stale || !strings.Contains(err.Error(), "checked out") {
		t.Errorf("push to the branch that is checked out: %v", err)
	}
	if err := r.Push(ctx, []gitrepo.RefUpdate{{Name: "refs/heads/other", New: head}}, nil); err != nil {
		t.Errorf("push to another branch: %v", err)
	}
}
