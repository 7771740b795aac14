package steptest

import (
	"errors"
	"testing"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// TestTags tests an implementation of step.Tags. open returns a fresh Stand.
func TestTags(t *testing.T, open func(t *testing.T) Stand) {
	tag := func(t *testing.T, s Stand, message string) tree.Tag {
		t.Helper()
		h, err := tree.ParseHash(s.Tip("main"))
		if err != nil {
			t.Fatal(err)
		}
		return tree.Tag{Name: "rel/v1", Message: message, Commit: h}
	}
	push := func(t *testing.T, s Stand, want tree.Tag) {
		t.Helper()
		if _, err := s.Tags.PushTag(t.Context(), s.URL, want); err != nil {
			t.Fatal(err)
		}
		got, err := s.Tags.Tag(t.Context(), s.URL, want.Name)
		if err != nil || got.Name != want.Name || !step.SameTag(got, want) {
			t.Errorf("tag %+v, error %v; want %+v", got, err, want)
		}
	}
	t.Run("what does not exist is ErrNotFound", func(t *testing.T) {
		s := open(t)
		if _, err := s.Tags.Tag(t.Context(), s.URL, "absent"); !errors.Is(err, step.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("what was published can be read, and publishing it again is no error", func(t *testing.T) {
		s := open(t)
		want := tag(t, s, "first")
		push(t, s, want)
		push(t, s, want)
	})
	t.Run("another tag of the name is not touched", func(t *testing.T) {
		s := open(t)
		first := tag(t, s, "first")
		push(t, s, first)
		for _, other := range []tree.Tag{tag(t, s, "second"), {Name: first.Name, Message: "first", Commit: hashOf(t, s.Write("main", map[string]string{"a": "b"}))}} {
			_, err := s.Tags.PushTag(t.Context(), s.URL, other)
			var exists *step.TagExistsError
			if !errors.As(err, &exists) || exists.Commit != first.Commit.String() {
				t.Errorf("error %v", err)
			}
		}
	})
	t.Run("another tag of the name is replaced with force", func(t *testing.T) {
		s := open(t)
		push(t, s, tag(t, s, "first"))
		s.Write("main", map[string]string{"a": "b"})
		second := tag(t, s, "second")
		second.Force = true
		push(t, s, second)
	})
}

func hashOf(t *testing.T, sha string) tree.Hash {
	t.Helper()
	h, err := tree.ParseHash(sha)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
