package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/kargo-app/kargo/store"
)

// writeTx is a transaction on the writing connection. It remembers whether
// it touched any work, so that workers are woken once it is committed.
type writeTx struct {
	*preparedTx
	memory *memory
	woke   bool
}

// write runs fn in one transaction that holds the write lock from the start.
// doing names the operation in errors. A row that refers to something unknown
// becomes [store.ErrNotFound].
func (db *DB) write(ctx context.Context, doing string, fn func(*writeTx) error) error {
	if err := db.writeRaw(ctx, fn); err != nil {
		if code(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY {
			err = errors.Join(store.ErrNotFound, err)
		}
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (db *DB) writeRaw(ctx context.Context, fn func(*writeTx) error) error {
	raw, err := db.writes.begin(ctx, nil)
	if err != nil {
		return err
	}
	defer raw.tx.Rollback() //nolint:errcheck // no effect after Commit
	tx := &writeTx{preparedTx: raw, memory: db.memory}
	if err := fn(tx); err != nil {
		return err
	}
	if err := raw.tx.Commit(); err != nil {
		return err
	}
	if tx.woke {
		db.notify.signal()
	}
	return nil
}

// exec runs one statement and returns how many rows it changed.
func (tx *writeTx) exec(ctx context.Context, query string, args ...any) (int, error) {
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// read runs fn over one consistent state of the database.
func (db *DB) read(ctx context.Context, doing string, fn func(querier) error) error {
	err := func() error {
		tx, err := db.reads.begin(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer tx.tx.Rollback() //nolint:errcheck // nothing was written
		return fn(tx)
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect scans every row of a query with scan.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err reports what matters
	var all []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// one is collect for a query that names a single row; no row is
// [store.ErrNotFound].
func one[T any](ctx context.Context, q querier, scan func(*sql.Rows, *T) error, query string, args ...any) (T, error) {
	all, err := collect(ctx, q, scan, query, args...)
	if err != nil || len(all) == 0 {
		var zero T
		if err == nil {
			err = store.ErrNotFound
		}
		return zero, err
	}
	return all[0], nil
}

// scanTo scans a single column.
func scanTo[T any](rows *sql.Rows, v *T) error { return rows.Scan(v) }

// code returns SQLite's extended result code of err, 0 for other errors.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// constraint reports whether a statement was refused by the schema; the
// transaction goes on without it.
func constraint(err error) bool { return code(err)&0xff == sqlite3.SQLITE_CONSTRAINT }
