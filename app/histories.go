package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// histories reads what happened in source repositories. An image may claim to come
// from any repository, so only those are told of that the App serves for the same
// owner, and nothing of a private one where everybody reads along.
type histories struct {
	db     *sqlite.DB
	github *ghapp.App
}

var _ step.Histories = histories{}

// Compare implements step.Histories.
func (h histories) Compare(ctx context.Context, r pipeline.Repo, s report.Span) (report.History, error) {
	owner, name, _ := strings.Cut(s.Source(), "/")
	source, err := h.db.RepoByName(ctx, owner, name)
	if errors.Is(err, store.ErrNotFound) {
		return report.History{}, nil
	}
	if err != nil {
		return report.History{}, fmt.Errorf("look up %s: %w", s.Source(), err)
	}
	shown, err := h.db.Repo(ctx, r.ID)
	if err != nil {
		return report.History{}, fmt.Errorf("look up %s: %w", r, err)
	}
	if source.Removed || source.Installation != shown.Installation || source.Private && !shown.Private {
		return report.History{}, nil
	}
	return h.github.Compare(ctx, s)
}
