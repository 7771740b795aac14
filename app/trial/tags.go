package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// tags is [step.Tags] over the same repositories as git.
type tags struct{ *git }

var _ step.Tags = tags{}

// Tag implements [step.Tags].
func (t tags) Tag(ctx context.Context, repoURL, name string) (tree.Tag, error) {
	r, err := t.open(repoURL)
	if err != nil {
		return tree.Tag{}, err
	}
	tag, _, err := t.find(ctx, r, name)
	return tag, err
}

// find returns a tag and what its reference holds.
func (t tags) find(ctx context.Context, r *gitrepo.Repository, name string) (tree.Tag, tree.Hash, error) {
	ref, err := r.ResolveRef(ctx, "refs/tags/"+name)
	if err != nil {
		return tree.Tag{}, tree.Hash{}, absent(err)
	}
	out := tree.Tag{Name: name, Commit: ref.Commit()}
	described, err := r.Describe(ctx, []gitrepo.Tag{{Name: name, Object: ref.Hash, Target: ref.Commit()}})
	for _, d := range described {
		out.Message, out.Commit = d.Message, d.Target
	}
	return out, ref.Hash, err
}

// PushTag implements [step.Tags].
func (t tags) PushTag(ctx context.Context, repoURL string, want tree.Tag) (string, error) {
	r, err := t.open(repoURL)
	if err != nil {
		return "", err
	}
	there, old, err := t.find(ctx, r, want.Name)
	switch {
	case err == nil && step.SameTag(there, want):
		return "", nil
	case err == nil && !want.Force:
		return "", &step.TagExistsError{Name: want.Name, Commit: there.Commit.String()}
	case err != nil && !errors.Is(err, step.ErrNotFound):
		return "", err
	case t.dry:
		return "", nil
	}
	object, err := gitrepo.EncodeTag(want.Name, want.Commit, t.signature(), strings.TrimRight(want.Message, "\n")+"\n")
	if err != nil {
		return "", err
	}
	objects := []gitrepo.Object{object}
	if commit, ok := t.made(want.Commit); ok {
		// A commit that no branch was pushed with comes with its tag.
		objects = append(objects, commit...)
	}
	update := gitrepo.RefUpdate{Name: "refs/tags/" + want.Name, Old: old, New: object.Hash}
	if err := r.Push(ctx, []gitrepo.RefUpdate{update}, objects); err != nil {
		return "", fmt.Errorf("push tag %s: %w", want.Name, err)
	}
	return "", nil
}
