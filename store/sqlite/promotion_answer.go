package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// answerStep records an answer to a step.
func (a *applier) answerStep(ctx context.Context, id string, answer pipeline.Answer) (outcome, error) {
	stage, err := a.tx.stageOfOpen(ctx, a.repoID, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refused("Promotion %s has already ended", id), nil
	case err != nil:
		return outcome{}, err
	}
	if err := a.tx.insertAnswer(ctx, a.repoID, id, answer); err != nil {
		return outcome{}, err
	}
	return outcome{changed: true, promotion: id}, a.wakeStage(ctx, stage)
}

func (tx *writeTx) insertAnswer(ctx context.Context, repoID int64, id string, answer pipeline.Answer) error {
	body, err := jsonText(answer)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO promotion_answer (repo, promotion, body) VALUES (?, ?, ?)`, repoID, id, body)
	return err
}

// maxAnswers bounds what is kept of the answers to one Promotion.
const maxAnswers = 100

// PutAnswer records what an outside system answered a step of a Promotion, and
// makes the Stage due. The same body is recorded once. [store.ErrNotFound] means
// that there is no such Promotion or that it has ended.
func (db *DB) PutAnswer(ctx context.Context, repoID int64, promotion string, answer pipeline.Answer, now time.Time) error {
	return db.write(ctx, "record answer to "+promotion, func(tx *writeTx) error {
		stage, err := tx.stageOfOpen(ctx, repoID, promotion)
		if err != nil {
			return err
		}
		earlier, err := collect(ctx, tx, func(rows *sql.Rows, a *pipeline.Answer) error { return rows.Scan(scanJSON(a)) },
			`SELECT body FROM promotion_answer WHERE repo = ? AND promotion = ?`, repoID, promotion)
		if err != nil {
			return err
		}
		for _, e := range earlier {
			if e.Step == answer.Step && e.Actor.Login == answer.Actor.Login && bytes.Equal(e.Body, answer.Body) {
				return nil
			}
		}
		if len(earlier) >= maxAnswers {
			return fmt.Errorf("%d answers are recorded already", len(earlier))
		}
		if err := tx.insertAnswer(ctx, repoID, promotion, answer); err != nil {
			return err
		}
		return tx.enqueue(ctx, store.WorkStage, store.StageKey(repoID, stage), now)
	})
}
