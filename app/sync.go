package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// every runs f now and then every interval until ctx ends. A fault is tried again
// sooner.
func every(ctx context.Context, interval time.Duration, f func(context.Context) error) {
	for failures := 0; ; {
		wait := interval
		if err := f(ctx); err != nil && ctx.Err() == nil {
			after, _ := pipeline.IsTransient(err)
			wait = min(interval, max(after, time.Second<<min(failures, 8)))
			failures++
		} else {
			failures = 0
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// keepInstallations reads from GitHub which repositories the App serves: events
// that said so may have been lost.
func (a *App) keepInstallations(ctx context.Context) {
	every(ctx, a.cfg.ReconcileInterval, a.readInstallations)
}

// readInstallations refreshes all installations and notices whether GitHub accepts
// the App's key.
func (a *App) readInstallations(ctx context.Context) error {
	err := a.refresh(ctx, 0)
	if ctx.Err() != nil {
		return err
	}
	var why *string
	if ghapp.KeyRefused(err) {
		s := "GitHub does not accept the App's id and private key"
		why = &s
	}
	a.keyRefused.Store(why)
	if err != nil {
		a.log.WarnContext(ctx, "installations not read", "err", err)
	}
	return err
}

// refresh stores the repositories of one installation, or of all for 0, enqueues
// those that are new, and marks those that are gone. What could be read of several
// installations counts even when another could not be.
func (a *App) refresh(ctx context.Context, installation int64) error {
	now := a.now()
	read := a.github.InstallationRepos
	if installation != 0 {
		read = func(ctx context.Context) ([]ghapp.InstalledRepo, error) { return a.github.ReposOf(ctx, installation) }
	}
	repos, readErr := read(ctx)
	served := make(map[int64]bool, len(repos))
	for _, r := range repos {
		served[r.ID] = true
		if err := a.serve(ctx, r, now); err != nil {
			return err
		}
	}
	if readErr != nil {
		// Then absence proves nothing.
		return readErr
	}
	return a.removeAbsent(ctx, installation, served, now)
}

// serve stores one repository and enqueues it when it is new.
func (a *App) serve(ctx context.Context, r ghapp.InstalledRepo, now time.Time) error {
	known, err := a.db.Repo(ctx, r.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	fresh := err != nil || known.Removed || known.Config.SeenSHA == ""
	if err := a.db.PutRepo(ctx, store.RepoRecord{
		Repo: r.Repo, Installation: r.Installation, DefaultBranch: r.DefaultBranch, Private: r.Private,
	}, now); err != nil {
		return fmt.Errorf("store repository %s: %w", r.Repo, err)
	}
	if !fresh {
		return nil
	}
	if err := a.db.Enqueue(ctx, store.WorkReconcile, store.RepoKey(r.ID), now); err != nil {
		return fmt.Errorf("enqueue repository %s: %w", r.Repo, err)
	}
	return nil
}

// removeAbsent marks the repositories that the App does not serve any more: the
// event that said so may have been lost. One that was stored after the question
// was asked is newer than the answer.
func (a *App) removeAbsent(ctx context.Context, installation int64, served map[int64]bool, asked time.Time) error {
	known, err := a.db.Repos(ctx)
	if err != nil {
		return err
	}
	for _, r := range known {
		if served[r.ID] || installation != 0 && r.Installation != installation || r.UpdatedAt.After(asked) {
			continue
		}
		if err := a.db.RemoveRepo(ctx, r.ID, a.now()); err != nil {
			return fmt.Errorf("remove repository %s: %w", r.Repo, err)
		}
		a.log.InfoContext(ctx, "repository is out of reach", "repo", r.String())
	}
	return nil
}

// registrar is handlers.Registrar.
type registrar struct {
	*sqlite.DB
	app *App
}

// Refresh implements handlers.Registrar.
func (r registrar) Refresh(ctx context.Context, installation int64) error {
	r.app.github.InstallationChanged(installation)
	return r.app.refresh(ctx, installation)
}

// RemoveInstallation implements handlers.Registrar.
func (r registrar) RemoveInstallation(ctx context.Context, installation int64, now time.Time) error {
	r.app.github.InstallationChanged(installation)
	return r.DB.RemoveInstallation(ctx, installation, now)
}

const (
	// deliveryMemory is how long GitHub keeps deliveries.
	deliveryMemory = 72 * time.Hour
	// sweepOverlap is how far a sweep looks behind the one before: a delivery is
	// listed as failed only once GitHub gave up on it.
	sweepOverlap = 15 * time.Minute
	sweptUntil   = "deliveries-swept-until"
)

// sweepDeliveries finds webhook deliveries that did not arrive; GitHub does not
// repeat them by itself.
func (a *App) sweepDeliveries(ctx context.Context) {
	every(ctx, a.cfg.RedeliveryInterval, func(ctx context.Context) error {
		err := a.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "failed deliveries not looked for", "err", err)
		}
		return err
	})
}

func (a *App) sweep(ctx context.Context) error {
	started := a.now()
	since := started.Add(-deliveryMemory)
	if v, err := a.db.Setting(ctx, sweptUntil); err == nil {
		if unix, err := strconv.ParseInt(v, 10, 64); err == nil {
			if t := time.Unix(unix, 0).Add(-sweepOverlap); t.After(since) {
				since = t
			}
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	err := a.github.FailedDeliveries(ctx, since, func(d ghapp.Delivery) error {
		known, _, err := a.db.HasDelivery(ctx, d.GUID)
		if err != nil || known {
			// What is known is stored, and tried until it is done.
			return err
		}
		_, body, err := a.github.DeliveryPayload(ctx, d.ID)
		if errors.Is(err, step.ErrNotFound) {
			// GitHub forgot the payload; what it said is found by looking.
			return nil
		}
		if err != nil {
			return fmt.Errorf("read delivery %s: %w", d.GUID, err)
		}
		if _, err := a.db.PutDelivery(ctx, store.Delivery{GUID: d.GUID, Event: d.Event, Body: body, ReceivedAt: a.now()}); err != nil {
			return fmt.Errorf("store delivery %s: %w", d.GUID, err)
		}
		a.log.InfoContext(ctx, "lost delivery found", "delivery", d.GUID, "event", d.Event)
		return nil
	})
	if err != nil {
		return err
	}
	return a.db.PutSetting(ctx, sweptUntil, strconv.FormatInt(started.Unix(), 10))
}

// prune forgets deliveries that GitHub itself has forgotten.
func (a *App) prune(ctx context.Context) {
	every(ctx, time.Hour, func(ctx context.Context) error {
		n, err := a.db.PruneDeliveries(ctx, a.now().Add(-2*deliveryMemory))
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "old deliveries not removed", "err", err)
		}
		if n > 0 {
			a.log.DebugContext(ctx, "old deliveries removed", "count", n)
		}
		return err
	})
}
