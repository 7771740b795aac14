package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kargo-app/kargo/store"
)

// Tags returns what is cached of these tags of a registry repository, by tag.
func (db *DB) Tags(ctx context.Context, repoURL string, tags []string) (map[string]store.TagRecord, error) {
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, t *store.TagRecord) error {
		return rows.Scan(&t.Tag, &t.Digest, scanTime(&t.Created), scanJSON(&t.Data))
	}, `SELECT tag, digest, created, data FROM tag WHERE url = ? AND tag IN (SELECT value FROM json_each(?))`, repoURL, list(tags))
	if err != nil {
		return nil, fmt.Errorf("load tags of %s: %w", repoURL, err)
	}
	m := make(map[string]store.TagRecord, len(all))
	for _, t := range all {
		m[t.Tag] = t
	}
	return m, nil
}

// PutTags caches tags; what was cached of the same tags is replaced.
func (db *DB) PutTags(ctx context.Context, repoURL string, tags []store.TagRecord) error {
	if len(tags) == 0 {
		return nil
	}
	return db.write(ctx, "store tags of "+repoURL, func(tx *writeTx) error {
		for _, t := range tags {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO tag (url, tag, digest, created, data) VALUES (?, ?, ?, ?, ?)`,
				repoURL, t.Tag, t.Digest, micros(t.Created), nullJSON(t.Data)); err != nil {
				return err
			}
		}
		return nil
	})
}
