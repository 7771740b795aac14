package app

import (
	"context"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
)

// people is what comment commands need of GitHub.
type people struct {
	*ghapp.App
	publisher *promotion.Publisher
}

var _ handlers.People = people{}

// Reply implements handlers.People.
func (p people) Reply(ctx context.Context, r pipeline.Repo, number int, marker, body string) error {
	return p.publisher.Upsert(ctx, r, number, marker, body)
}
