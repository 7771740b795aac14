package sqlite

import (
	"context"
	"time"
)

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
