package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// SaveConfig replaces a repository's Config, its Warehouses and what they
// subscribe to. A Warehouse that is new or declared differently is due now and
// its old Discovery, made by other rules, is forgotten; one that is gone from
// all pipelines, the included ones too, is dropped. With the Blob that is already
// stored and nil subscriptions, a mere look at the file, Warehouses stay as they
// are; a change of an included file alone comes with subscriptions.
func (db *DB) SaveConfig(ctx context.Context, repoID int64, c store.Config, subs []store.Subscription, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("save config of repository %d", repoID), func(tx *writeTx) error {
		blob, err := one(ctx, tx, scanTo[string], `SELECT config_blob FROM repo WHERE id = ?`, repoID)
		if err != nil {
			return err
		}
		root, included, err := pipelineTexts(c)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
UPDATE repo SET pipeline = ?1, included = ?2,
	config_version = config_version + (pipeline IS NOT ?1 OR included IS NOT ?2),
	config_sha = ?3, config_blob = ?4, seen_sha = ?5, seen_blob = ?6, problems = ?7
WHERE id = ?8`,
			root, included, c.SHA, c.Blob, c.SeenSHA, c.SeenBlob, nullJSON(c.Problems), repoID); err != nil {
			return err
		}
		if subs == nil && c.Blob == blob {
			return nil
		}
		var warehouses []pipeline.Warehouse
		if c.Pipeline != nil {
			warehouses = slices.Clone(c.Pipeline.Warehouses)
		}
		for _, p := range c.Included {
			warehouses = append(warehouses, p.Warehouses...)
		}
		if err := tx.putWarehouses(ctx, repoID, warehouses, now); err != nil {
			return err
		}
		return tx.putSubscriptions(ctx, repoID, subs)
	})
}

// pipelineTexts encodes the pipelines of a Config; what it does not have is NULL.
func pipelineTexts(c store.Config) (root, included sql.NullString, err error) {
	if c.Pipeline != nil {
		root.Valid = true
		if root.String, err = jsonText(c.Pipeline); err != nil {
			return root, included, err
		}
	}
	if len(c.Included) > 0 {
		included.Valid = true
		included.String, err = jsonText(c.Included)
	}
	return root, included, err
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
