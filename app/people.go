package app

import (
	"context"
	"errors"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
)

// people is what comment commands need of GitHub.
type people struct {
	*ghapp.App
	publisher *promotion.Publisher
	cloneURL  func(pipeline.Repo) string
}

var _ handlers.People = people{}

// Reply implements handlers.People.
func (p people) Reply(ctx context.Context, r pipeline.Repo, number int, marker, body string) error {
	return p.publisher.Upsert(ctx, r, number, marker, body)
}

// MergeCommit implements handlers.People.
func (p people) MergeCommit(ctx context.Context, r pipeline.Repo, number int) (string, error) {
	pr, err := p.Pulls().Get(ctx, p.cloneURL(r), number)
	if errors.Is(err, step.ErrNotFound) {
		return "", nil
	}
	if err != nil || !pr.Merged {
		return "", err
	}
	return pr.MergeCommit, nil
}
