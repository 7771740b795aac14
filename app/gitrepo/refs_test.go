package gitrepo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestTwentyThousandRefs(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	head := o.commit("main", "one", map[string]string{"a": "1\n"})
	var packed strings.Builder
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range 20_000 {
		fmt.Fprintf(&packed, "create refs/pull/%d/head %s\n", i, head)
	}
	gitIn(t, o.dir, strings.TrimPrefix(packed.String(), "# pack-refs with: peeled fully-peeled sorted \n"), "update-ref", "--stdin")

	r := o.open(gitrepo.Options{DirectPush: true})
	c := checkout(t, r, "main")
	if err := c.FS.WriteFile(t.Context(), "a", []byte("2\n"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), "two", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t, r, c, "main", head); err != nil {
		t.Fatal(err)
	}
	if down := r.Traffic().BytesDown; down > 10_000 {
		t.Errorf("downloaded %d bytes", down)
	}
	if got := o.git("show", "main:a"); got != "2" {
		t.Errorf("pushed content %q", got)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	r := o.open(gitrepo.Options{})
	ctx := t.Context()
	if _, _, err := r.DefaultBranch(ctx); !errors.Is(err, gitrepo.ErrRefNotFound) {
		t.Errorf("default branch of an empty repository: %v", err)
	}
	one := o.commit("main", "one", map[string]string{"a": "1\n"})
	o.commit("main-2", "other", map[string]string{"a": "2\n"})
	o.git("tag", "-a", "-m", "m", "v1", one.String())

	if got, err := r.ResolveBranch(ctx, "main"); err != nil || got != one {
		t.Errorf("branch with a longer sibling = %s, %v", got, err)
	}
	if got, err := r.ResolveTag(ctx, "v1"); err != nil || got != one {
		t.Errorf("annotated tag = %s, %v; want its commit", got, err)
	}
	refs, err := r.Refs(ctx, "refs/heads/")
	if err != nil || len(refs) != 2 {
		t.Errorf("branches = %v, %v", refs, err)
	}
	if c, err := r.Commit(ctx, o.hash("v1")); err != nil || c.Hash != one {
		t.Errorf("commit of a tag object = %v, %v", c.Hash, err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	var w strings.Builder
	for i := range 100 {
		fmt.Fprintf(&w, "commit refs/heads/main\nmark :%d\ncommitter Bob <b@example.com> %d +0200\ndata 3\nc%02d\nM 100644 inline f\ndata 3\n%03d\n", i+1, 1735787046+i, i, i)
	}
	gitIn(t, o.dir, w.String(), "fast-import", "--quiet")
	// A merge brings a second parent, which the first-parent log leaves out.
	side := o.commit("side", "side", map[string]string{"s": "1"})
	merge, err := tree.ParseHash(gitIn(t, o.dir, "", "commit-tree", "-p", "main", "-p", side.String(), "-m", "merge", o.git("rev-parse", "main^{tree}")))
	if err != nil {
		t.Fatal(err)
	}
	o.git("update-ref", "refs/heads/main", merge.String())
	r := o.open(gitrepo.Options{})
	ctx := t.Context()

	log, err := r.Log(ctx, merge, 1000)
	if err != nil || len(log) != 101 {
		t.Fatalf("log has %d commits, %v", len(log), err)
	}
	for i, c := range log[1:] {
		if want := fmt.Sprintf("c%02d", 99-i); c.Subject() != want {
			t.Fatalf("commit %d is %q, want %q", i, c.Subject(), want)
		}
	}
	if n := r.Traffic().Requests; n > 5 {
		t.Errorf("log of 101 commits took %d requests", n)
	}
	if _, offset := log[1].Committer.When.Zone(); offset != 7200 {
		t.Errorf("committer zone offset %d, want 7200", offset)
	}
	commits, found, err := r.Range(ctx, log[5].Hash, merge, 50)
	if err != nil || !found || len(commits) != 5 {
		t.Errorf("range = %d commits, %v, %v", len(commits), found, err)
	}
	commits, found, err = r.Range(ctx, log[50].Hash, merge, 10)
	if err != nil || found || len(commits) != 10 {
		t.Errorf("range beyond the limit = %d commits, %v, %v", len(commits), found, err)
	}
	if ok, err := r.IsAncestor(ctx, log[50].Hash, merge, 1000); err != nil || !ok {
		t.Errorf("ancestor: %v, %v", ok, err)
	}
	if ok, err := r.IsAncestor(ctx, side, merge, 1000); err != nil || ok {
		t.Errorf("second parent counts as an ancestor: %v, %v", ok, err)
	}
}
