package steptest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Stand is a repository against which a port is tested. Its main branch holds
// the one file lines.txt with the lines one to nine.
type Stand struct {
	Git   step.Git
	Tags  step.Tags
	Pulls step.PullRequests
	URL   string
	// Write commits files to a branch, as somebody else would, and returns the
	// commit. A branch that does not exist starts at main.
	Write func(branch string, files map[string]string) string
	// Tip returns the commit of a branch, empty when there is none.
	Tip func(branch string) string
}

// Lines is the content of lines.txt.
const Lines = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"

// Stand returns a Stand in the World.
func (w *World) Stand(url string) Stand {
	w.Repository(url)
	w.Write(url, "main", "start", map[string]string{"lines.txt": Lines})
	return Stand{
		Git: (*Git)(w), Tags: (*Tags)(w), Pulls: w.Pulls, URL: url,
		Write: func(branch string, files map[string]string) string {
			if w.Tip(url, branch) == "" {
				w.Branch(url, branch, "main")
			}
			return w.Write(url, branch, "theirs", files)
		},
		Tip: func(branch string) string { return w.Tip(url, branch) },
	}
}

// checkout opens a branch, replaces a line and commits with a trailer.
func (s Stand) checkout(t *testing.T, branch, line string) *tree.Checkout {
	t.Helper()
	c, err := s.Git.Checkout(t.Context(), s.URL, step.Ref{Branch: branch})
	if err != nil {
		t.Fatalf("check out %s: %v", branch, err)
	}
	s.edit(t, c, line)
	return c
}

func (s Stand) edit(t *testing.T, c *tree.Checkout, line string) {
	t.Helper()
	data, err := c.FS.ReadFile(t.Context(), "lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(data), line, line+" (ours)", 1)
	if err := c.FS.WriteFile(t.Context(), "lines.txt", []byte(changed), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), "ours\n\nKargo-Promotion: prod-1\n", nil); err != nil {
		t.Fatal(err)
	}
	id, err := s.Git.Commit(t.Context(), c)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	h, err := tree.ParseHash(id)
	if err != nil {
		t.Fatal(err)
	}
	c.Stored(h)
}

// read returns lines.txt of a branch.
func (s Stand) read(t *testing.T, branch string) string {
	t.Helper()
	c, err := s.Git.Checkout(t.Context(), s.URL, step.Ref{Branch: branch})
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.FS.ReadFile(t.Context(), "lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (s Stand) push(t *testing.T, c *tree.Checkout, r step.PushRequest) step.PushResult {
	t.Helper()
	r.Promotion, r.Attempts = "prod-1", 10
	res, err := s.Git.Push(t.Context(), c, r)
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	if tip := s.Tip(r.Branch); res.Commit != tip {
		t.Errorf("the push says %s, the branch is at %s", res.Commit, tip)
	}
	return res
}

// TestGit tests an implementation of step.Git. open returns a fresh Stand.
func TestGit(t *testing.T, open func(t *testing.T) Stand) {
	t.Run("what does not exist is ErrNotFound", func(t *testing.T) {
		s := open(t)
		for _, ref := range []step.Ref{{Branch: "absent"}, {Tag: "absent"}, {Commit: strings.Repeat("1", 40)}} {
			if _, err := s.Git.Checkout(t.Context(), s.URL, ref); !errors.Is(err, step.ErrNotFound) {
				t.Errorf("checkout of %+v: error %v", ref, err)
			}
		}
	})
	t.Run("no ref is the default branch", func(t *testing.T) {
		s := open(t)
		c, err := s.Git.Checkout(t.Context(), s.URL, step.Ref{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Branch != "main" || c.Head.String() != s.Tip("main") || c.RepoURL != s.URL {
			t.Errorf("branch %q, head %s, repository %s", c.Branch, c.Head, c.RepoURL)
		}
	})
	t.Run("a commit has a name and no branch", func(t *testing.T) {
		s := open(t)
		main := s.Tip("main")
		c := s.checkout(t, "main", "two")
		if c.Tip().IsZero() || c.Tip().String() == main || s.Tip("main") != main {
			t.Errorf("commit %s, main went from %s to %s", c.Tip(), main, s.Tip("main"))
		}
	})
	t.Run("a push publishes the stored commit and says so in the checkout", func(t *testing.T) {
		s := open(t)
		c := s.checkout(t, "main", "two")
		want := c.Tip().String()
		if res := s.push(t, c, step.PushRequest{Branch: "main"}); res.Commit != want {
			t.Errorf("pushed %s, want %s", res.Commit, want)
		}
		if len(c.Pending()) != 0 || c.Head.String() != want {
			t.Errorf("%d commits still pending, head %s", len(c.Pending()), c.Head)
		}
	})
	t.Run("two commits travel in order", func(t *testing.T) {
		s := open(t)
		c := s.checkout(t, "main", "two")
		s.edit(t, c, "eight")
		s.push(t, c, step.PushRequest{Branch: "own", Own: true})
		if got := s.read(t, "own"); !strings.Contains(got, "two (ours)") || !strings.Contains(got, "eight (ours)") {
			t.Errorf("the branch holds %q", got)
		}
	})
	t.Run("an own branch is replaced", func(t *testing.T) {
		s := open(t)
		s.push(t, s.checkout(t, "main", "two"), step.PushRequest{Branch: "own", Own: true})
		s.push(t, s.checkout(t, "main", "eight"), step.PushRequest{Branch: "own", Own: true, Again: true})
		if got := s.read(t, "own"); strings.Contains(got, "two (ours)") || !strings.Contains(got, "eight (ours)") {
			t.Errorf("the branch holds %q", got)
		}
	})
	t.Run("a shared branch that moved keeps both sides", func(t *testing.T) {
		s := open(t)
		c := s.checkout(t, "main", "two")
		theirs := s.Write("main", map[string]string{"lines.txt": strings.Replace(Lines, "eight", "eight (theirs)", 1)})
		if res := s.push(t, c, step.PushRequest{Branch: "main"}); res.Base != theirs {
			t.Errorf("base %s, want %s", res.Base, theirs)
		}
		if got := s.read(t, "main"); !strings.Contains(got, "two (ours)") || !strings.Contains(got, "eight (theirs)") {
			t.Errorf("the branch holds %q", got)
		}
	})
	t.Run("a conflict is a ConflictError and changes nothing", func(t *testing.T) {
		s := open(t)
		c := s.checkout(t, "main", "two")
		theirs := s.Write("main", map[string]string{"lines.txt": strings.Replace(Lines, "two", "two (theirs)", 1)})
		_, err := s.Git.Push(t.Context(), c, step.PushRequest{Branch: "main", Promotion: "prod-1", Attempts: 10})
		var conflict *tree.ConflictError
		if !errors.As(err, &conflict) || !slices.Equal(conflict.Paths, []string{"lines.txt"}) {
			t.Errorf("error %v", err)
		}
		if s.Tip("main") != theirs || len(c.Pending()) != 1 {
			t.Errorf("main at %s, %d pending", s.Tip("main"), len(c.Pending()))
		}
	})
	t.Run("a push that happened is recognised", func(t *testing.T) {
		s := open(t)
		again := s.checkout(t, "main", "two")
		s.push(t, s.checkout(t, "main", "two"), step.PushRequest{Branch: "main"})
		tip := s.Tip("main")
		if res := s.push(t, again, step.PushRequest{Branch: "main", Again: true}); res.Commit != tip {
			t.Errorf("pushed again: %s after %s", res.Commit, tip)
		}
	})
	t.Run("a branch is started once, with an empty commit", func(t *testing.T) {
		s := open(t)
		var heads []tree.Hash
		for range 2 {
			c, err := s.Git.Start(t.Context(), s.URL, "env/prod", "Initial commit")
			if err != nil {
				t.Fatal(err)
			}
			if c.Branch != "env/prod" || c.HeadTree() != tree.EmptyTree || c.RepoURL != s.URL || c.Head.String() != s.Tip("env/prod") {
				t.Errorf("opened branch %q at %s with tree %s; it is at %s", c.Branch, c.Head, c.HeadTree(), s.Tip("env/prod"))
			}
			heads = append(heads, c.Head)
		}
		if heads[0] != heads[1] {
			t.Errorf("started twice: %v", heads)
		}
	})
	t.Run("deleting a branch twice is no error", func(t *testing.T) {
		s := open(t)
		s.Write("other", map[string]string{"a": "b"})
		for range 2 {
			if err := s.Git.DeleteBranch(t.Context(), s.URL, "other"); err != nil {
				t.Fatal(err)
			}
		}
		if s.Tip("other") != "" {
			t.Error("the branch is still there")
		}
	})
}
