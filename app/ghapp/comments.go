package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Comments keeps comments on issues and pull requests.
type Comments struct{ app *App }

var _ promotion.Comments = (*Comments)(nil)

// Comments returns the port.
func (a *App) Comments() *Comments { return &Comments{app: a} }

type comment struct {
	ID   int64   `json:"id"`
	Body string  `json:"body"`
	User account `json:"user"`
	Via  *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
}

// FindComment implements promotion.Comments. Anybody can write the marker, so
// the author counts too.
func (s *Comments) FindComment(ctx context.Context, repo pipeline.Repo, number int, marker string) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("comments of #%d: %w", number, err)
	}
	return s.app.findComment(ctx, r, number, func(body string) bool { return strings.HasPrefix(body, marker) })
}

func (a *App) findComment(ctx context.Context, r *rest, number int, match func(body string) bool) (int64, error) {
	var candidates []comment
	err := each(ctx, r, r.path("/issues/%d/comments", number), nil, func(page []comment) bool {
		for _, c := range page {
			if match(c.Body) {
				candidates = append(candidates, c)
			}
		}
		return true
	})
	if status(err) == http.StatusNotFound {
		return 0, fmt.Errorf("#%d: %w", number, step.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("comments of #%d: %w", number, err)
	}
	for _, c := range candidates {
		own, err := a.isOwn(ctx, c)
		if err != nil {
			return 0, err
		}
		if own {
			return c.ID, nil
		}
	}
	return 0, fmt.Errorf("comment on #%d: %w", number, step.ErrNotFound)
}

// isOwn recognises the App's own comments: by the App's id where GitHub tells
// it, else by its bot's login.
func (a *App) isOwn(ctx context.Context, c comment) (bool, error) {
	if c.Via != nil {
		return c.Via.ID == a.opts.AppID, nil
	}
	if c.User.Type != "Bot" {
		return false, nil
	}
	login, err := a.Login(ctx)
	return strings.EqualFold(c.User.Login, login), err
}

// Login returns the login of the App's bot, "SLUG[bot]"; asked once.
func (a *App) Login(ctx context.Context) (string, error) {
	a.mu.Lock()
	login := a.login
	a.mu.Unlock()
	if login != "" {
		return login, nil
	}
	var app struct {
		Slug string `json:"slug"`
	}
	if _, err := a.jwt.do(ctx, http.MethodGet, "app", nil, &app); err != nil {
		return "", fmt.Errorf("read the App: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.login = app.Slug + "[bot]"
	return a.login, nil
}

// CreateComment implements promotion.Comments.
func (s *Comments) CreateComment(ctx context.Context, repo pipeline.Repo, number int, body string) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("comment on #%d: %w", number, err)
	}
	return r.comment(ctx, number, body)
}

func (r *rest) comment(ctx context.Context, number int, body string) (int64, error) {
	var made comment
	_, err := r.do(ctx, http.MethodPost, r.path("/issues/%d/comments", number), map[string]string{"body": cut(body, maxBody)}, &made)
	if err != nil {
		return 0, fmt.Errorf("comment on #%d: %w", number, err)
	}
	return made.ID, nil
}

// UpdateComment implements promotion.Comments. A comment that somebody deleted
// is step.ErrNotFound.
func (s *Comments) UpdateComment(ctx context.Context, repo pipeline.Repo, id int64, body string) error {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return fmt.Errorf("edit comment %d: %w", id, err)
	}
	_, err = r.do(ctx, http.MethodPatch, r.path("/issues/comments/%d", id), map[string]string{"body": cut(body, maxBody)}, nil)
	if status(err) == http.StatusNotFound {
		return fmt.Errorf("edit comment %d: %w: %w", id, step.ErrNotFound, err)
	}
	if err != nil {
		return fmt.Errorf("edit comment %d: %w", id, err)
	}
	return nil
}

// sayOnce comments unless the App said exactly this before.
func (a *App) sayOnce(ctx context.Context, r *rest, number int, body string) error {
	_, err := a.findComment(ctx, r, number, func(b string) bool { return strings.TrimSpace(b) == body })
	if err == nil || !isNotFound(err) {
		return err
	}
	_, err = r.comment(ctx, number, body)
	return err
}
