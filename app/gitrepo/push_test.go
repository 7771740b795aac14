package gitrepo_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// edit commits one write in a checkout.
func edit(t *testing.T, c *tree.Checkout, path, content string) {
	t.Helper()
	if err := c.FS.WriteFile(t.Context(), path, []byte(content), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), "edit "+path, nil); err != nil {
		t.Fatal(err)
	}
}

func TestPushRace(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	base := o.commit("main", "base", map[string]string{"a": "1\n", "b": "1\n"})
	r := o.open(gitrepo.Options{})
	ours := checkout(t, r, "main")
	edit(t, ours, "a", "2\n")
	theirs := o.commit("main", "theirs", map[string]string{"b": "2\n"})

	_, err := publish(t, r, ours, "main", base)
	if !errors.Is(err, gitrepo.ErrStale) {
		t.Fatalf("push on a moved branch: %v, want ErrStale", err)
	}
	if re := (*gitrepo.RejectedError)(nil); !errors.As(err, &re) || re.Ref != "refs/heads/main" {
		t.Errorf("error %v does not name the branch", err)
	}
	if _, err := publish(t, r, ours, "main", tree.Hash{}); !errors.Is(err, gitrepo.ErrStale) {
		t.Errorf("creating a branch that exists: %v, want ErrStale", err)
	}

	c, err := r.Commit(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	if err := ours.Rebase(t.Context(), theirs, c.Tree); err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t, r, ours, "main", theirs); err != nil {
		t.Fatal(err)
	}
	if got := o.git("show", "main:a") + o.git("show", "main:b"); got != "22" {
		t.Errorf("after the rebase: %q", got)
	}
	o.fsck()
}

func TestPushIsAtomic(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	base := o.commit("main", "base", map[string]string{"a": "1\n"})
	r := o.open(gitrepo.Options{})
	tag, err := gitrepo.EncodeTag("v1", base, gitrepo.Signature{Name: "k <x>", Email: "k@example.com", When: time.Unix(1735787046, 0).UTC()}, "release\n")
	if err != nil {
		t.Fatal(err)
	}
	updates := []gitrepo.RefUpdate{
		{Name: "refs/tags/v1", New: tag.Hash},
		{Name: "refs/heads/main", Old: tree.Hash{1}, New: base},
	}
	if err := r.Push(t.Context(), updates, []gitrepo.Object{tag}); err == nil {
		t.Fatal("push with a wrong old value succeeded")
	}
	if _, err := r.ResolveTag(t.Context(), "v1"); !errors.Is(err, gitrepo.ErrRefNotFound) {
		t.Errorf("half of an atomic push took effect: %v", err)
	}
	if err := r.Push(t.Context(), updates[:1], []gitrepo.Object{tag}); err != nil {
		t.Fatal(err)
	}
	if got := o.git("for-each-ref", "--format=%(taggername) %(contents:subject) %(*objectname)", "refs/tags/v1"); got != "k x release "+base.String() {
		t.Errorf("tag: %s", got)
	}
	o.fsck()
	if err := r.Push(t.Context(), []gitrepo.RefUpdate{{Name: "refs/tags/v1", Old: tag.Hash}}, nil); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// TestNoObjectGoesMissing repeats what corrupts a shallow store that is fetched
// into again: the remote reverts, and merges a branch older than what we know.
func TestNoObjectGoesMissing(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	files := map[string]string{}
	for _, d := range strings.Fields("a b c d e f") {
		files[d+"/x/y/file"] = d + "\n"
		files[d+"/z"] = d + "\n"
	}
	old := o.commit("main", "base", files)
	o.git("branch", "feature", old.String())
	o.commit("feature", "feature", map[string]string{"c/x/y/file": "feature\n", "new/deep/file": "feature\n"})
	o.commit("main", "change", map[string]string{"a/x/y/file": "changed\n"})

	r := o.open(gitrepo.Options{})
	first := checkout(t, r, "main")
	edit(t, first, "b/z", "1\n")
	if _, err := publish(t, r, first, "main", first.Head); err != nil {
		t.Fatal(err)
	}

	o.commit("main", "revert", map[string]string{"a/x/y/file": "a\n", "b/z": "b\n"})
	second := checkout(t, r, "main")
	if got, err := second.FS.ReadFile(t.Context(), "a/x/y/file"); err != nil || string(got) != "a\n" {
		t.Fatalf("after the revert: %q, %v", got, err)
	}
	edit(t, second, "d/z", "2\n")
	if _, err := publish(t, r, second, "main", second.Head); err != nil {
		t.Fatal(err)
	}

	work := t.TempDir()
	gitIn(t, work, "", "clone", "-q", o.dir, ".")
	gitIn(t, work, "", "merge", "-q", "--no-edit", "origin/feature")
	gitIn(t, work, "", "push", "-q", "origin", "HEAD:main")
	third := checkout(t, r, "main")
	if err := third.FS.Copy(t.Context(), "new", "copied", ""); err != nil {
		t.Fatal(err)
	}
	edit(t, third, "c/z", "3\n")
	if _, err := publish(t, r, third, "main", third.Head); err != nil {
		t.Fatal(err)
	}
	o.fsck()
	fresh := t.TempDir()
	gitIn(t, fresh, "", "clone", "-q", "--no-local", o.dir, ".")
	gitIn(t, fresh, "", "fsck", "--full", "--strict")
	if got := gitIn(t, fresh, "", "show", "main:copied/deep/file"); got != "feature" {
		t.Errorf("copied file: %q", got)
	}
}

// TestLostAnswer cuts the connection after the server has taken a push.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	var pushes atomic.Int32
	o := newOrigin(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
				h.ServeHTTP(w, r)
				return
			}
			pushes.Add(1)
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
	})
	base := o.commit("main", "base", map[string]string{"a": "1\n"})
	r := o.open(gitrepo.Options{})
	c := checkout(t, r, "main")
	edit(t, c, "a", "2\n")
	head, err := publish(t, r, c, "main", base)
	if err != nil {
		t.Fatalf("push whose answer was lost: %v", err)
	}
	if n := pushes.Load(); n != 1 || o.hash("main") != head {
		t.Errorf("%d pushes, main at %s, want %s", n, o.hash("main"), head)
	}
}
