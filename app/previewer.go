package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// previewer says what Promotions would do to files, by running their steps without
// any effect.
type previewer struct{ matcher }

var _ handlers.Previewer = previewer{}

// Preview implements handlers.Previewer. A step that fails would fail in earnest
// too, and says why.
func (v previewer) Preview(ctx context.Context, r store.RepoRecord, p pipeline.Promotion) (report.Effect, error) {
	view, err := v.dryRun(ctx, r, p)
	if err == nil {
		return report.EffectOf(view.Promotion), nil
	}
	if view.Promotion == nil {
		return report.Effect{}, err
	}
	for i, s := range view.Promotion.Steps {
		if s.Phase == pipeline.Failed || s.Phase == pipeline.Errored {
			return report.Effect{}, &pipeline.UserError{
				Message: fmt.Sprintf("step %d (%s): %s", i+1, view.Promotion.Stage.Steps[i].As, s.Message), Err: err,
			}
		}
	}
	return report.Effect{}, err
}

// imageLookup looks at images that no Warehouse subscribes to, with the accounts that
// Warehouses of the same repository have.
type imageLookup struct{ accounts *accounts }

var _ handlers.Registry = imageLookup{}

// Image implements handlers.Registry.
func (i imageLookup) Image(ctx context.Context, r store.RepoRecord, repoURL, ref string) (pipeline.Image, error) {
	registries, _, err := i.accounts.of(ctx, r.ID)
	if err != nil {
		return pipeline.Image{}, fmt.Errorf("accounts of %s: %w", r.Repo, err)
	}
	m, err := registries.Manifest(ctx, discover.Repository{URL: repoURL}, ref)
	if errors.Is(err, discover.ErrNotFound) {
		return pipeline.Image{}, &pipeline.UserError{Message: fmt.Sprintf("there is no %s in %s", ref, repoURL), Err: err}
	}
	if err != nil {
		return pipeline.Image{}, err
	}
	return pipeline.Image{RepoURL: repoURL, Digest: m.Digest, Annotations: m.Annotations}, nil
}
