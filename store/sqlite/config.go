package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// SaveConfig replaces a repository's Config, its Warehouses and what they
// subscribe to. A Warehouse that is new or declared differently is due now and
// its old Discovery, made by other rules, is forgotten; one that is gone from
// the Pipeline is dropped. With the Blob that is already stored and nil
// subscriptions, a mere look at the file, Warehouses stay as they are.
func (db *DB) SaveConfig(ctx context.Context, repoID int64, c store.Config, subs []store.Subscription, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("save config of repository %d", repoID), func(tx *writeTx) error {
		blob, err := one(ctx, tx, scanTo[string], `SELECT config_blob FROM repo WHERE id = ?`, repoID)
		if err != nil {
			return err
		}
		var text sql.NullString
		if c.Pipeline != nil {
			text.Valid = true
			if text.String, err = jsonText(c.Pipeline); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `
UPDATE repo SET config_sha = ?, config_blob = ?, pipeline = ?, seen_sha = ?, seen_blob = ?, problems = ? WHERE id = ?`,
			c.SHA, c.Blob, text, c.SeenSHA, c.SeenBlob, nullJSON(c.Problems), repoID); err != nil {
			return err
		}
		if subs == nil && c.Blob == blob {
			return nil
		}
		var warehouses []pipeline.Warehouse
		if c.Pipeline != nil {
			warehouses = c.Pipeline.Warehouses
		}
		if err := tx.putWarehouses(ctx, repoID, warehouses, now); err != nil {
			return err
		}
		return tx.putSubscriptions(ctx, repoID, subs)
	})
}

func (tx *writeTx) putWarehouses(ctx context.Context, repoID int64, warehouses []pipeline.Warehouse, now time.Time) error {
	names := make([]string, len(warehouses))
	for i, w := range warehouses {
		names[i] = w.Name
	}
	if _, err := tx.ExecContext(ctx, `
DELETE FROM warehouse WHERE repo = ? AND name NOT IN (SELECT value FROM json_each(?))`, repoID, list(names)); err != nil {
		return err
	}
	for _, w := range warehouses {
		spec, err := jsonText(w)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
INSERT INTO warehouse (repo, name, spec, due) VALUES (?, ?, ?, ?)
ON CONFLICT (repo, name) DO UPDATE SET
	spec = excluded.spec, due = excluded.due, discovered_at = NULL, error = '', discovery = NULL, hints = hints + 1
WHERE spec <> excluded.spec`, repoID, w.Name, spec, micros(now)); err != nil {
			return err
		}
	}
	return nil
}

func (tx *writeTx) putSubscriptions(ctx context.Context, repoID int64, subs []store.Subscription) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM subscription WHERE repo = ?`, repoID); err != nil {
		return err
	}
	for _, s := range subs {
		if _, err := tx.ExecContext(ctx, `
INSERT INTO subscription (repo, warehouse, kind, url) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			repoID, s.Warehouse, s.Kind, s.URL); err != nil {
			return fmt.Errorf("subscribe warehouse %s: %w", s.Warehouse, err)
		}
	}
	return nil
}
