package ghapp

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/kargo-app/kargo/pipeline/step"
)

var _ step.PathCommits = (*App)(nil)

// PathCommits implements step.PathCommits: one request.
func (a *App) PathCommits(ctx context.Context, repoURL, head, path string, since time.Time) ([]step.PathCommit, error) {
	r, err := a.onURL(ctx, repoURL)
	if err != nil {
		return nil, fmt.Errorf("commits to %s: %w", path, err)
	}
	query := url.Values{"sha": {head}, "path": {path}, "per_page": {strconv.Itoa(step.MaxPathCommits)}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	var page []struct {
		SHA     string `json:"sha"`
		HTMLURL string `json:"html_url"`
		Commit  struct {
			Message string `json:"message"`
			Author  struct {
				Name string `json:"name"`
			} `json:"author"`
			Committer struct {
				Date time.Time `json:"date"`
			} `json:"committer"`
		} `json:"commit"`
		Author *struct {
			Login string `json:"login"`
		} `json:"author"`
	}
	if _, err := r.do(ctx, http.MethodGet, r.path("/commits?")+query.Encode(), nil, &page); err != nil {
		return nil, fmt.Errorf("commits to %s: %w", path, err)
	}
	commits := make([]step.PathCommit, 0, len(page))
	for _, c := range page {
		author := c.Commit.Author.Name
		if c.Author != nil {
			author = cmp.Or(c.Author.Login, author)
		}
		commits = append(commits, step.PathCommit{ID: c.SHA, URL: c.HTMLURL, Message: c.Commit.Message, Author: author, At: c.Commit.Committer.Date})
	}
	return commits, nil
}
