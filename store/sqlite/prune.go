package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// CompleteSnapshot is [DB.Snapshot] with every Promotion that is stored, which is
// what [pipeline.Expired] has to see.
func (db *DB) CompleteSnapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error) {
	var s pipeline.Snapshot
	err := db.read(ctx, fmt.Sprintf("load complete snapshot of repository %d", repoID), func(tx querier) error {
		l := loader{tx: tx, repoID: repoID, db: db}
		if err := l.load(ctx, &s); err != nil {
			return err
		}
		var err error
		s.Promotions, err = promotions(ctx, newResolver(tx, repoID, db.memory, s.Freight), selectAllPromotions, repoID)
		return err
	})
	if err != nil {
		return pipeline.Snapshot{}, err
	}
	return s, nil
}

const selectAllPromotions = selectPromotion + `WHERE p.repo = ? ORDER BY p.stage, p.seq`

// commentMemory is for how long it is remembered which comments there are, so that a
// pull request that is open for long keeps its one comment.
const commentMemory = 365 * 24 * time.Hour

// Prune deletes what a repository need not keep any longer, and what only that
// referred to. What is in use stays, whatever e says: Promotions that have not
// ended, whose end was not reported, or that a hold or an open VerificationRun
// refers to; Freight that is current somewhere, part of something under way, or
// held; the runs that a [DB.Snapshot] holds; intents that nobody answered; what was
// published of Promotions and VerificationRuns that stay.
func (db *DB) Prune(ctx context.Context, repoID int64, e store.Expired, now time.Time) (store.Pruned, error) {
	var n store.Pruned
	err := db.write(ctx, fmt.Sprintf("prune repository %d", repoID), func(tx *writeTx) error {
		n = store.Pruned{}
		freed := map[specHash]bool{}
		for _, id := range e.Promotions {
			deleted, err := tx.deletePromotion(ctx, repoID, id, freed)
			if err != nil {
				return fmt.Errorf("promotion %s: %w", id, err)
			}
			n.Promotions += deleted
		}
		for _, id := range e.Freight {
			deleted, err := tx.expireFreight(ctx, repoID, id, now)
			if err != nil {
				return fmt.Errorf("freight %s: %w", pipeline.Short(id), err)
			}
			n.Freight += deleted
		}
		var err error
		if n.Verifications, err = tx.pruneVerifications(ctx, repoID, e.Before, freed); err != nil {
			return fmt.Errorf("verifications: %w", err)
		}
		if _, err = tx.exec(ctx, purgeFreight, repoID); err != nil {
			return fmt.Errorf("deleted freight: %w", err)
		}
		if n.Intents, err = tx.exec(ctx, pruneIntents, repoID, micros(e.Before)); err != nil {
			return fmt.Errorf("intents: %w", err)
		}
		if n.Remotes, err = tx.exec(ctx, pruneRemotes, repoID, micros(e.Before), micros(now.Add(-commentMemory))); err != nil {
			return fmt.Errorf("published objects: %w", err)
		}
		if n.Specs, err = tx.pruneSpecs(ctx, freed); err != nil {
			return fmt.Errorf("specs: %w", err)
		}
		return nil
	})
	return n, err
}

const (
	promotionInUse = `
SELECT phase IN ('Pending', 'Running') OR reported = 0
	OR EXISTS (SELECT 1 FROM hold AS h WHERE h.repo = p.repo AND h.stage = p.stage AND h.promotion = p.id)
	OR EXISTS (
		SELECT 1 FROM verification AS v
		WHERE v.repo = p.repo AND v.stage = p.stage AND v.promotion = p.id AND v.phase IN ('Pending', 'Running'))
FROM promotion AS p WHERE p.repo = ? AND p.id = ?`

	// Deleted Freight goes when nothing names it any more.
	purgeFreight = `
DELETE FROM freight WHERE repo = ?1 AND deleted_at IS NOT NULL AND id NOT IN (
	SELECT freight FROM promotion WHERE repo = ?1
	UNION
	SELECT previous FROM promotion WHERE repo = ?1 AND previous IS NOT NULL
	UNION
	SELECT c.value FROM promotion AS p, json_each(p.collection) AS c WHERE p.repo = ?1
	UNION
	SELECT c.value FROM verification AS v, json_each(v.collection) AS c WHERE v.repo = ?1
	UNION
	SELECT freight FROM hold WHERE repo = ?1 AND freight IS NOT NULL)`

	// The newest run of a collection is its result as long as its Freight exists.
	expiredVerifications = `
SELECT v.id FROM verification AS v JOIN stage AS s ON s.repo = v.repo AND s.name = v.stage
WHERE v.repo = ?1 AND v.finished_at < ?2 AND v.reported = 1 AND v.phase NOT IN ('Pending', 'Running')
  AND v.seq <= s.verifications - ?3
  AND (v.newest = 0 OR EXISTS (
	SELECT 1 FROM json_each(v.collection) AS c
	WHERE NOT EXISTS (SELECT 1 FROM freight AS f WHERE f.repo = v.repo AND f.id = c.value AND f.deleted_at IS NULL)))`

	pruneIntents = `DELETE FROM intent WHERE repo = ? AND answered_at < ?`

	// What is forgotten is created anew, should there be anything new to say: of a
	// commit or a Promotion that old there is not.
	pruneRemotes = `
DELETE FROM remote
WHERE repo = ?1 AND begun_at < CASE kind WHEN 'comment' THEN ?3 ELSE ?2 END
  AND NOT EXISTS (SELECT 1 FROM promotion AS p WHERE p.repo = ?1 AND p.id = ` + remoteSubject + `)
  AND NOT EXISTS (SELECT 1 FROM verification AS v WHERE v.repo = ?1 AND v.id = ` + remoteSubject + `)`
	remoteSubject = `substr(remote.key, 1, instr(replace(remote.key, '@', ' ') || ' ', ' ') - 1)`

	pruneSpecs = `
DELETE FROM spec
WHERE hash IN (SELECT unhex(value) FROM json_each(?))
  AND NOT EXISTS (SELECT 1 FROM promotion AS p WHERE p.spec = hash)
  AND NOT EXISTS (SELECT 1 FROM verification AS v WHERE v.spec = hash)`
)

// deletePromotion deletes a Promotion that is not in use and notes its spec in
// freed.
func (tx *writeTx) deletePromotion(ctx context.Context, repoID int64, id string, freed map[specHash]bool) (int, error) {
	used, err := collect(ctx, tx, scanTo[bool], promotionInUse, repoID, id)
	if err != nil || len(used) == 0 || used[0] {
		return 0, err
	}
	for _, statement := range []string{
		`DELETE FROM wait WHERE repo = ? AND promotion = ?`,
		`DELETE FROM promotion_approval WHERE repo = ? AND promotion = ?`,
		`DELETE FROM promotion_answer WHERE repo = ? AND promotion = ?`,
	} {
		if _, err := tx.exec(ctx, statement, repoID, id); err != nil {
			return 0, err
		}
	}
	type gone struct {
		stage, freight string
		newest         bool
		hash           specHash
	}
	g, err := one(ctx, tx, func(rows *sql.Rows, g *gone) error { return rows.Scan(&g.stage, &g.freight, &g.newest, &g.hash) },
		`DELETE FROM promotion WHERE repo = ? AND id = ? RETURNING stage, freight, newest, spec`, repoID, id)
	if err != nil {
		return 0, err
	}
	freed[g.hash] = true
	if g.newest {
		err = tx.setNewest(ctx, repoID, g.stage, g.freight)
	}
	return 1, err
}

func (tx *writeTx) expireFreight(ctx context.Context, repoID int64, id string, now time.Time) (int, error) {
	use, err := one(ctx, tx, scanTo[string], freightInUse, repoID, id)
	if err != nil || use != "" {
		return 0, err
	}
	held, err := one(ctx, tx, scanTo[int], `SELECT count(*) FROM hold WHERE repo = ? AND freight = ?`, repoID, id)
	if err != nil || held > 0 {
		return 0, err
	}
	deleted, err := tx.hideFreight(ctx, repoID, id, now)
	if err != nil || !deleted {
		return 0, err
	}
	return 1, nil
}

func (tx *writeTx) pruneVerifications(ctx context.Context, repoID int64, before time.Time, freed map[specHash]bool) (int, error) {
	ids, err := collect(ctx, tx, scanTo[string], expiredVerifications, repoID, micros(before), recentVerifications)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if _, err := tx.exec(ctx, `
DELETE FROM verification_wait WHERE repo = ? AND verification IN (SELECT value FROM json_each(?))`, repoID, list(ids)); err != nil {
		return 0, err
	}
	hashes, err := collect(ctx, tx, scanTo[specHash], `
DELETE FROM verification WHERE repo = ? AND id IN (SELECT value FROM json_each(?)) RETURNING spec`, repoID, list(ids))
	for _, hash := range hashes {
		freed[hash] = true
	}
	return len(hashes), err
}

// pruneSpecs deletes those specs that nothing has any more.
func (tx *writeTx) pruneSpecs(ctx context.Context, freed map[specHash]bool) (int, error) {
	if len(freed) == 0 {
		return 0, nil
	}
	hashes := make([]string, 0, len(freed))
	for hash := range freed {
		hashes = append(hashes, hex.EncodeToString(hash[:]))
	}
	return tx.exec(ctx, pruneSpecs, list(hashes))
}
