package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

const (
	selectHealth = `SELECT stage, promotion, state, issues, since, checked_at, wake, wake_on FROM health WHERE repo = ?`

	selectNewestSuccess = selectPromotion + `
WHERE p.repo = ? AND p.stage = ? AND p.phase = 'Succeeded' ORDER BY p.seq DESC LIMIT 1`
)

func scanHealth(rows *sql.Rows, r *pipeline.HealthReading) error {
	return rows.Scan(&r.Stage, &r.Promotion, &r.State, scanJSON(&r.Issues), scanTime(&r.Since), scanTime(&r.CheckedAt),
		scanTime(&r.WakeAt), scanJSON(&r.WakeOn))
}

func (l *loader) health(ctx context.Context) ([]pipeline.HealthReading, error) {
	all, err := collect(ctx, l.tx, scanHealth, selectHealth+` ORDER BY stage`, l.repoID)
	if err != nil || !l.name.Valid {
		return all, err
	}
	var mine []pipeline.HealthReading
	for _, r := range all {
		if pipeline.Qualifier(r.Stage) == l.name.String {
			mine = append(mine, r)
		}
	}
	return mine, nil
}

// stageHealth returns what the checks of a Stage said last, nil for nothing.
func stageHealth(ctx context.Context, q querier, repoID int64, stage string) (*pipeline.HealthReading, error) {
	r, err := one(ctx, q, scanHealth, selectHealth+` AND stage = ?`, repoID, stage)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // a Stage without health checks is ordinary
	case err != nil:
		return nil, err
	}
	return &r, nil
}

// newestSuccess returns the Promotion into a Stage that succeeded last, nil for none.
func newestSuccess(ctx context.Context, r *resolver, stage string) (*pipeline.Promotion, error) {
	all, err := promotions(ctx, r, selectNewestSuccess, r.repoID, stage)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// StageSuccess returns the newest Promotion into a Stage that succeeded and what its
// health checks said last, nil for none.
func (db *DB) StageSuccess(ctx context.Context, repoID int64, stage string) (*pipeline.Promotion, *pipeline.HealthReading, error) {
	p, err := newestSuccess(ctx, newResolver(db.reads, repoID, db.memory, nil), stage)
	if err != nil {
		return nil, nil, fmt.Errorf("load newest success of %s: %w", stage, err)
	}
	reading, err := stageHealth(ctx, db.reads, repoID, stage)
	if err != nil {
		return nil, nil, fmt.Errorf("load health of %s: %w", stage, err)
	}
	return p, reading, nil
}

// SaveHealth writes what the health checks of a Stage say and the events that tell of
// a change, and starts the VerificationRun that waited for the Stage to be healthy. A
// reconciliation follows when the state is another one. j is the claim on the Stage;
// [store.ErrLeaseLost] means that nothing was written.
func (db *DB) SaveHealth(ctx context.Context, j store.Job, reading pipeline.HealthReading, now time.Time) error {
	return db.write(ctx, "save health of "+reading.Stage, func(tx *writeTx) error {
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		if reading.Stage != stage {
			return fmt.Errorf("a claim on %s is no claim on it", stage)
		}
		last, err := stageHealth(ctx, tx, repoID, stage)
		if err != nil {
			return err
		}
		if err := tx.putHealth(ctx, repoID, reading); err != nil {
			return err
		}
		if err := tx.setWaits(ctx, healthWaits, repoID, stage, stage, reading.WakeOn, j); err != nil {
			return err
		}
		if err := tx.concludeHealth(ctx, repoID, &reading, now); err != nil {
			return fmt.Errorf("start verification: %w", err)
		}
		if last != nil && last.Promotion == reading.Promotion && last.State == reading.State {
			return nil
		}
		return tx.enqueue(ctx, store.WorkReconcile, store.ReconcileKey(repoID, stage), now)
	})
}

func (tx *writeTx) putHealth(ctx context.Context, repoID int64, r pipeline.HealthReading) error {
	issues, err := jsonText(r.Issues)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `
INSERT INTO health (repo, stage, promotion, state, issues, since, checked_at, wake, wake_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (repo, stage) DO UPDATE SET
	promotion = excluded.promotion, state = excluded.state, issues = excluded.issues, since = excluded.since,
	checked_at = excluded.checked_at, wake = excluded.wake, wake_on = excluded.wake_on`,
		repoID, r.Stage, r.Promotion, r.State, issues, micros(r.Since), micros(r.CheckedAt), micros(r.WakeAt), list(r.WakeOn))
	return err
}

// concludeHealth starts what follows from a Stage being healthy, if the reading is
// about the newest success and that is current.
func (tx *writeTx) concludeHealth(ctx context.Context, repoID int64, reading *pipeline.HealthReading, now time.Time) error {
	r := newResolver(tx, repoID, tx.memory, nil)
	p, err := newestSuccess(ctx, r, reading.Stage)
	if err != nil || p == nil || p.ID != reading.Promotion || !p.Sound(reading) {
		return err
	}
	current, err := currentFreight(ctx, tx, repoID, reading.Stage, p.Freight.Warehouse)
	if err != nil || current == nil || current.ID != p.Freight.ID {
		return err
	}
	return tx.followUp(ctx, r, p, now)
}

// unsound reports whether what is current in a Stage is known not to be healthy.
func (tx *writeTx) unsound(ctx context.Context, repoID int64, stage string) (bool, error) {
	reading, err := stageHealth(ctx, tx, repoID, stage)
	if err != nil || reading == nil || reading.State == pipeline.HealthHealthy {
		return false, err
	}
	p, err := newestSuccess(ctx, newResolver(tx, repoID, tx.memory, nil), stage)
	if err != nil || p == nil || p.Sound(reading) {
		return false, err
	}
	current, err := currentFreight(ctx, tx, repoID, stage, p.Freight.Warehouse)
	return err == nil && current != nil && current.ID == p.Freight.ID, err
}
