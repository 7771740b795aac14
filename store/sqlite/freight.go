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

const freightColumns = `freight.id, freight.alias, freight.warehouse, freight.discovered_at, freight.artifacts`

func scanFreight(rows *sql.Rows, f *pipeline.Freight) error {
	var a artifacts
	err := rows.Scan(&f.ID, &f.Alias, &f.Warehouse, scanTime(&f.DiscoveredAt), scanJSON(&a))
	f.Images, f.Commits, f.Charts = a.Images, a.Commits, a.Charts
	return err
}

// createFreight is idempotent by id; the Freight that came first stays.
func (tx *writeTx) createFreight(ctx context.Context, repoID int64, f pipeline.Freight) (created bool, err error) {
	text, err := jsonText(artifacts{f.Images, f.Commits, f.Charts})
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, `
INSERT INTO freight (repo, id, alias, warehouse, discovered_at, artifacts) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (repo, id) DO NOTHING`, repoID, f.ID, f.Alias, f.Warehouse, micros(f.DiscoveredAt), text)
	if err != nil {
		return false, fmt.Errorf("create freight %s (%s): %w", pipeline.Short(f.ID), f.Alias, err)
	}
	return n == 1, nil
}

// CurrentFreight returns the Freight of one Warehouse that is current in a
// Stage, nil when none is.
func (db *DB) CurrentFreight(ctx context.Context, repoID int64, stage, warehouse string) (*pipeline.Freight, error) {
	f, err := one(ctx, db.reader, scanFreight, `
SELECT `+freightColumns+` FROM mark JOIN freight ON freight.repo = mark.repo AND freight.id = mark.freight
WHERE mark.repo = ? AND mark.stage = ? AND mark.warehouse = ? AND mark.current_since IS NOT NULL`, repoID, stage, warehouse)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // a Stage without current Freight is ordinary
	case err != nil:
		return nil, fmt.Errorf("load current freight of %s: %w", stage, err)
	}
	return &f, nil
}
