package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

const selectHolds = `
SELECT stage, warehouse, coalesce(freight, ''), coalesce(promotion, ''), actor, reason, created_at FROM hold WHERE repo = ?`

func scanHold(rows *sql.Rows, h *pipeline.Hold) error {
	return rows.Scan(&h.Stage, &h.Warehouse, &h.Freight, &h.Promotion, &h.Actor, &h.Reason, scanTime(&h.CreatedAt))
}

// putHold replaces whatever hold there is on an origin in a Stage.
func (tx *writeTx) putHold(ctx context.Context, repoID int64, h pipeline.Hold) (bool, error) {
	n, err := tx.exec(ctx, `
INSERT INTO hold (repo, stage, warehouse, freight, promotion, actor, reason, created_at)
VALUES (?, ?, ?, nullif(?, ''), nullif(?, ''), ?, ?, ?)
ON CONFLICT (repo, stage, warehouse) DO UPDATE SET
	freight = excluded.freight, promotion = excluded.promotion, actor = excluded.actor, reason = excluded.reason,
	created_at = excluded.created_at`,
		repoID, h.Stage, h.Warehouse, h.Freight, h.Promotion, h.Actor, h.Reason, micros(h.CreatedAt))
	return n == 1, err
}

func (tx *writeTx) releaseHold(ctx context.Context, repoID int64, stage, warehouse string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM hold WHERE repo = ? AND stage = ? AND warehouse = ?`, repoID, stage, warehouse)
	return n == 1, err
}

// heldManually reports whether a person asked for the hold itself.
func (tx *writeTx) heldManually(ctx context.Context, repoID int64, stage, warehouse string) (bool, error) {
	n, err := one(ctx, tx, scanTo[int],
		`SELECT count(*) FROM hold WHERE repo = ? AND stage = ? AND warehouse = ? AND promotion IS NULL`, repoID, stage, warehouse)
	return n == 1, err
}

func (tx *writeTx) freeze(ctx context.Context, repoID int64, name string, f pipeline.Freeze) (bool, error) {
	n, err := tx.exec(ctx, `
INSERT INTO freeze (repo, pipeline, reason, actor, since, until) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (repo, pipeline) DO UPDATE SET
	reason = excluded.reason, actor = excluded.actor, since = excluded.since, until = excluded.until`,
		repoID, name, f.Reason, f.Actor, micros(f.Since), micros(f.Until))
	return n == 1, err
}

func (tx *writeTx) thaw(ctx context.Context, repoID int64, name string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM freeze WHERE repo = ? AND pipeline = ?`, repoID, name)
	return n == 1, err
}

// Freeze returns what closes a pipeline to Promotions, nil for nothing; name is
// empty for the root pipeline. It may have ended by itself: see
// [pipeline.Freeze.Active].
func (db *DB) Freeze(ctx context.Context, repoID int64, name string) (*pipeline.Freeze, error) {
	f, err := loadFreeze(ctx, db.reads, repoID, name)
	if err != nil {
		return nil, fmt.Errorf("load freeze of repository %d: %w", repoID, err)
	}
	return f, nil
}

func loadFreeze(ctx context.Context, q querier, repoID int64, name string) (*pipeline.Freeze, error) {
	f, err := one(ctx, q, func(rows *sql.Rows, f *pipeline.Freeze) error {
		return rows.Scan(&f.Reason, &f.Actor, scanTime(&f.Since), scanTime(&f.Until))
	}, `SELECT reason, actor, since, until FROM freeze WHERE repo = ? AND pipeline = ?`, repoID, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // a pipeline that is not frozen is ordinary
	case err != nil:
		return nil, err
	}
	return &f, nil
}
