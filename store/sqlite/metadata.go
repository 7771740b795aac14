package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// PutFreightMetadata sets keys of a Freight's metadata, each to a value that JSON
// can express, and leaves its other keys alone; nil removes a key. Unknown Freight
// is [store.ErrNotFound].
func (db *DB) PutFreightMetadata(ctx context.Context, repoID int64, freight string, values map[string]any) error {
	return db.write(ctx, "save metadata of freight "+freight, func(tx *writeTx) error {
		if _, err := one(ctx, tx, scanTo[int],
			`SELECT 1 FROM freight WHERE repo = ? AND id = ? AND deleted_at IS NULL`, repoID, freight); err != nil {
			return err
		}
		for key, value := range values {
			if err := tx.putMetadata(ctx, repoID, freight, key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (tx *writeTx) putMetadata(ctx context.Context, repoID int64, freight, key string, value any) error {
	if value == nil {
		_, err := tx.exec(ctx, `DELETE FROM freight_metadata WHERE repo = ? AND freight = ? AND key = ?`, repoID, freight, key)
		return err
	}
	body, err := jsonText(value)
	if err != nil {
		return fmt.Errorf("metadata %q: %w", key, err)
	}
	_, err = tx.exec(ctx, `
INSERT INTO freight_metadata (repo, freight, key, value) VALUES (?, ?, ?, ?)
ON CONFLICT (repo, freight, key) DO UPDATE SET value = excluded.value`, repoID, freight, key, body)
	return err
}

// FreightMetadata returns what steps noted about Freight, nil for nothing. Unknown
// Freight is [store.ErrNotFound].
func (db *DB) FreightMetadata(ctx context.Context, repoID int64, freight string) (map[string]any, error) {
	m, err := one(ctx, db.reads, func(rows *sql.Rows, m *map[string]any) error { return rows.Scan(scanJSON(m)) }, `
SELECT (SELECT json_group_object(m.key, json(m.value)) FROM freight_metadata AS m
	WHERE m.repo = freight.repo AND m.freight = freight.id HAVING count(*) > 0)
FROM freight WHERE repo = ? AND id = ? AND deleted_at IS NULL`, repoID, freight)
	if err != nil {
		return nil, fmt.Errorf("load metadata of freight %s: %w", freight, err)
	}
	return m, nil
}

// hideFreight deletes Freight as far as anybody can tell, with its marks and
// metadata; history can still name it.
func (tx *writeTx) hideFreight(ctx context.Context, repoID int64, id string, now time.Time) (bool, error) {
	for _, statement := range []string{
		`DELETE FROM mark WHERE repo = ? AND freight = ?`,
		`DELETE FROM freight_metadata WHERE repo = ? AND freight = ?`,
	} {
		if _, err := tx.exec(ctx, statement, repoID, id); err != nil {
			return false, err
		}
	}
	n, err := tx.exec(ctx, `UPDATE freight SET deleted_at = ? WHERE repo = ? AND id = ? AND deleted_at IS NULL`, micros(now), repoID, id)
	return n == 1, err
}
