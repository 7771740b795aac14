package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// PutIntents stores what people asked for and enqueues the reconciliation that
// answers it. Intents whose ID is known are left alone.
func (db *DB) PutIntents(ctx context.Context, repoID int64, intents []pipeline.Intent, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("store intents of repository %d", repoID), func(tx *writeTx) error {
		fresh := 0
		for _, in := range intents {
			text, err := jsonText(in)
			if err != nil {
				return err
			}
			n, err := tx.exec(ctx, `
INSERT INTO intent (repo, id, received_at, body) VALUES (?, ?, ?, ?) ON CONFLICT (repo, id) DO NOTHING`,
				repoID, in.ID, in.ReceivedAt.UnixMicro(), text)
			if err != nil {
				return err
			}
			fresh += n
		}
		if fresh == 0 {
			return nil
		}
		return tx.enqueue(ctx, store.WorkReconcile, store.RepoKey(repoID), now)
	})
}

const selectOpenIntents = `
SELECT body FROM intent WHERE repo = ? AND answered_at IS NULL AND resolved_at IS NULL ORDER BY received_at, seq`

// openIntents returns the unresolved intents, oldest first.
func openIntents(ctx context.Context, q querier, repoID int64) ([]pipeline.Intent, error) {
	return collect(ctx, q, func(rows *sql.Rows, in *pipeline.Intent) error { return rows.Scan(scanJSON(in)) },
		selectOpenIntents, repoID)
}

// ResolvedIntents returns the intents that were acted on or refused and that
// nobody has answered, oldest first.
func (db *DB) ResolvedIntents(ctx context.Context, repoID int64) ([]store.ResolvedIntent, error) {
	all, err := collect(ctx, db.reader, func(rows *sql.Rows, r *store.ResolvedIntent) error {
		var message sql.NullString
		var hint string
		if err := rows.Scan(scanJSON(&r.Intent), &r.Promotion, &message, &hint); err != nil {
			return err
		}
		if message.Valid {
			r.Refusal = &pipeline.UserError{Message: message.String, Hint: hint}
		}
		return nil
	}, `
SELECT body, promotion, message, hint FROM intent
WHERE repo = ? AND answered_at IS NULL AND resolved_at IS NOT NULL ORDER BY received_at, seq`, repoID)
	if err != nil {
		return nil, fmt.Errorf("load resolved intents of repository %d: %w", repoID, err)
	}
	return all, nil
}

// AnswerIntents records that the people behind resolved intents were told.
func (db *DB) AnswerIntents(ctx context.Context, repoID int64, ids []string, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("answer intents of repository %d", repoID), func(tx *writeTx) error {
		_, err := tx.ExecContext(ctx, `
UPDATE intent SET answered_at = ?
WHERE repo = ? AND id IN (SELECT value FROM json_each(?)) AND resolved_at IS NOT NULL AND answered_at IS NULL`,
			micros(now), repoID, list(ids))
		return err
	})
}

// intentOpen reports whether an intent is known and unresolved.
func (tx *writeTx) intentOpen(ctx context.Context, repoID int64, id string) (bool, error) {
	n, err := one(ctx, tx, scanTo[int], `SELECT count(*) FROM intent WHERE repo = ? AND id = ? AND resolved_at IS NULL`, repoID, id)
	return n == 1, err
}

// grant resolves an intent with the Promotion it led to.
func (tx *writeTx) grant(ctx context.Context, repoID int64, id, promotion string, now time.Time) error {
	_, err := tx.exec(ctx, `UPDATE intent SET resolved_at = ?, promotion = ? WHERE repo = ? AND id = ? AND resolved_at IS NULL`,
		micros(now), promotion, repoID, id)
	return err
}

// refuse resolves an intent with the reason why nothing came of it.
func (tx *writeTx) refuse(ctx context.Context, repoID int64, id string, why *pipeline.UserError, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE intent SET resolved_at = ?, message = ?, hint = ? WHERE repo = ? AND id = ? AND resolved_at IS NULL`,
		micros(now), why.Message, why.Hint, repoID, id)
	return n == 1, err
}
