package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Tags returns the port, which [Git] implements as well.
func (g *Git) Tags() step.Tags { return (*tags)(g) }

type tags Git

// Tag implements step.Tags.
func (t *tags) Tag(ctx context.Context, repoURL, name string) (tree.Tag, error) {
	var out tree.Tag
	err := (*Git)(t).read(ctx, repoURL, func(r *gitrepo.Repository) error {
		ref, err := r.ResolveRef(ctx, "refs/tags/"+name)
		if err != nil {
			return err
		}
		all, err := r.Describe(ctx, []gitrepo.Tag{{Name: name, Object: ref.Hash, Target: ref.Commit()}})
		out = tree.Tag{Name: name, Commit: ref.Commit()}
		for _, d := range all {
			out.Message, out.Commit = d.Message, d.Target
		}
		return err
	})
	if err != nil {
		return tree.Tag{}, fmt.Errorf("tag %s: %w", name, err)
	}
	return out, nil
}

// PushTag implements step.Tags. Whatever became of an earlier attempt, or of the
// answer to this one, the tag is looked for by what it says.
func (t *tags) PushTag(ctx context.Context, repoURL string, want tree.Tag) (string, error) {
	r, err := t.app.onURL(ctx, repoURL)
	if err != nil {
		return "", fmt.Errorf("push tag: %w", err)
	}
	page := t.app.host.commit(r.owner, r.name, want.Commit.String())
	there, err := t.Tag(ctx, repoURL, want.Name)
	exists := err == nil
	switch {
	case exists && step.SameTag(there, want):
		return page, nil
	case exists && !want.Force:
		return "", &step.TagExistsError{Name: want.Name, Commit: there.Commit.String()}
	case err != nil && !errors.Is(err, step.ErrNotFound):
		return "", err
	}
	object, err := r.createTag(ctx, want)
	if err != nil {
		return "", err
	}
	err = r.placeTag(ctx, want.Name, object, exists)
	if err == nil {
		return page, nil
	}
	if status(err) != http.StatusUnprocessableEntity && !uncertain(err) {
		return "", err
	}
	// Somebody was faster, or it happened all the same.
	now, lookErr := t.Tag(ctx, repoURL, want.Name)
	switch {
	case lookErr == nil && step.SameTag(now, want):
		return page, nil
	case uncertain(err):
		return "", err
	case lookErr == nil && !want.Force:
		return "", &step.TagExistsError{Name: want.Name, Commit: now.Commit.String()}
	}
	return "", &step.FailedError{Terminal: true, Err: &pipeline.UserError{
		Message: fmt.Sprintf("GitHub refuses tag %s: %s", want.Name, message(err)),
		Hint:    "a ruleset for tags may protect the name: choose another one, or let the App bypass the rule",
		Err:     err,
	}}
}

// createTag makes the object of an annotated tag, by the App as tagger.
func (r *rest) createTag(ctx context.Context, t tree.Tag) (string, error) {
	body := map[string]string{"tag": t.Name, "message": t.Message, "object": t.Commit.String(), "type": "commit"}
	var made struct {
		SHA string `json:"sha"`
	}
	if err := r.write(ctx, http.MethodPost, r.path("/git/tags"), body, &made); err != nil {
		return "", fmt.Errorf("create tag %s: %w", t.Name, err)
	}
	return made.SHA, nil
}

// placeTag makes the reference of a tag, or moves the one that exists.
func (r *rest) placeTag(ctx context.Context, name, object string, exists bool) error {
	method, path := http.MethodPost, r.path("/git/refs")
	body := map[string]any{"ref": "refs/tags/" + name, "sha": object}
	if exists {
		method, path = http.MethodPatch, r.path("/git/refs/tags/")+(&url.URL{Path: name}).EscapedPath()
		body = map[string]any{"sha": object, "force": true}
	}
	if err := r.write(ctx, method, path, body, nil); err != nil {
		return fmt.Errorf("publish tag %s: %w", name, err)
	}
	return nil
}
