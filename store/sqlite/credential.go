package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// markReadersSQL is about the Warehouses of a repository that read artifacts of a kind.
// Which of them an account is for is not asked: a look too many costs little.
const markReadersSQL = `
UPDATE warehouse SET due = min(due, ?), hints = hints + 1
WHERE repo = ? AND name IN (SELECT warehouse FROM subscription WHERE repo = warehouse.repo AND kind = ?)
  AND (SELECT removed FROM repo WHERE id = warehouse.repo) = 0
RETURNING repo, name`

// PutCredential stores a credential of a repository, whose secret part the caller
// encrypted; what was stored under its kind and URL is replaced. The Warehouses that
// may need it become due.
func (db *DB) PutCredential(ctx context.Context, repoID int64, c store.Credential, now time.Time) error {
	return db.write(ctx, "store credential for "+c.URL, func(tx *writeTx) error {
		_, err := tx.exec(ctx, `
INSERT INTO credential (repo, kind, url, regex, username, ciphertext, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (repo, kind, url) DO UPDATE SET
	regex = excluded.regex, username = excluded.username, ciphertext = excluded.ciphertext, updated_at = excluded.updated_at`,
			repoID, c.Kind, c.URL, c.Regex, c.Username, blob(c.Ciphertext), micros(now))
		if err == nil {
			_, err = tx.markDue(ctx, now, markReadersSQL, micros(now), repoID, c.Kind)
		}
		return err
	})
}

// Credential returns the credential that is stored under a kind and URL, or
// [store.ErrNotFound]. Which one serves a URL is for the caller to say, who knows
// them all from [DB.Credentials].
func (db *DB) Credential(ctx context.Context, repoID int64, kind pipeline.ArtifactKind, url string) (store.Credential, error) {
	c, err := one(ctx, db.reads, func(rows *sql.Rows, c *store.Credential) error {
		return rows.Scan(&c.Kind, &c.URL, &c.Regex, &c.Username, scanTime(&c.UpdatedAt), &c.Ciphertext)
	}, `SELECT kind, url, regex, username, updated_at, ciphertext FROM credential WHERE repo = ? AND kind = ? AND url = ?`,
		repoID, kind, url)
	if err != nil {
		return store.Credential{}, fmt.Errorf("load credential for %s: %w", url, err)
	}
	return c, nil
}

// Credentials lists the credentials of a repository by kind and URL, without
// their secret parts.
func (db *DB) Credentials(ctx context.Context, repoID int64) ([]store.CredentialHead, error) {
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, c *store.CredentialHead) error {
		return rows.Scan(&c.Kind, &c.URL, &c.Regex, &c.Username, scanTime(&c.UpdatedAt))
	}, `SELECT kind, url, regex, username, updated_at FROM credential WHERE repo = ? ORDER BY kind, url`, repoID)
	if err != nil {
		return nil, fmt.Errorf("list credentials of repository %d: %w", repoID, err)
	}
	return all, nil
}

// DeleteCredential deletes a credential, or returns [store.ErrNotFound].
func (db *DB) DeleteCredential(ctx context.Context, repoID int64, kind pipeline.ArtifactKind, url string) error {
	return db.write(ctx, "delete credential for "+url, func(tx *writeTx) error {
		return found(tx.exec(ctx, `DELETE FROM credential WHERE repo = ? AND kind = ? AND url = ?`, repoID, kind, url))
	})
}
