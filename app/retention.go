package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// retire removes, once an hour, what no rule wants to be kept: see
// [pipeline.Expired].
func (a *App) retire(ctx context.Context) {
	every(ctx, time.Hour, func(ctx context.Context) error {
		err := a.retireAll(ctx)
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "old history not removed", "err", err)
		}
		return err
	})
}

func (a *App) retireAll(ctx context.Context) error {
	repos, err := a.db.Repos(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range repos {
		if err := a.retireOf(ctx, r); err != nil {
			faults = append(faults, fmt.Errorf("of %s: %w", r.Repo, err))
		}
	}
	return errors.Join(faults...)
}

func (a *App) retireOf(ctx context.Context, r store.RepoRecord) error {
	snap, err := a.db.CompleteSnapshot(ctx, r.ID)
	if err != nil {
		return err
	}
	now := a.now()
	freight, promotions := pipeline.Expired(snap, now)
	n, err := a.db.Prune(ctx, r.ID, store.Expired{Freight: freight, Promotions: promotions, Before: now.Add(-pipeline.RetainedFor)}, now)
	if err != nil {
		return err
	}
	if n != (store.Pruned{}) {
		a.log.InfoContext(ctx, "old history removed", "repo", r.String(), "freight", n.Freight, "promotions", n.Promotions)
	}
	return nil
}
