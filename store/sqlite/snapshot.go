package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// recentPromotions is how many Promotions of every Stage a snapshot holds at
// least, so that status pages need no second look.
const recentPromotions = 20

// The order of a CROSS JOIN is kept: first the Stages, then the few rows of each.
const snapshotPromotions = `
WHERE p.rowid IN (
	SELECT rowid FROM promotion INDEXED BY promotion_open WHERE repo = ?1 AND phase IN ('Pending', 'Running')
	UNION
	SELECT rowid FROM promotion INDEXED BY promotion_newest WHERE repo = ?1 AND newest = 1
	UNION
	SELECT recent.rowid
	FROM (SELECT stage, max(seq) AS top FROM promotion WHERE repo = ?1 GROUP BY stage) AS s
	CROSS JOIN promotion AS recent ON recent.repo = ?1 AND recent.stage = s.stage AND recent.seq > s.top - ?2)
ORDER BY p.stage, p.seq`

// Snapshot returns everything that [pipeline.Decide] may know, at one moment,
// except Matches, which are not stored. Promotions are those that have not
// ended, the newest ended one of every Stage and Freight, and the newest 20 of
// every Stage, by Stage and Seq. An unknown repository is [store.ErrNotFound].
func (db *DB) Snapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error) {
	var s pipeline.Snapshot
	err := db.read(ctx, fmt.Sprintf("load snapshot of repository %d", repoID), func(tx *sql.Tx) error {
		return loadSnapshot(ctx, tx, repoID, &s)
	})
	if err != nil {
		return pipeline.Snapshot{}, err
	}
	return s, nil
}

func loadSnapshot(ctx context.Context, tx *sql.Tx, repoID int64, s *pipeline.Snapshot) (err error) {
	*s, err = one(ctx, tx, func(rows *sql.Rows, s *pipeline.Snapshot) error {
		return rows.Scan(&s.Repo.ID, &s.Repo.Owner, &s.Repo.Name, &s.ConfigSHA)
	}, `SELECT id, owner, name, config_sha FROM repo WHERE id = ?`, repoID)
	if err != nil {
		return err
	}
	if s.Discoveries, err = discoveries(ctx, tx, repoID); err != nil {
		return fmt.Errorf("discoveries: %w", err)
	}
	s.Freight, err = collect(ctx, tx, scanFreight, `SELECT `+freightColumns+` FROM freight WHERE repo = ?`, repoID)
	if err != nil {
		return fmt.Errorf("freight: %w", err)
	}
	if s.Marks, err = collect(ctx, tx, scanMark, `
SELECT stage, freight, verified_at, approved_at, current_since, longest_soak FROM mark WHERE repo = ?`, repoID); err != nil {
		return fmt.Errorf("marks: %w", err)
	}
	if s.Holds, err = collect(ctx, tx, scanHold, `
SELECT stage, warehouse, freight, promotion, actor, created_at FROM hold WHERE repo = ?`, repoID); err != nil {
		return fmt.Errorf("holds: %w", err)
	}
	freight := make(map[string]pipeline.Freight, len(s.Freight))
	for _, f := range s.Freight {
		freight[f.ID] = f
	}
	if s.Promotions, err = promotions(ctx, tx, repoID, freight, selectPromotion+snapshotPromotions, repoID, recentPromotions); err != nil {
		return err
	}
	if s.Intents, err = openIntents(ctx, tx, repoID); err != nil {
		return fmt.Errorf("intents: %w", err)
	}
	return nil
}

func discoveries(ctx context.Context, tx *sql.Tx, repoID int64) (map[string]pipeline.Discovery, error) {
	type named struct {
		name      string
		discovery pipeline.Discovery
	}
	all, err := collect(ctx, tx, func(rows *sql.Rows, n *named) error {
		return rows.Scan(&n.name, scanJSON(&n.discovery))
	}, `SELECT name, discovery FROM warehouse WHERE repo = ? AND discovery IS NOT NULL`, repoID)
	if err != nil {
		return nil, err
	}
	m := make(map[string]pipeline.Discovery, len(all))
	for _, n := range all {
		m[n.name] = n.discovery
	}
	return m, nil
}

func scanMark(rows *sql.Rows, m *pipeline.Mark) error {
	var soak int64
	err := rows.Scan(&m.Stage, &m.Freight, scanTime(&m.VerifiedAt), scanTime(&m.ApprovedAt), scanTime(&m.CurrentSince), &soak)
	m.LongestSoak = time.Duration(soak) * time.Microsecond
	return err
}

func scanHold(rows *sql.Rows, h *pipeline.Hold) error {
	return rows.Scan(&h.Stage, &h.Warehouse, &h.Freight, &h.Promotion, &h.Actor, scanTime(&h.CreatedAt))
}
