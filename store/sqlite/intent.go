package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// PutIntents stores what people asked for and enqueues the reconciliations that
// answer it, of the pipelines that the intents concern. Intents whose ID is known
// are left alone.
func (db *DB) PutIntents(ctx context.Context, repoID int64, intents []pipeline.Intent, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("store intents of repository %d", repoID), func(tx *writeTx) error {
		for _, in := range intents {
			body, err := jsonText(in)
			if err != nil {
				return err
			}
			concerned, err := tx.concerned(ctx, repoID, in)
			if err != nil {
				return err
			}
			n, err := tx.exec(ctx, `
INSERT INTO intent (repo, id, received_at, body, pipeline) VALUES (?, ?, ?, ?, ?) ON CONFLICT (repo, id) DO NOTHING`,
				repoID, in.ID, in.ReceivedAt.UnixMicro(), body, concerned)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := tx.enqueue(ctx, store.WorkReconcile, store.PipelineKey(repoID, concerned), now); err != nil {
				return err
			}
		}
		return nil
	})
}

// concerned returns the pipeline whose reconciliation answers an intent: that of
// the Stage, Promotion, Freight or pull request that it names, else the one it
// was given, the root for none.
func (tx *writeTx) concerned(ctx context.Context, repoID int64, in pipeline.Intent) (string, error) {
	switch name := in.Names(); {
	case name != "":
		return pipeline.Qualifier(name), nil
	case in.Freight != "":
		return tx.concernedBy(ctx, in, `SELECT pipeline FROM freight WHERE repo = ? AND id = ?`, repoID, in.Freight)
	case in.Pipeline == "" && in.Number != 0:
		return tx.concernedBy(ctx, in, `
SELECT substr(stage, 1, max(instr(stage, '/') - 1, 0)) FROM promotion
WHERE repo = ? AND pull = ? ORDER BY created_at DESC, seq DESC LIMIT 1`, repoID, in.Number)
	}
	return in.Pipeline, nil
}

func (tx *writeTx) concernedBy(ctx context.Context, in pipeline.Intent, query string, args ...any) (string, error) {
	name, err := one(ctx, tx, scanTo[string], query, args...)
	if errors.Is(err, store.ErrNotFound) {
		return in.Pipeline, nil
	}
	return name, err
}

// The pipeline is NULL for those of all.
const (
	selectOpenIntents = `
SELECT body FROM intent
WHERE repo = ?1 AND answered_at IS NULL AND resolved_at IS NULL AND (?2 IS NULL OR pipeline = ?2) ORDER BY received_at, seq`
	selectResolvedIntents = `
SELECT body, promotion, verification, freight, message, hint FROM intent
WHERE repo = ?1 AND answered_at IS NULL AND resolved_at IS NOT NULL AND (?2 IS NULL OR pipeline = ?2) ORDER BY received_at, seq`
)

// openIntents returns the unresolved intents, oldest first.
func openIntents(ctx context.Context, q querier, repoID int64, name sql.NullString) ([]pipeline.Intent, error) {
	return collect(ctx, q, func(rows *sql.Rows, in *pipeline.Intent) error { return rows.Scan(scanJSON(in)) },
		selectOpenIntents, repoID, name)
}

// ResolvedIntents returns the intents that were acted on or refused and that
// nobody has answered, oldest first.
func (db *DB) ResolvedIntents(ctx context.Context, repoID int64) ([]store.ResolvedIntent, error) {
	return db.resolvedIntents(ctx, repoID, sql.NullString{})
}

// PipelineResolvedIntents is [DB.ResolvedIntents] for those that concern one
// pipeline, empty for the root.
func (db *DB) PipelineResolvedIntents(ctx context.Context, repoID int64, name string) ([]store.ResolvedIntent, error) {
	return db.resolvedIntents(ctx, repoID, text(name))
}

func (db *DB) resolvedIntents(ctx context.Context, repoID int64, name sql.NullString) ([]store.ResolvedIntent, error) {
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, r *store.ResolvedIntent) error {
		var message sql.NullString
		var hint string
		if err := rows.Scan(scanJSON(&r.Intent), &r.Promotion, &r.Verification, &r.Freight, &message, &hint); err != nil {
			return err
		}
		if message.Valid {
			r.Refusal = &pipeline.UserError{Message: message.String, Hint: hint}
		}
		return nil
	}, selectResolvedIntents, repoID, name)
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
