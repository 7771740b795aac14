package ghapp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline"
)

// React puts a reaction ("eyes", "rocket", "confused", "+1", "-1", ...) on a comment
// of an issue or pull request. The same reaction twice is one. A comment that is gone
// is no error: nobody is left to see it.
func (a *App) React(ctx context.Context, repo pipeline.Repo, commentID int64, content string) error {
	r, err := a.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return fmt.Errorf("react to comment %d: %w", commentID, err)
	}
	_, err = r.do(ctx, http.MethodPost, r.path("/issues/comments/%d/reactions", commentID), map[string]string{"content": content}, nil)
	if err != nil && status(err) != http.StatusNotFound {
		return fmt.Errorf("react to comment %d: %w", commentID, err)
	}
	return nil
}
