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
		if _, err := tx.updatePromotion(ctx, repoID, stage, p); err != nil {
			return err
		}
		var events []string
		if i := p.Next(); i >= 0 && p.Phase == pipeline.Running {
			events = p.Steps[i].WakeOn
		}
		return tx.setWaits(ctx, promotionWaits, repoID, p.ID, stage, events, j)
	})
}

// FinishPromotion writes the end of a Promotion and all that follows from it, at
// once: success makes its Freight current in the Stage, sets or clears the hold
// that it intends, and starts the VerificationRun that follows. It enqueues a reconciliation. j is the claim on its
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
		freight, err := tx.updatePromotion(ctx, repoID, stage, p)
		if err != nil {
			return err
		}
		if err := tx.setWaits(ctx, promotionWaits, repoID, p.ID, stage, nil, j); err != nil {
			return err
		}
		if err := tx.setNewest(ctx, repoID, stage, freight); err != nil {
			return err
		}
		if p.Phase == pipeline.Succeeded {
			if err := tx.succeed(ctx, repoID, p.ID, now); err != nil {
				return err
			}
		}
		return tx.enqueue(ctx, store.WorkReconcile, store.ReconcileKey(repoID, stage), now)
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

// updatePromotion writes what the engine writes and returns the Freight's id.
func (tx *writeTx) updatePromotion(ctx context.Context, repoID int64, stage string, p pipeline.Promotion) (string, error) {
	steps, err := jsonText(p.Steps)
	if err != nil {
		return "", err
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
	freight, err := one(ctx, tx, scanTo[string], `
UPDATE promotion SET phase = ?, message = ?, started_at = ?, finished_at = ?, previous = ?, rewinds = ?, steps = ?,
	pull = coalesce(?, pull)
WHERE repo = ? AND id = ? AND stage = ? AND phase IN ('Pending', 'Running') RETURNING freight`,
		p.Phase, p.Message, micros(p.StartedAt), micros(p.FinishedAt), previous, p.Rewinds, steps, pull, repoID, p.ID, stage)
	if !errors.Is(err, store.ErrNotFound) {
		return freight, err
	}
	if _, err := one(ctx, tx, scanTo[int], `SELECT 1 FROM promotion WHERE repo = ? AND id = ? AND stage = ?`, repoID, p.ID, stage); err != nil {
		return "", err
	}
	return "", errEnded
}

// setNewest marks the newest ended Promotion of a Stage and Freight as such.
func (tx *writeTx) setNewest(ctx context.Context, repoID int64, stage, freight string) error {
	if _, err := tx.ExecContext(ctx, `
UPDATE promotion SET newest = 0 WHERE repo = ? AND stage = ? AND freight = ? AND newest = 1`, repoID, stage, freight); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
UPDATE promotion SET newest = 1 WHERE rowid = (
	SELECT rowid FROM promotion
	WHERE repo = ? AND stage = ? AND freight = ? AND phase NOT IN ('Pending', 'Running') ORDER BY seq DESC LIMIT 1)`,
		repoID, stage, freight)
	return err
}

// succeed draws the consequences of success from what is stored, not from what
// the caller holds. A hold that a person asked for is not touched.
func (tx *writeTx) succeed(ctx context.Context, repoID int64, id string, now time.Time) error {
	r := newResolver(tx, repoID, tx.memory, nil)
	all, err := promotions(ctx, r, selectPromotion+`WHERE p.repo = ? AND p.id = ?`, repoID, id)
	if err := found(len(all), err); err != nil {
		return err
	}
	p := &all[0]
	stage, origin := p.Stage.Name, p.Freight.Warehouse
	if _, err := tx.occupy(ctx, repoID, stage, p.Freight.ID, now); err != nil {
		return err
	}
	if err := tx.followUp(ctx, r, p, now); err != nil {
		return fmt.Errorf("start verification: %w", err)
	}
	if p.HoldIntent == pipeline.NoHoldIntent {
		return nil
	}
	if manual, err := tx.heldManually(ctx, repoID, stage, origin); err != nil || manual {
		return err
	}
	if p.HoldIntent == pipeline.ClearHold {
		_, err = tx.releaseHold(ctx, repoID, stage, origin)
		return err
	}
	_, err = tx.putHold(ctx, repoID, pipeline.Hold{
		Stage: stage, Warehouse: origin, Freight: p.Freight.ID, Promotion: id, Actor: p.Actor, CreatedAt: now,
	})
	return err
}
