package steptest

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Past keeps the Promotions of every Stage.
type Past struct {
	// All are oldest first.
	All []pipeline.Promotion
}

var _ step.Past = (*Past)(nil)

// Earlier implements step.Past.
func (k *Past) Earlier(ctx context.Context, p *pipeline.Promotion, limit int) ([]pipeline.Promotion, error) {
	var out []pipeline.Promotion
	for _, old := range slices.Backward(k.All) {
		if old.Stage.Name == p.Stage.Name && old.ID != p.ID && len(out) < limit {
			out = append(out, old)
		}
	}
	return out, ctx.Err()
}

// pathCommits is a World's PathCommits port.
type pathCommits World

var _ step.PathCommits = (*pathCommits)(nil)

// PathCommits implements step.PathCommits.
func (g *pathCommits) PathCommits(ctx context.Context, repoURL, head, at string, since time.Time) ([]step.PathCommit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := (*World)(g)
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.repo(repoURL)
	if !ok {
		return nil, step.ErrNotFound
	}
	tip, err := tree.ParseHash(head)
	if err != nil {
		return nil, err
	}
	var out []step.PathCommit
	for h := range r.ancestors(tip) {
		c := r.commits[h]
		var before string
		if len(c.parents) > 0 {
			before = r.commits[c.parents[0]].file(r, at)
		}
		if len(out) == step.MaxPathCommits {
			break
		}
		if c.file(r, at) != before && !c.at.Before(since) {
			name, _, _ := strings.Cut(c.author, " <")
			out = append(out, step.PathCommit{ID: h.String(), URL: commitURL(r.url, h), Message: c.message, Author: name, At: c.at})
		}
	}
	return out, nil
}

// file is what a commit has at a path: the content of a file behind a mark, or nothing.
func (c commit) file(r *repository, p string) string {
	files := map[string]string{}
	r.walk(c.tree, "", files)
	if content, ok := files[path.Clean(p)]; ok {
		return "=" + content
	}
	return ""
}
