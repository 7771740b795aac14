package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Commit implements step.Git.
func (g *Git) Commit(ctx context.Context, c *tree.Checkout) (string, error) {
	pending := c.Pending()
	if len(pending) == 0 {
		return "", errors.New("store commit: nothing is pending")
	}
	r, err := g.app.onURL(ctx, c.RepoURL)
	if err != nil {
		return "", fmt.Errorf("store commit: %w", err)
	}
	if !pending[len(pending)-1].ID.IsZero() {
		return pending[len(pending)-1].ID.String(), nil
	}
	id, err := r.storePending(ctx, c)
	if err != nil {
		return "", fmt.Errorf("store commit: %w", err)
	}
	return id.String(), nil
}

// storePending stores the pending commits that were not stored yet, each on the
// one before it, and returns the newest.
func (r *rest) storePending(ctx context.Context, c *tree.Checkout) (tree.Hash, error) {
	parent := c.Head
	for _, p := range c.Pending() {
		if p.ID.IsZero() {
			id, err := r.storeCommit(ctx, c.FS, p, parent)
			if err != nil {
				return tree.Hash{}, err
			}
			p.ID = id
		}
		parent = p.ID
	}
	return parent, nil
}

// storeCommit creates the trees and the commit. GitHub signs commits without
// author and committer in the App's name.
func (r *rest) storeCommit(ctx context.Context, fs *tree.FS, p tree.Commit, parent tree.Hash) (tree.Hash, error) {
	// Git knows the empty tree without its being stored, and GitHub takes no
	// request to store one; servers that want it stored nevertheless say so.
	if p.Tree != tree.EmptyTree {
		if err := r.storeTree(ctx, fs, p); err != nil {
			return tree.Hash{}, err
		}
	}
	type person struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	body := struct {
		Message string   `json:"message"`
		Tree    string   `json:"tree"`
		Parents []string `json:"parents"`
		Author  *person  `json:"author,omitempty"`
	}{Message: p.Message, Tree: p.Tree.String(), Parents: []string{}}
	if !parent.IsZero() {
		body.Parents = append(body.Parents, parent.String())
	}
	if p.Author != nil {
		body.Author = &person{Name: p.Author.Name, Email: p.Author.Email}
	}
	var made struct {
		SHA string `json:"sha"`
	}
	err := r.write(ctx, http.MethodPost, r.path("/git/commits"), body, &made)
	if p.Tree == tree.EmptyTree && status(err) == http.StatusUnprocessableEntity {
		if err := r.storeTree(ctx, fs, p); err != nil {
			return tree.Hash{}, err
		}
		_, err = r.do(ctx, http.MethodPost, r.path("/git/commits"), body, &made)
	}
	if err != nil {
		return tree.Hash{}, fmt.Errorf("create commit: %w", err)
	}
	id, err := tree.ParseHash(made.SHA)
	if err != nil {
		return tree.Hash{}, fmt.Errorf("create commit: %w", err)
	}
	return id, nil
}
