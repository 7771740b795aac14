package ghapp

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// IssueComments writes and changes comments for steps.
type IssueComments struct{ app *App }

var _ step.IssueComments = (*IssueComments)(nil)

// IssueComments returns the port.
func (a *App) IssueComments() *IssueComments { return &IssueComments{app: a} }

type urlComment struct {
	comment
	HTMLURL string `json:"html_url"`
}

func (s *IssueComments) comment(ctx context.Context, c urlComment) (step.IssueComment, error) {
	own, err := s.app.isOwn(ctx, c.comment)
	return step.IssueComment{ID: c.ID, URL: c.HTMLURL, Author: c.User.Login, Body: c.Body, Own: own}, err
}

// do sends a request about comments of a repository.
func (s *IssueComments) do(ctx context.Context, repo pipeline.Repo, method, path string, args []any, body, out any) error {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return err
	}
	_, err = r.do(ctx, method, r.path(path, args...), body, out)
	return s.app.refusal(repo, err)
}

// Comment implements step.IssueComments.
func (s *IssueComments) Comment(ctx context.Context, repo pipeline.Repo, id int64) (step.IssueComment, error) {
	var found urlComment
	if err := s.do(ctx, repo, http.MethodGet, "/issues/comments/%d", []any{id}, nil, &found); err != nil {
		return step.IssueComment{}, err
	}
	return s.comment(ctx, found)
}

// OwnComments implements step.IssueComments.
func (s *IssueComments) OwnComments(ctx context.Context, repo pipeline.Repo, number int, since time.Time) ([]step.IssueComment, error) {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return nil, err
	}
	var found []urlComment
	query := url.Values{"since": {since.UTC().Format(time.RFC3339)}}
	err = each(ctx, r, r.path("/issues/%d/comments", number), query, func(page []urlComment) bool {
		found = append(found, page...)
		return true
	})
	if err != nil {
		return nil, s.app.refusal(repo, err)
	}
	var out []step.IssueComment
	for _, c := range found {
		one, err := s.comment(ctx, c)
		if err != nil {
			return nil, err
		}
		if one.Own {
			out = append(out, one)
		}
	}
	return out, nil
}

// AddComment implements step.IssueComments.
func (s *IssueComments) AddComment(ctx context.Context, repo pipeline.Repo, number int, body string) (step.IssueComment, error) {
	var made urlComment
	text := map[string]string{"body": body}
	if err := s.do(ctx, repo, http.MethodPost, "/issues/%d/comments", []any{number}, text, &made); err != nil {
		return step.IssueComment{}, err
	}
	return s.comment(ctx, made)
}

// EditComment implements step.IssueComments.
func (s *IssueComments) EditComment(ctx context.Context, repo pipeline.Repo, id int64, body string) error {
	return s.do(ctx, repo, http.MethodPatch, "/issues/comments/%d", []any{id}, map[string]string{"body": body}, nil)
}

// DeleteComment implements step.IssueComments.
func (s *IssueComments) DeleteComment(ctx context.Context, repo pipeline.Repo, id int64) error {
	err := s.do(ctx, repo, http.MethodDelete, "/issues/comments/%d", []any{id}, nil, nil)
	if isNotFound(err) {
		return nil
	}
	return err
}
