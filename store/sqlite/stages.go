package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// How much of every Stage a snapshot holds at least, so that status pages need no
// second look.
const (
	recentPromotions    = 20
	recentVerifications = 10
)

// The order of a CROSS JOIN is kept: first the Stages, whose names are ?2, then the
// few rows of each.
const (
	selectMarks = `
SELECT m.stage, m.freight, m.verified_at, m.approved_at, m.current_since, m.left_at, m.longest_soak
FROM json_each(?2) AS k CROSS JOIN mark AS m ON m.repo = ?1 AND m.stage = k.value ORDER BY k.key, m.freight`

	snapshotPromotions = `
WHERE p.rowid IN (
	SELECT o.rowid FROM json_each(?2) AS k CROSS JOIN promotion AS o INDEXED BY promotion_open
		ON o.repo = ?1 AND o.stage = k.value AND o.phase IN ('Pending', 'Running')
	UNION
	SELECT n.rowid FROM json_each(?2) AS k CROSS JOIN promotion AS n INDEXED BY promotion_newest
		ON n.repo = ?1 AND n.stage = k.value AND n.newest = 1
	UNION
	SELECT recent.rowid FROM json_each(?2) AS k CROSS JOIN stage AS s ON s.repo = ?1 AND s.name = k.value
		CROSS JOIN promotion AS recent ON recent.repo = ?1 AND recent.stage = k.value AND recent.seq > s.promotions - ?3)
ORDER BY p.stage, p.seq`

	snapshotVerifications = `
WHERE v.rowid IN (
	SELECT o.rowid FROM json_each(?2) AS k CROSS JOIN verification AS o INDEXED BY verification_open
		ON o.repo = ?1 AND o.stage = k.value AND o.phase IN ('Pending', 'Running')
	UNION
	SELECT n.rowid FROM json_each(?2) AS k CROSS JOIN verification AS n INDEXED BY verification_newest
		ON n.repo = ?1 AND n.stage = k.value AND n.newest = 1
	UNION
	SELECT recent.rowid FROM json_each(?2) AS k CROSS JOIN stage AS s ON s.repo = ?1 AND s.name = k.value
		CROSS JOIN verification AS recent ON recent.repo = ?1 AND recent.stage = k.value AND recent.seq > s.verifications - ?3)
ORDER BY v.stage, v.seq`
)

// stages loads what is known of every Stage.
func (l *loader) stages(ctx context.Context, s *pipeline.Snapshot) error {
	names, err := collect(ctx, l.tx, scanTo[string],
		`SELECT name FROM stage WHERE repo = ?1 AND (?2 IS NULL OR pipeline = ?2) ORDER BY name`, l.repoID, l.name)
	if err != nil {
		return err
	}
	if s.Marks, err = collect(ctx, l.tx, scanMark, selectMarks, l.repoID, list(names)); err != nil {
		return fmt.Errorf("marks: %w", err)
	}
	known := make(map[string]pipeline.Freight, len(s.Freight))
	for _, f := range s.Freight {
		known[f.ID] = f
	}
	r := newResolver(l.tx, l.repoID, l.db.specs, known)
	if s.Promotions, err = promotions(ctx, r, selectPromotion+snapshotPromotions, l.repoID, list(names), recentPromotions); err != nil {
		return err
	}
	s.Verifications, err = verifications(ctx, r, selectVerification+snapshotVerifications, l.repoID, list(names), recentVerifications)
	return err
}

func scanMark(rows *sql.Rows, m *pipeline.Mark) error {
	var soak int64
	err := rows.Scan(&m.Stage, &m.Freight, scanTime(&m.VerifiedAt), scanTime(&m.ApprovedAt), scanTime(&m.CurrentSince),
		scanTime(&m.LeftAt), &soak)
	m.LongestSoak = time.Duration(soak) * time.Microsecond
	return err
}
