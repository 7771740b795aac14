package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// errEnded is what a write to a Promotion gets that has ended: an end is final.
var errEnded = errors.New("it has ended")

// SavePromotion writes the state of an unfinished Promotion and what its running
// step waits for. j is the claim on its Stage; [store.ErrLeaseLost] means that
// nothing was written. What was given at creation and AbortRequested are not
// written, so a request to abort that arrived meanwhile survives.
func (db *DB) SavePromotion(ctx context.Context, j store.Job, p pipeline.Promotion) error {
	return db.write(ctx, "save promotion "+p.ID, func(tx *writeTx) error {
		if p.Phase.Terminal() {
			return fmt.Errorf("phase %s is an end", p.Phase)
		}
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		if err := tx.updatePromotion(ctx, repoID, stage, p); err != nil {
			return err
		}
		var events []string
		if i := p.Next(); i >= 0 && p.Phase == pipeline.Running {
			events = p.Steps[i].WakeOn
		}
		return tx.setWaits(ctx, repoID, p.ID, stage, events, j)
	})
}

// FinishPromotion writes the end of a Promotion and all that follows from it, at
// once: success makes its Freight current in the Stage and sets or clears the
// hold that it intends. It enqueues a reconciliation. j is the claim on its
// Stage; [store.ErrLeaseLost] means that nothing was written.
func (db *DB) FinishPromotion(ctx context.Context, j store.Job, p pipeline.Promotion, now time.Time) error {
	return db.write(ctx, "finish promotion "+p.ID, func(tx *writeTx) error {
		if !p.Phase.Terminal() {
			return fmt.Errorf("phase %s is no end", p.Phase)
		}
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		if err := tx.updatePromotion(ctx, repoID, stage, p); err != nil {
			return err
		}
		if err := tx.setWaits(ctx, repoID, p.ID, stage, nil, j); err != nil {
			return err
		}
		if err := tx.setNewest(ctx, repoID, p.ID); err != nil {
			return err
		}
		if p.Phase == pipeline.Succeeded {
			if err := tx.succeed(ctx, repoID, p.ID, now); err != nil {
				return err
			}
		}
		return tx.enqueue(ctx, store.WorkReconcile, store.RepoKey(repoID), now)
	})
}

// MarkReported records that everybody was told how a Promotion ended. j is the
// claim on its Stage.
func (db *DB) MarkReported(ctx context.Context, j store.Job, promotionID string) error {
	return db.write(ctx, "mark promotion "+promotionID+" reported", func(tx *writeTx) error {
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		return found(tx.exec(ctx, `
UPDATE promotion SET reported = 1 WHERE repo = ? AND id = ? AND stage = ? AND phase NOT IN ('Pending', 'Running')`,
			repoID, promotionID, stage))
	})
}

// fenceStage checks the claim and says which Stage it is on.
func (tx *writeTx) fenceStage(ctx context.Context, j store.Job) (repoID int64, stage string, err error) {
	if j.Kind != store.WorkStage {
		return 0, "", fmt.Errorf("a claim on %s %s is no claim on a Stage", j.Kind, j.Key)
	}
	if repoID, stage, err = store.ParseStageKey(j.Key); err != nil {
		return 0, "", err
	}
	return repoID, stage, tx.fence(ctx, j)
}

func (tx *writeTx) updatePromotion(ctx context.Context, repoID int64, stage string, p pipeline.Promotion) error {
	steps, err := jsonText(p.Steps)
	if err != nil {
		return err
	}
	var previous sql.NullString
	if p.Previous != nil {
		previous = sql.NullString{String: p.Previous.ID, Valid: true}
	}
	// Numbers of other repositories mean other pull requests.
	var pull sql.NullInt64
	if ref := p.Pull(); ref.Number != 0 && (ref.Repo == "" || strings.EqualFold(ref.Repo, p.Repo.String())) {
		pull = sql.NullInt64{Int64: int64(ref.Number), Valid: true}
	}
	n, err := tx.exec(ctx, `
UPDATE promotion SET phase = ?, message = ?, started_at = ?, finished_at = ?, previous = ?, rewinds = ?, steps = ?,
	pull = coalesce(?, pull)
WHERE repo = ? AND id = ? AND stage = ? AND phase IN ('Pending', 'Running')`,
		p.Phase, p.Message, micros(p.StartedAt), micros(p.FinishedAt), previous, p.Rewinds, steps, pull, repoID, p.ID, stage)
	if err != nil || n == 1 {
		return err
	}
	if _, err := one(ctx, tx, scanTo[int], `SELECT 1 FROM promotion WHERE repo = ? AND id = ? AND stage = ?`, repoID, p.ID, stage); err != nil {
		return err
	}
	return errEnded
}

// setNewest moves the mark of the newest ended Promotion of a Stage and Freight.
func (tx *writeTx) setNewest(ctx context.Context, repoID int64, id string) error {
	if _, err := tx.ExecContext(ctx, `
UPDATE promotion SET newest = 0
WHERE repo = ?1 AND newest = 1 AND (stage, freight) = (SELECT stage, freight FROM promotion WHERE repo = ?1 AND id = ?2)`,
		repoID, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE promotion SET newest = 1 WHERE repo = ? AND id = ?`, repoID, id)
	return err
}

// succeed draws the consequences of success from what the Promotion was created
// with, not from what the caller holds.
func (tx *writeTx) succeed(ctx context.Context, repoID int64, id string, now time.Time) error {
	type created struct {
		stage, freight, warehouse, actor string
		hold                             pipeline.HoldIntent
	}
	c, err := one(ctx, tx, func(rows *sql.Rows, c *created) error {
		return rows.Scan(&c.stage, &c.freight, &c.warehouse, &c.actor, &c.hold)
	}, `
SELECT p.stage, p.freight, freight.warehouse, p.actor, p.hold_intent
FROM promotion AS p JOIN freight ON freight.repo = p.repo AND freight.id = p.freight
WHERE p.repo = ? AND p.id = ?`, repoID, id)
	if err != nil {
		return err
	}
	if _, err := tx.occupy(ctx, repoID, c.stage, c.freight, now); err != nil {
		return err
	}
	switch c.hold {
	case pipeline.SetHold:
		_, err = tx.ExecContext(ctx, `
INSERT OR REPLACE INTO hold (repo, stage, warehouse, freight, promotion, actor, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			repoID, c.stage, c.warehouse, c.freight, id, c.actor, micros(now))
	case pipeline.ClearHold:
		_, err = tx.ExecContext(ctx, `DELETE FROM hold WHERE repo = ? AND stage = ? AND warehouse = ?`, repoID, c.stage, c.warehouse)
	case pipeline.NoHoldIntent:
	}
	return err
}
