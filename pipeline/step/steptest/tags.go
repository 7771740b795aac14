package steptest

import (
	"context"
	"errors"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Tags is a World's tags.
type Tags World

var _ step.Tags = (*Tags)(nil)

// Tag implements step.Tags.
func (g *Tags) Tag(ctx context.Context, repoURL, name string) (tree.Tag, error) {
	w := (*World)(g)
	if err := errors.Join(ctx.Err(), w.fault("tag", false)); err != nil {
		return tree.Tag{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, ok := w.repo(repoURL); ok {
		if t, ok := r.tags[name]; ok {
			return t, nil
		}
	}
	return tree.Tag{}, step.ErrNotFound
}

// PushTag implements step.Tags.
func (g *Tags) PushTag(ctx context.Context, repoURL string, t tree.Tag) (string, error) {
	w := (*World)(g)
	if err := errors.Join(ctx.Err(), w.fault("push-tag", false)); err != nil {
		return "", err
	}
	w.mu.Lock()
	r, ok := w.repo(repoURL)
	if !ok {
		w.mu.Unlock()
		return "", step.ErrNotFound
	}
	if there, taken := r.tags[t.Name]; taken && !t.Force && !step.SameTag(there, t) {
		w.mu.Unlock()
		return "", &step.TagExistsError{Name: t.Name, Commit: there.Commit.String()}
	}
	r.tags[t.Name] = tree.Tag{Name: t.Name, Message: t.Message, Commit: t.Commit}
	w.mu.Unlock()
	return commitURL(r.url, t.Commit), w.fault("push-tag", true)
}
