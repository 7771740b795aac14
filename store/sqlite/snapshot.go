package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// Snapshot returns everything that [pipeline.Decide] may know, at one moment, of
// all pipelines of a repository, except Matches, which are not stored. Its Freeze
// is that of the root pipeline. Marks are by Stage and Freight. Promotions are
// those that have not ended, the newest ended one of every Stage and Freight, and
// the newest 20 of every Stage; Verifications those that have not ended, the newest
// ended one of every Stage and collection, and the newest 10 of every Stage; both
// by Stage and Seq. An unknown repository is [store.ErrNotFound].
//
// What Stages, vars and Freight consist of is shared with other snapshots: the
// caller may replace it, but not modify it.
func (db *DB) Snapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error) {
	return db.snapshot(ctx, repoID, sql.NullString{})
}

// PipelineSnapshot is [DB.Snapshot] for what belongs to one pipeline: the one with
// that name, or the root pipeline, whose Warehouses and Stages have no slash in
// their names, when it is empty.
func (db *DB) PipelineSnapshot(ctx context.Context, repoID int64, name string) (pipeline.Snapshot, error) {
	return db.snapshot(ctx, repoID, text(name))
}

func (db *DB) snapshot(ctx context.Context, repoID int64, name sql.NullString) (pipeline.Snapshot, error) {
	var s pipeline.Snapshot
	err := db.read(ctx, fmt.Sprintf("load snapshot of repository %d", repoID), func(tx querier) error {
		l := loader{tx: tx, repoID: repoID, name: name, db: db}
		return l.load(ctx, &s)
	})
	if err != nil {
		return pipeline.Snapshot{}, err
	}
	return s, nil
}

// loader loads one snapshot. The pipeline's name is NULL for all.
type loader struct {
	tx     querier
	repoID int64
	name   sql.NullString
	db     *DB
}

func (l *loader) load(ctx context.Context, s *pipeline.Snapshot) (err error) {
	*s, err = one(ctx, l.tx, func(rows *sql.Rows, s *pipeline.Snapshot) error {
		return rows.Scan(&s.Repo.ID, &s.Repo.Owner, &s.Repo.Name, &s.ConfigSHA)
	}, `SELECT id, owner, name, config_sha FROM repo WHERE id = ?`, l.repoID)
	if err != nil {
		return err
	}
	if s.Discoveries, s.Failures, err = l.discoveries(ctx); err != nil {
		return fmt.Errorf("discoveries: %w", err)
	}
	if s.Freight, err = l.freight(ctx); err != nil {
		return fmt.Errorf("freight: %w", err)
	}
	if s.Holds, err = l.holds(ctx); err != nil {
		return fmt.Errorf("holds: %w", err)
	}
	if s.Health, err = l.health(ctx); err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if s.Freeze, err = loadFreeze(ctx, l.tx, l.repoID, l.name.String); err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	if s.Intents, err = openIntents(ctx, l.tx, l.repoID, l.name); err != nil {
		return fmt.Errorf("intents: %w", err)
	}
	return l.stages(ctx, s)
}

const (
	// The index is read as far as the pipeline's Freight goes.
	selectAllFreight      = `SELECT ` + freightColumns + ` FROM freight WHERE repo = ? AND deleted_at IS NULL`
	selectPipelineFreight = `SELECT ` + freightColumns + ` FROM freight INDEXED BY freight_alias
WHERE repo = ? AND deleted_at IS NULL AND pipeline = ?`
)

func (l *loader) freight(ctx context.Context) ([]pipeline.Freight, error) {
	if !l.name.Valid {
		return collect(ctx, l.tx, scanFreight, selectAllFreight, l.repoID)
	}
	return collect(ctx, l.tx, scanFreight, selectPipelineFreight, l.repoID, l.name.String)
}

func (l *loader) holds(ctx context.Context) ([]pipeline.Hold, error) {
	all, err := collect(ctx, l.tx, scanHold, selectHolds, l.repoID)
	if err != nil || !l.name.Valid {
		return all, err
	}
	var mine []pipeline.Hold
	for _, h := range all {
		if pipeline.Qualifier(h.Stage) == l.name.String {
			mine = append(mine, h)
		}
	}
	return mine, nil
}

func (l *loader) discoveries(ctx context.Context) (found map[string]pipeline.Discovery, failures map[string]string, err error) {
	type named struct {
		name, failure string
		seen          bool
		discovery     pipeline.Discovery
	}
	all, err := collect(ctx, l.tx, func(rows *sql.Rows, n *named) error {
		return rows.Scan(&n.name, &n.failure, &n.seen, scanJSON(&n.discovery))
	}, `SELECT name, error, discovery IS NOT NULL, discovery FROM warehouse WHERE repo = ?1`+ofPipeline, l.repoID, l.name)
	if err != nil {
		return nil, nil, err
	}
	found = make(map[string]pipeline.Discovery, len(all))
	for _, n := range all {
		if n.seen {
			found[n.name] = n.discovery
		}
		if n.failure != "" {
			if failures == nil {
				failures = map[string]string{}
			}
			failures[n.name] = n.failure
		}
	}
	return found, failures, nil
}
