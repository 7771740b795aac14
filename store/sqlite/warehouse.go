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

// Warehouses returns the state of a repository's Warehouses, by name.
func (db *DB) Warehouses(ctx context.Context, repoID int64) ([]store.WarehouseState, error) {
	return db.warehouses(ctx, repoID, sql.NullString{})
}

// PipelineWarehouses is [DB.Warehouses] for those of one pipeline, empty for the
// root.
func (db *DB) PipelineWarehouses(ctx context.Context, repoID int64, name string) ([]store.WarehouseState, error) {
	return db.warehouses(ctx, repoID, text(name))
}

// ofPipeline restricts a statement over Warehouses to a pipeline, NULL for all.
const ofPipeline = ` AND (?2 IS NULL OR substr(name, 1, max(instr(name, '/') - 1, 0)) = ?2) ORDER BY name`

func (db *DB) warehouses(ctx context.Context, repoID int64, name sql.NullString) ([]store.WarehouseState, error) {
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, w *store.WarehouseState) error {
		return rows.Scan(&w.Name, scanTime(&w.Due), scanTime(&w.DiscoveredAt), &w.Error, scanJSON(&w.Discovery), &w.Hints)
	}, `SELECT name, due, discovered_at, error, discovery, hints FROM warehouse WHERE repo = ?1`+ofPipeline, repoID, name)
	if err != nil {
		return nil, fmt.Errorf("load warehouses of repository %d: %w", repoID, err)
	}
	return all, nil
}

// SaveDiscovery stores the outcome of a discovery and when the next one is due.
// w starts from what [DB.Warehouses] returned before the discovery; if Hints
// moved since then, the Warehouse stays due. A Warehouse that was dropped
// meanwhile is [store.ErrNotFound].
func (db *DB) SaveDiscovery(ctx context.Context, repoID int64, w store.WarehouseState) error {
	var text sql.NullString
	if !w.DiscoveredAt.IsZero() {
		body, err := jsonText(w.Discovery)
		if err != nil {
			return fmt.Errorf("save discovery of %s: %w", w.Name, err)
		}
		text = sql.NullString{String: body, Valid: true}
	}
	return db.write(ctx, "save discovery of "+w.Name, func(tx *writeTx) error {
		return found(tx.exec(ctx, `
UPDATE warehouse SET due = CASE hints WHEN ? THEN ? ELSE due END, discovered_at = ?, error = ?, discovery = ?, hints = 0
WHERE repo = ? AND name = ?`,
			w.Hints, w.Due.UnixMicro(), micros(w.DiscoveredAt), w.Error, text, repoID, w.Name))
	})
}

const markSubscribersSQL = `
UPDATE warehouse SET due = min(due, ?), hints = hints + 1
WHERE (repo, name) IN (SELECT repo, warehouse FROM subscription WHERE kind = ? AND url = ?)
  AND (SELECT removed FROM repo WHERE id = warehouse.repo) = 0
RETURNING repo, name`

// MarkSubscribersDue makes every Warehouse due that subscribes to a source, in
// repositories that are not removed, and enqueues the reconciliation of their
// pipelines. It returns the ids of those repositories.
func (db *DB) MarkSubscribersDue(ctx context.Context, kind pipeline.ArtifactKind, url string, now time.Time) (repos []int64, err error) {
	return db.markDue(ctx, "wake subscribers of "+url, now, markSubscribersSQL, micros(now), kind, url)
}

const markImagesNamedSQL = `
UPDATE warehouse SET due = min(due, ?), hints = hints + 1
WHERE (repo, name) IN (SELECT repo, warehouse FROM subscription WHERE kind = 'image' AND substr(url, -length(?)) = ?)
  AND (SELECT removed = 0 AND installation = ? FROM repo WHERE id = warehouse.repo)
RETURNING repo, name`

// MarkImagesNamedDue is MarkSubscribersDue for an event that names an image but
// not its registry: it means every image repository whose path ends in that name,
// in the repositories of one installation.
func (db *DB) MarkImagesNamedDue(ctx context.Context, installation int64, name string, now time.Time) (repos []int64, err error) {
	suffix := "/" + name
	return db.markDue(ctx, "wake subscribers of images named "+name, now, markImagesNamedSQL, micros(now), suffix, suffix, installation)
}

func (db *DB) markDue(ctx context.Context, what string, now time.Time, query string, args ...any) (repos []int64, err error) {
	err = db.write(ctx, what, func(tx *writeTx) (err error) {
		repos, err = tx.markDue(ctx, now, query, args...)
		return err
	})
	return repos, err
}

func (tx *writeTx) markDue(ctx context.Context, now time.Time, query string, args ...any) (repos []int64, err error) {
	type marked struct {
		repo int64
		name string
	}
	all, err := collect(ctx, tx, func(rows *sql.Rows, m *marked) error { return rows.Scan(&m.repo, &m.name) }, query, args...)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for _, m := range all {
		repos = append(repos, m.repo)
		keys[store.ReconcileKey(m.repo, m.name)] = true
	}
	for key := range keys {
		if err := tx.enqueue(ctx, store.WorkReconcile, key, now); err != nil {
			return nil, err
		}
	}
	slices.Sort(repos)
	return slices.Compact(repos), nil
}
