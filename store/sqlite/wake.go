package sqlite

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/store"
)

// signalMemory is how long an event is remembered for Promotions that were
// looking while it happened; longer than any pass over a Stage takes.
const signalMemory = time.Hour

const wakeSQL = `
SELECT repo || '/' || stage FROM wait WHERE event IN (SELECT value FROM json_each(?1))
UNION
SELECT repo || '/' || stage FROM verification_wait WHERE event IN (SELECT value FROM json_each(?1))
UNION
SELECT repo || '/' || stage FROM health_wait WHERE event IN (SELECT value FROM json_each(?1))`

// waits are the statements about the events that something waits for.
type waits struct{ clear, add string }

var (
	promotionWaits = waits{
		clear: `DELETE FROM wait WHERE repo = ? AND promotion = ?`,
		add:   `INSERT INTO wait (event, repo, promotion, stage) SELECT DISTINCT value, ?, ?, ? FROM json_each(?)`,
	}
	verificationWaits = waits{
		clear: `DELETE FROM verification_wait WHERE repo = ? AND verification = ?`,
		add:   `INSERT INTO verification_wait (event, repo, verification, stage) SELECT DISTINCT value, ?, ?, ? FROM json_each(?)`,
	}
	// What waits here is the Stage itself.
	healthWaits = waits{
		clear: `DELETE FROM health_wait WHERE repo = ? AND stage = ?`,
		add:   `INSERT INTO health_wait (event, repo, stage) SELECT DISTINCT value, ?1, ?2 FROM json_each(?4)`,
	}
)

// Wake makes every Stage due whose running step, VerificationRun or health waits for
// one of the events, and returns how many there are. What looked before the event and
// has not said yet that it waits is woken too, by [DB.SavePromotion],
// [DB.SaveVerification] and [DB.SaveHealth].
func (db *DB) Wake(ctx context.Context, events []string, now time.Time) (n int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	err = db.write(ctx, "wake stages", func(tx *writeTx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM signal WHERE at < ?`, micros(now.Add(-signalMemory))); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO signal (event, at) SELECT DISTINCT value, ? FROM json_each(?)`,
			micros(now), list(events)); err != nil {
			return err
		}
		keys, err := collect(ctx, tx, scanTo[string], wakeSQL, list(events))
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := tx.enqueue(ctx, store.WorkStage, key, now); err != nil {
				return err
			}
		}
		n = len(keys)
		return nil
	})
	return n, err
}

// setWaits replaces the events that a Promotion or VerificationRun waits for. When
// one of them happened since the holder of j claimed it, the Stage becomes due
// again at once: the pass looked too early to see it.
func (tx *writeTx) setWaits(ctx context.Context, w waits, repoID int64, id, stage string, events []string, j store.Job) error {
	if _, err := tx.ExecContext(ctx, w.clear, repoID, id); err != nil {
		return err
	}
	if len(events) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, w.add, repoID, id, stage, list(events)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
UPDATE work SET due = min(coalesce(due, claimed_due), claimed_due)
WHERE kind = ? AND key = ? AND EXISTS (
	SELECT 1 FROM signal WHERE seq > work.signal_seq AND event IN (SELECT value FROM json_each(?)))`,
		j.Kind, j.Key, list(events))
	return err
}
