package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/store"
)

// PutSecret stores a secret of a repository, which the caller encrypted; what was
// stored under its name is replaced.
func (db *DB) PutSecret(ctx context.Context, repoID int64, name string, ciphertext []byte, now time.Time) error {
	return db.write(ctx, "store secret "+name, func(tx *writeTx) error {
		_, err := tx.exec(ctx, `
INSERT INTO secret (repo, name, ciphertext, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (repo, name) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = excluded.updated_at`,
			repoID, name, blob(ciphertext), micros(now))
		return err
	})
}

// Secret returns the ciphertext of a secret, or [store.ErrNotFound].
func (db *DB) Secret(ctx context.Context, repoID int64, name string) ([]byte, error) {
	ciphertext, err := one(ctx, db.reads, scanTo[[]byte], `SELECT ciphertext FROM secret WHERE repo = ? AND name = ?`, repoID, name)
	if err != nil {
		return nil, fmt.Errorf("load secret %s: %w", name, err)
	}
	return ciphertext, nil
}

// Secrets lists the secrets of a repository by name, without their values.
func (db *DB) Secrets(ctx context.Context, repoID int64) ([]store.SecretHead, error) {
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, s *store.SecretHead) error {
		return rows.Scan(&s.Name, scanTime(&s.UpdatedAt))
	}, `SELECT name, updated_at FROM secret WHERE repo = ? ORDER BY name`, repoID)
	if err != nil {
		return nil, fmt.Errorf("list secrets of repository %d: %w", repoID, err)
	}
	return all, nil
}

// DeleteSecret deletes a secret, or returns [store.ErrNotFound].
func (db *DB) DeleteSecret(ctx context.Context, repoID int64, name string) error {
	return db.write(ctx, "delete secret "+name, func(tx *writeTx) error {
		return found(tx.exec(ctx, `DELETE FROM secret WHERE repo = ? AND name = ?`, repoID, name))
	})
}

// blob is how bytes are stored that may be empty; nil would be NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
