package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/store"
)

const enqueueSQL = `
INSERT INTO work (kind, key, due, token) VALUES (?, ?, ?, (SELECT token FROM fence))
ON CONFLICT (kind, key) DO UPDATE SET due = min(coalesce(due, excluded.due), excluded.due)`

// claimSQL takes, among the first free row of every kind and the expired
// leases, the one that has been due longest. Each part reads one partial index;
// the plus sign keeps SQLite from reading all rows of a kind instead.
const claimSQL = `
UPDATE work SET
	token        = token + 1,
	claimed_due  = min(coalesce(claimed_due, due), coalesce(due, claimed_due)),
	due          = NULL,
	leased_until = ?3,
	signal_seq   = (SELECT coalesce(max(seq), 0) FROM signal)
WHERE (kind, key) = (
	SELECT w.kind, w.key FROM (
		SELECT free.kind, free.key, free.due
		FROM json_each(?1) AS k
		JOIN work AS free ON free.kind = k.value AND free.key = (
			SELECT key FROM work
			WHERE kind = k.value AND leased_until IS NULL AND due <= ?2
			ORDER BY due LIMIT 1)
		UNION ALL
		SELECT kind, key, claimed_due FROM work
		WHERE leased_until <= ?2 AND +kind IN (SELECT value FROM json_each(?1))
	) AS w ORDER BY w.due LIMIT 1)
RETURNING kind, key, claimed_due, attempts, token`

const nextDueSQL = `
SELECT min(at) FROM (
	SELECT (SELECT min(due) FROM work WHERE kind = k.value AND leased_until IS NULL) AS at FROM json_each(?1) AS k
	UNION ALL
	SELECT min(leased_until) FROM work WHERE leased_until IS NOT NULL AND +kind IN (SELECT value FROM json_each(?1)))`

const releaseAllSQL = `
UPDATE work SET due = min(coalesce(due, claimed_due), claimed_due), leased_until = NULL, claimed_due = NULL
WHERE leased_until IS NOT NULL`

// Enqueue asks for a job. One that waits becomes due at the earlier of the two
// times. One that runs will run again, at due, after it finished.
func (db *DB) Enqueue(ctx context.Context, kind store.WorkKind, key string, due time.Time) error {
	return db.write(ctx, fmt.Sprintf("enqueue %s %s", kind, key), func(tx *writeTx) error {
		return tx.enqueue(ctx, kind, key, due)
	})
}

func (tx *writeTx) enqueue(ctx context.Context, kind store.WorkKind, key string, due time.Time) error {
	tx.woke = true
	_, err := tx.ExecContext(ctx, enqueueSQL, kind, key, due.UnixMicro())
	return err
}

// Claim leases the job of these kinds that has been due longest, for the given
// time. It returns false when nothing is due. A job whose lease ran out may be
// claimed by anybody.
func (db *DB) Claim(ctx context.Context, kinds []store.WorkKind, now time.Time, lease time.Duration) (store.Job, bool, error) {
	// The rows are read to their end, because only that reports a failed commit.
	jobs, err := collect(ctx, preparedQuery{db.claim}, func(rows *sql.Rows, j *store.Job) error {
		return rows.Scan(&j.Kind, &j.Key, scanTime(&j.Due), &j.Attempts, &j.Token)
	}, "", list(kinds), now.UnixMicro(), now.Add(lease).UnixMicro())
	if err != nil {
		return store.Job{}, false, fmt.Errorf("claim work: %w", err)
	}
	if len(jobs) == 0 {
		return store.Job{}, false, nil
	}
	// One hint stands for any number of jobs: pass it on to the next idle worker.
	db.notify.signal()
	return jobs[0], true, nil
}

// preparedQuery is a [querier] for one statement.
type preparedQuery struct{ stmt *sql.Stmt }

func (p preparedQuery) QueryContext(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
	return p.stmt.QueryContext(ctx, args...)
}

// held restricts a statement to the row that a claim still holds.
const held = ` WHERE kind = ? AND key = ? AND token = ? AND leased_until IS NOT NULL`

// Finish ends a claim and forgets earlier failures. The job runs again at next,
// if that is not zero, and at the time somebody asked for while it ran. It
// returns [store.ErrLeaseLost] when the claim is not held any more.
func (db *DB) Finish(ctx context.Context, j store.Job, next time.Time) error {
	return db.write(ctx, fmt.Sprintf("finish %s %s", j.Kind, j.Key), func(tx *writeTx) error {
		if next.IsZero() {
			n, err := tx.exec(ctx, `DELETE FROM work`+held+` AND due IS NULL`, j.Kind, j.Key, j.Token)
			if err != nil || n == 1 {
				return err
			}
		}
		return tx.release(ctx, j, next, 0)
	})
}

// Retry ends a claim after a failure: the job runs again at the given time, or
// earlier if somebody asked for that, with one more attempt on its account. It
// returns [store.ErrLeaseLost] when the claim is not held any more.
func (db *DB) Retry(ctx context.Context, j store.Job, at time.Time) error {
	return db.write(ctx, fmt.Sprintf("retry %s %s", j.Kind, j.Key), func(tx *writeTx) error {
		return tx.release(ctx, j, at, j.Attempts+1)
	})
}

func (tx *writeTx) release(ctx context.Context, j store.Job, next time.Time, attempts int) error {
	tx.woke = true
	n, err := tx.exec(ctx, `
UPDATE work SET due = min(coalesce(due, ?1), coalesce(?1, due)), leased_until = NULL, claimed_due = NULL, attempts = ?2
WHERE kind = ?3 AND key = ?4 AND token = ?5 AND leased_until IS NOT NULL`,
		micros(next), attempts, j.Kind, j.Key, j.Token)
	if err == nil && n == 0 {
		return store.ErrLeaseLost
	}
	return err
}

// fence returns [store.ErrLeaseLost] unless the claim is still held. The write
// lock keeps the answer true until the transaction ends.
func (tx *writeTx) fence(ctx context.Context, j store.Job) error {
	_, err := one(ctx, tx, scanTo[int], `SELECT 1 FROM work`+held, j.Kind, j.Key, j.Token)
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrLeaseLost
	}
	return err
}

// NextDue returns the earliest time at which a job of these kinds can be
// claimed; false when there is none.
func (db *DB) NextDue(ctx context.Context, kinds []store.WorkKind) (time.Time, bool, error) {
	at, err := one(ctx, db.reads, func(rows *sql.Rows, t *time.Time) error { return rows.Scan(scanTime(t)) },
		nextDueSQL, list(kinds))
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for next work: %w", err)
	}
	return at, !at.IsZero(), nil
}

// ReleaseAll ends all claims, so that what a killed process left behind can be
// claimed at once. Only for the start of the only process; whoever holds a claim
// loses it.
func (db *DB) ReleaseAll(ctx context.Context) error {
	return db.write(ctx, "release all work", func(tx *writeTx) error {
		tx.woke = true
		_, err := tx.ExecContext(ctx, releaseAllSQL)
		return err
	})
}
