package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kargo-app/kargo/store"
)

// PutAuditEvent writes an event down. There is one for each step of a Promotion:
// the first stays.
func (db *DB) PutAuditEvent(ctx context.Context, repoID int64, e store.AuditEvent) error {
	return db.write(ctx, "record audit event of "+e.Promotion, func(tx *writeTx) error {
		body, err := jsonText(e)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `
INSERT INTO audit_event (repo, promotion, step, at, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (repo, promotion, step) DO NOTHING`,
			repoID, e.Promotion, e.Step, micros(e.At), body)
		return err
	})
}

// AuditEvents returns the newest events of a repository, newest first. They are
// kept for ever.
func (db *DB) AuditEvents(ctx context.Context, repoID int64, limit int) ([]store.AuditEvent, error) {
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, e *store.AuditEvent) error { return rows.Scan(scanJSON(e)) },
		`SELECT body FROM audit_event WHERE repo = ? ORDER BY seq DESC LIMIT ?`, repoID, limit)
	if err != nil {
		return nil, fmt.Errorf("load audit events of repository %d: %w", repoID, err)
	}
	return all, nil
}
