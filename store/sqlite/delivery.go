package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/store"
)

// PutDelivery stores a Delivery and enqueues its dispatch, due at ReceivedAt, and
// returns once both are on disk. fresh reports whether the GUID was unknown. A
// known one is enqueued again while it is open and otherwise left alone; what
// was stored first stays. When ctx ends first it may or may not be stored.
func (db *DB) PutDelivery(ctx context.Context, d store.Delivery) (fresh bool, err error) {
	fresh, err = db.inbox.put(ctx, d)
	if err != nil {
		return false, fmt.Errorf("store delivery %s: %w", d.GUID, err)
	}
	return fresh, nil
}

// Delivery returns a Delivery, or [store.ErrNotFound].
func (db *DB) Delivery(ctx context.Context, guid string) (store.Delivery, error) {
	d, err := one(ctx, db.reads, func(rows *sql.Rows, d *store.Delivery) error {
		return rows.Scan(&d.GUID, &d.Event, &d.Body, scanTime(&d.ReceivedAt), scanTime(&d.DoneAt), &d.Attempts, &d.LastError)
	}, `SELECT guid, event, body, received_at, done_at, attempts, last_error FROM delivery WHERE guid = ?`, guid)
	if err != nil {
		return store.Delivery{}, fmt.Errorf("load delivery %s: %w", guid, err)
	}
	return d, nil
}

// HasDelivery reports whether a Delivery is stored and whether it is done.
func (db *DB) HasDelivery(ctx context.Context, guid string) (known, done bool, err error) {
	done, err = one(ctx, db.reads, scanTo[bool], `SELECT done_at IS NOT NULL FROM delivery WHERE guid = ?`, guid)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("look for delivery %s: %w", guid, err)
	}
	return true, done, nil
}

// FinishDelivery marks a Delivery done. The first time counts.
func (db *DB) FinishDelivery(ctx context.Context, guid string, now time.Time) error {
	return db.write(ctx, "finish delivery "+guid, func(tx *writeTx) error {
		return found(tx.exec(ctx, `UPDATE delivery SET done_at = coalesce(done_at, ?) WHERE guid = ?`, micros(now), guid))
	})
}

// FailDelivery counts a failed attempt and keeps the Delivery open.
func (db *DB) FailDelivery(ctx context.Context, guid, message string, now time.Time) error {
	return db.write(ctx, "record failure of delivery "+guid, func(tx *writeTx) error {
		return found(tx.exec(ctx, `UPDATE delivery SET attempts = attempts + 1, last_error = ?, failed_at = ? WHERE guid = ?`,
			message, micros(now), guid))
	})
}

const pruneSQL = `
DELETE FROM delivery
WHERE received_at < ?1
  AND coalesce(done_at, failed_at, received_at) < ?1
  AND NOT EXISTS (SELECT 1 FROM work WHERE kind = 'delivery' AND key = guid)`

// PruneDeliveries deletes Deliveries that were received before the given time
// and are done, or were given up: open, but without work. It returns how many.
func (db *DB) PruneDeliveries(ctx context.Context, before time.Time) (n int, err error) {
	err = db.write(ctx, "prune deliveries", func(tx *writeTx) error {
		n, err = tx.exec(ctx, pruneSQL, micros(before))
		return err
	})
	return n, err
}

// found turns "no row changed" into [store.ErrNotFound].
func found(n int, err error) error {
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}
