package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

const selectFreightMarks = `
SELECT (SELECT json_group_object(d.key, json(d.value)) FROM freight_metadata AS d
		WHERE d.repo = f.repo AND d.freight = f.id HAVING count(*) > 0),
	coalesce(m.stage, ''), m.verified_at, m.approved_at, m.current_since, m.left_at, coalesce(m.longest_soak, 0)
FROM freight AS f LEFT JOIN mark AS m INDEXED BY mark_freight ON m.repo = f.repo AND m.freight = f.id
WHERE f.repo = ? AND f.id = ? AND f.pipeline = ? AND f.deleted_at IS NULL ORDER BY m.stage`

// FreightMarks returns what happened to Freight of a pipeline, by Stage, and what steps
// noted about it, nil for nothing. Unknown Freight, and that of another pipeline, is
// [store.ErrNotFound].
func (db *DB) FreightMarks(ctx context.Context, repoID int64, name, freight string) ([]pipeline.Mark, map[string]any, error) {
	type row struct {
		pipeline.Mark
		metadata map[string]any
	}
	rows, err := collect(ctx, db.reads, func(rows *sql.Rows, r *row) error {
		var soak int64
		err := rows.Scan(scanJSON(&r.metadata), &r.Stage, scanTime(&r.VerifiedAt), scanTime(&r.ApprovedAt), scanTime(&r.CurrentSince), scanTime(&r.LeftAt), &soak)
		r.Freight, r.LongestSoak = freight, time.Duration(soak)*time.Microsecond
		return err
	}, selectFreightMarks, repoID, freight, name)
	if err == nil && len(rows) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load marks of freight %s: %w", freight, err)
	}
	var marks []pipeline.Mark
	for _, r := range rows {
		if r.Stage != "" {
			marks = append(marks, r.Mark)
		}
	}
	return marks, rows[0].metadata, nil
}

// markVerified records the first verification of Freight in a Stage.
func (tx *writeTx) markVerified(ctx context.Context, repoID int64, stage, freight string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `
INSERT INTO mark (repo, stage, freight, warehouse, verified_at)
SELECT repo, ?, id, warehouse, ? FROM freight WHERE repo = ? AND id = ? AND deleted_at IS NULL
ON CONFLICT (repo, stage, freight) DO UPDATE SET verified_at = excluded.verified_at WHERE verified_at IS NULL`,
		stage, micros(now), repoID, freight)
	return n == 1, err
}

// revokeVerified takes back that Freight is verified in a Stage.
func (tx *writeTx) revokeVerified(ctx context.Context, repoID int64, stage, freight string) error {
	_, err := tx.exec(ctx, `
UPDATE mark SET verified_at = NULL WHERE repo = ? AND stage = ? AND freight = ? AND verified_at IS NOT NULL`,
		repoID, stage, freight)
	return err
}

// markApproved records the first approval of Freight for a Stage.
func (tx *writeTx) markApproved(ctx context.Context, repoID int64, stage, freight string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `
INSERT INTO mark (repo, stage, freight, warehouse, approved_at)
SELECT repo, ?, id, warehouse, ? FROM freight WHERE repo = ? AND id = ? AND deleted_at IS NULL
ON CONFLICT (repo, stage, freight) DO UPDATE SET approved_at = excluded.approved_at WHERE approved_at IS NULL`,
		stage, micros(now), repoID, freight)
	return n == 1, err
}

// occupy makes Freight current in a Stage. What was current of the same
// Warehouse leaves: its stay counts as soak only if it was verified there, and
// only when it is the longest, as in Kargo. Freight that is current already
// stays, and its clock is not reset.
func (tx *writeTx) occupy(ctx context.Context, repoID int64, stage, freight string, now time.Time) (bool, error) {
	if _, err := tx.exec(ctx, `
UPDATE mark SET
	longest_soak  = CASE WHEN verified_at IS NULL THEN longest_soak ELSE max(longest_soak, ?1 - current_since) END,
	current_since = NULL,
	left_at       = ?1
WHERE repo = ?2 AND stage = ?3 AND freight <> ?4 AND current_since IS NOT NULL
  AND warehouse = (SELECT warehouse FROM freight WHERE repo = ?2 AND id = ?4 AND deleted_at IS NULL)`,
		micros(now), repoID, stage, freight); err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, `
INSERT INTO mark (repo, stage, freight, warehouse, current_since)
SELECT repo, ?, id, warehouse, ? FROM freight WHERE repo = ? AND id = ? AND deleted_at IS NULL
ON CONFLICT (repo, stage, freight) DO UPDATE SET current_since = excluded.current_since WHERE current_since IS NULL`,
		stage, micros(now), repoID, freight)
	return n == 1, err
}
