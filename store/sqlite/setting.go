package sqlite

import (
	"context"
	"fmt"
)

// Setting returns a stored setting, or [store.ErrNotFound].
func (db *DB) Setting(ctx context.Context, key string) (string, error) {
	value, err := one(ctx, db.reads, scanTo[string], `SELECT value FROM setting WHERE key = ?`, key)
	if err != nil {
		return "", fmt.Errorf("load setting %s: %w", key, err)
	}
	return value, nil
}

// PutSetting stores a setting.
func (db *DB) PutSetting(ctx context.Context, key, value string) error {
	return db.write(ctx, "store setting "+key, func(tx *writeTx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)`, key, value)
		return err
	})
}
