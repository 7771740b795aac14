package ghapp

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline/report"
)

// Compare returns the commits of a span of a repository of this host: one request,
// and of a long history the oldest hundred.
func (a *App) Compare(ctx context.Context, s report.Span) (report.History, error) {
	r, err := a.onURL(ctx, s.RepoURL)
	if err != nil {
		return report.History{}, fmt.Errorf("history of %s: %w", s.RepoURL, err)
	}
	var page struct {
		Total   int `json:"total_commits"`
		Commits []struct {
			SHA    string `json:"sha"`
			Commit struct {
				Message string `json:"message"`
				Author  struct {
					Name string `json:"name"`
				} `json:"author"`
			} `json:"commit"`
			Author *struct {
				Login string `json:"login"`
			} `json:"author"`
		} `json:"commits"`
	}
	if _, err := r.do(ctx, http.MethodGet, r.path("/compare/%s?per_page=100", s.Base+"..."+s.Head), nil, &page); err != nil {
		return report.History{}, fmt.Errorf("history of %s: %w", s.RepoURL, err)
	}
	h := report.History{Span: s, Total: page.Total}
	for _, c := range page.Commits {
		author := c.Commit.Author.Name
		if c.Author != nil {
			author = cmp.Or(c.Author.Login, author)
		}
		h.Commits = append(h.Commits, report.HistoryCommit{ID: c.SHA, Message: c.Commit.Message, Author: author})
	}
	return h, nil
}
