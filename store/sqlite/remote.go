package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/store"
)

// BeginRemote says that the caller is about to create an object on GitHub.
// fresh means that nobody said so before: the caller may create without looking.
// Otherwise obj is what is known; an ID of 0 means that an earlier attempt may
// or may not have created it.
func (db *DB) BeginRemote(ctx context.Context, repoID int64, kind, key string, now time.Time) (obj store.RemoteObject, fresh bool, err error) {
	err = db.write(ctx, fmt.Sprintf("begin %s %s", kind, key), func(tx *writeTx) error {
		n, err := tx.exec(ctx, `INSERT INTO remote (repo, kind, key, begun_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			repoID, kind, key, micros(now))
		if err != nil {
			return err
		}
		fresh = n == 1
		obj, err = one(ctx, tx, func(rows *sql.Rows, o *store.RemoteObject) error {
			return rows.Scan(&o.Kind, &o.Key, &o.ID, &o.Hash, scanTime(&o.BegunAt))
		}, `SELECT kind, key, id, hash, begun_at FROM remote WHERE repo = ? AND kind = ? AND key = ?`, repoID, kind, key)
		return err
	})
	if err != nil {
		return store.RemoteObject{}, false, err
	}
	return obj, fresh, nil
}

// SaveRemote records the id and content of an object that was begun.
func (db *DB) SaveRemote(ctx context.Context, repoID int64, o store.RemoteObject) error {
	return db.write(ctx, fmt.Sprintf("save %s %s", o.Kind, o.Key), func(tx *writeTx) error {
		return found(tx.exec(ctx, `UPDATE remote SET id = ?, hash = ? WHERE repo = ? AND kind = ? AND key = ?`,
			o.ID, o.Hash, repoID, o.Kind, o.Key))
	})
}
