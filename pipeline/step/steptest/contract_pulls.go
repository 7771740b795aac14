package steptest

import (
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/step"
)

// feature opens a pull request from a branch with one change into main.
func (s Stand) feature(t *testing.T, content string) step.PullRequest {
	t.Helper()
	s.Write("feature", map[string]string{"feature.txt": content})
	pr, err := s.Pulls.Create(t.Context(), s.URL, step.NewPullRequest{Head: "feature", Base: "main", Title: "Feature", Body: "body"})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return pr
}

func (s Stand) get(t *testing.T, number int) step.PullRequest {
	t.Helper()
	pr, err := s.Pulls.Get(t.Context(), s.URL, number)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return pr
}

// TestPulls tests an implementation of step.PullRequests. open returns a fresh
// Stand.
func TestPulls(t *testing.T, open func(t *testing.T) Stand) {
	t.Run("what was opened can be found", func(t *testing.T) {
		s := open(t)
		pr := s.feature(t, "one\n")
		found, err := s.Pulls.ByHead(t.Context(), s.URL, "feature", "main")
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []step.PullRequest{pr, found, s.get(t, pr.Number)} {
			if got.Number != pr.Number || !got.Open || got.Merged || got.Head != s.Tip("feature") || got.HeadRef != "feature" ||
				got.Base != "main" || got.Title != "Feature" || got.Body != "body" || got.URL == "" {
				t.Errorf("pull request %+v", got)
			}
		}
	})
	t.Run("opening it again gives the one there is", func(t *testing.T) {
		s := open(t)
		pr := s.feature(t, "one\n")
		again, err := s.Pulls.Create(t.Context(), s.URL, step.NewPullRequest{Head: "feature", Base: "main", Title: "Other"})
		if err != nil || again.Number != pr.Number {
			t.Errorf("#%d, error %v; want #%d", again.Number, err, pr.Number)
		}
	})
	t.Run("what does not exist is ErrNotFound", func(t *testing.T) {
		s := open(t)
		if _, err := s.Pulls.Get(t.Context(), s.URL, 999); !errors.Is(err, step.ErrNotFound) {
			t.Errorf("get: %v", err)
		}
		if _, err := s.Pulls.ByHead(t.Context(), s.URL, "feature", "main"); !errors.Is(err, step.ErrNotFound) {
			t.Errorf("by head: %v", err)
		}
	})
	t.Run("nothing to merge is ErrNoDifference", func(t *testing.T) {
		s := open(t)
		s.push(t, s.checkout(t, "main", "three"), step.PushRequest{Branch: "ahead", Own: true})
		_, err := s.Pulls.Create(t.Context(), s.URL, step.NewPullRequest{Head: "main", Base: "ahead", Title: "Nothing"})
		if !errors.Is(err, step.ErrNoDifference) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("merging needs the head that was judged", func(t *testing.T) {
		s := open(t)
		pr := s.feature(t, "one\n")
		s.Write("feature", map[string]string{"feature.txt": "two\n"})
		_, err := s.Pulls.Merge(t.Context(), s.URL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash", Title: "t"})
		if !errors.Is(err, step.ErrHeadMoved) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a merge names the commit on the base", func(t *testing.T) {
		s := open(t)
		pr := s.feature(t, "one\n")
		sha, err := s.Pulls.Merge(t.Context(), s.URL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash", Title: "t", Message: "m"})
		if err != nil {
			t.Fatal(err)
		}
		got := s.get(t, pr.Number)
		if sha != s.Tip("main") || !got.Merged || got.Open || got.MergeCommit != sha || got.Head != pr.Head {
			t.Errorf("merge %s, main %s, pull request %+v", sha, s.Tip("main"), got)
		}
	})
	t.Run("a conflict is not mergeable", func(t *testing.T) {
		s := open(t)
		s.Write("feature", map[string]string{"lines.txt": strings.Replace(Lines, "two", "two (feature)", 1)})
		s.Write("main", map[string]string{"lines.txt": strings.Replace(Lines, "two", "two (main)", 1)})
		pr, err := s.Pulls.Create(t.Context(), s.URL, step.NewPullRequest{Head: "feature", Base: "main", Title: "Conflict"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Pulls.Merge(t.Context(), s.URL, pr.Number, step.MergeRequest{SHA: pr.Head, Method: "squash", Title: "t"})
		var refused *step.NotMergeableError
		if !errors.As(err, &refused) || refused.Retry {
			t.Errorf("error %v", err)
		}
	})
	t.Run("closing twice is no error", func(t *testing.T) {
		s := open(t)
		pr := s.feature(t, "one\n")
		for range 2 {
			if err := s.Pulls.Close(t.Context(), s.URL, pr.Number, "because"); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.get(t, pr.Number); got.Open || got.Merged {
			t.Errorf("pull request %+v", got)
		}
	})
	t.Run("an open pull request is found before a closed one", func(t *testing.T) {
		s := open(t)
		closed := s.feature(t, "one\n")
		if err := s.Pulls.Close(t.Context(), s.URL, closed.Number, "because"); err != nil {
			t.Fatal(err)
		}
		reopened := s.feature(t, "two\n")
		found, err := s.Pulls.ByHead(t.Context(), s.URL, "feature", "main")
		if err != nil || found.Number != reopened.Number || found.Number == closed.Number {
			t.Errorf("found #%d, error %v; want #%d", found.Number, err, reopened.Number)
		}
	})
}
