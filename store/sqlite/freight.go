package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// artifacts is the part of Freight that no query looks into.
type artifacts struct {
	Images  []pipeline.Image  `json:"images,omitempty"`
	Commits []pipeline.Commit `json:"commits,omitempty"`
	Charts  []pipeline.Chart  `json:"charts,omitempty"`
}

const freightColumns = `freight.id, freight.alias, freight.warehouse, freight.discovered_at, freight.artifacts,
	(SELECT json_group_object(m.key, json(m.value)) FROM freight_metadata AS m
	 WHERE m.repo = freight.repo AND m.freight = freight.id HAVING count(*) > 0)`

func scanFreight(rows *sql.Rows, f *pipeline.Freight) error {
	var a artifacts
	err := rows.Scan(&f.ID, &f.Alias, &f.Warehouse, scanTime(&f.DiscoveredAt), scanJSON(&a), scanJSON(&f.Metadata))
	f.Images, f.Commits, f.Charts = a.Images, a.Commits, a.Charts
	return err
}

// createFreight is idempotent by id; the Freight that came first stays, unless it
// was deleted.
func (a *applier) createFreight(ctx context.Context, f pipeline.Freight) (outcome, error) {
	text, err := jsonText(artifacts{f.Images, f.Commits, f.Charts})
	if err != nil {
		return outcome{}, err
	}
	n, err := a.tx.exec(ctx, `
INSERT INTO freight (repo, id, alias, warehouse, discovered_at, artifacts) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (repo, id) DO UPDATE SET
	alias = excluded.alias, discovered_at = excluded.discovered_at, artifacts = excluded.artifacts, deleted_at = NULL
WHERE deleted_at IS NOT NULL`, a.repoID, f.ID, f.Alias, f.Warehouse, micros(f.DiscoveredAt), text)
	if err != nil {
		return outcome{}, fmt.Errorf("create freight %s (%s): %w", pipeline.Short(f.ID), f.Alias, err)
	}
	if n == 0 {
		return refused("Freight with these artifacts exists already: %s", pipeline.Short(f.ID)), nil
	}
	for key, value := range f.Metadata {
		if err := a.tx.putMetadata(ctx, a.repoID, f.ID, key, value); err != nil {
			return outcome{}, err
		}
	}
	return outcome{changed: true, freight: f.ID}, nil
}

const freightInUse = `
SELECT CASE
	WHEN EXISTS (SELECT 1 FROM mark INDEXED BY mark_freight WHERE repo = ?1 AND freight = ?2 AND current_since IS NOT NULL)
	THEN 'is current in a Stage'
	WHEN EXISTS (
		SELECT 1 FROM promotion AS p INDEXED BY promotion_open JOIN json_each(p.collection) AS c
		WHERE p.repo = ?1 AND p.phase IN ('Pending', 'Running') AND ?2 IN (p.freight, c.value))
	THEN 'is part of a Promotion that has not ended'
	WHEN EXISTS (
		SELECT 1 FROM verification AS v INDEXED BY verification_open JOIN json_each(v.collection) AS c
		WHERE v.repo = ?1 AND v.phase IN ('Pending', 'Running') AND c.value = ?2)
	THEN 'is being verified'
	ELSE '' END`

// deleteFreight forgets Freight that is not in use, and everything known of it in
// Stages. Its row stays for the Promotions that carried it, out of sight.
func (a *applier) deleteFreight(ctx context.Context, id string) (outcome, error) {
	use, err := one(ctx, a.tx, scanTo[string], freightInUse, a.repoID, id)
	if err != nil {
		return outcome{}, err
	}
	if use != "" {
		return refused("Freight %s %s", pipeline.Short(id), use), nil
	}
	deleted, err := a.tx.hideFreight(ctx, a.repoID, id, a.now)
	return outcome{changed: deleted, freight: id}, err
}

func (a *applier) renameFreight(ctx context.Context, id, alias string) (outcome, error) {
	n, err := a.tx.exec(ctx, `UPDATE freight SET alias = ? WHERE repo = ? AND id = ? AND alias <> ? AND deleted_at IS NULL`,
		alias, a.repoID, id, alias)
	if constraint(err) {
		return refused("other Freight is called %s already", alias), nil
	}
	return outcome{changed: n == 1, freight: id}, err
}

// CurrentFreight returns the Freight of one Warehouse that is current in a
// Stage, nil when none is.
func (db *DB) CurrentFreight(ctx context.Context, repoID int64, stage, warehouse string) (*pipeline.Freight, error) {
	f, err := currentFreight(ctx, db.reads, repoID, stage, warehouse)
	if err != nil {
		return nil, fmt.Errorf("load current freight of %s: %w", stage, err)
	}
	return f, nil
}

func currentFreight(ctx context.Context, q querier, repoID int64, stage, warehouse string) (*pipeline.Freight, error) {
	f, err := one(ctx, q, scanFreight, `
SELECT `+freightColumns+` FROM mark JOIN freight ON freight.repo = mark.repo AND freight.id = mark.freight
WHERE mark.repo = ? AND mark.stage = ? AND mark.warehouse = ? AND mark.current_since IS NOT NULL`, repoID, stage, warehouse)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // a Stage without current Freight is ordinary
	case err != nil:
		return nil, err
	}
	return &f, nil
}
