package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Verification returns a VerificationRun, or [store.ErrNotFound].
func (db *DB) Verification(ctx context.Context, repoID int64, id string) (pipeline.VerificationRun, error) {
	all, err := verifications(ctx, newResolver(db.reads, repoID, db.memory, nil),
		selectVerification+`WHERE v.repo = ? AND v.id = ?`, repoID, id)
	if err := found(len(all), err); err != nil {
		return pipeline.VerificationRun{}, fmt.Errorf("load verification %s: %w", id, err)
	}
	return all[0], nil
}

// StageVerification returns the run of a Stage that has not ended, nil for none.
func (db *DB) StageVerification(ctx context.Context, repoID int64, stage string) (*pipeline.VerificationRun, error) {
	all, err := verifications(ctx, newResolver(db.reads, repoID, db.memory, nil), selectOpenVerification, repoID, stage)
	if err != nil {
		return nil, fmt.Errorf("load verification of %s: %w", stage, err)
	}
	if len(all) == 0 {
		return nil, nil //nolint:nilnil // a Stage that nothing verifies is ordinary
	}
	return &all[0], nil
}

// UnreportedVerifications returns the runs of a Stage that ended and whose end was
// not reported, by Seq.
func (db *DB) UnreportedVerifications(ctx context.Context, repoID int64, stage string) ([]pipeline.VerificationRun, error) {
	all, err := verifications(ctx, newResolver(db.reads, repoID, db.memory, nil), selectUnreportedVerifications, repoID, stage)
	if err != nil {
		return nil, fmt.Errorf("load unreported verifications of %s: %w", stage, err)
	}
	return all, nil
}

// SaveVerification writes the state of a run that has not ended and the events
// that it waits for. j is the claim on its Stage; [store.ErrLeaseLost] means that
// nothing was written. What was given at creation and AbortRequested are not
// written.
func (db *DB) SaveVerification(ctx context.Context, j store.Job, run pipeline.VerificationRun) error {
	return db.write(ctx, "save verification "+run.ID, func(tx *writeTx) error {
		if run.Phase.Terminal() {
			return fmt.Errorf("phase %s is an end", run.Phase)
		}
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		if _, err := tx.updateVerification(ctx, repoID, stage, run); err != nil {
			return err
		}
		return tx.setWaits(ctx, verificationWaits, repoID, run.ID, stage, run.WakeOn, j)
	})
}

// FinishVerification writes the end of a run and all that follows from it, at
// once: the marks of its Freight in the Stage, see
// [pipeline.VerificationRun.Outcome], and a reconciliation. j is the claim on its
// Stage; [store.ErrLeaseLost] means that nothing was written.
func (db *DB) FinishVerification(ctx context.Context, j store.Job, run pipeline.VerificationRun, now time.Time) error {
	return db.write(ctx, "finish verification "+run.ID, func(tx *writeTx) error {
		if !run.Phase.Terminal() {
			return fmt.Errorf("phase %s is no end", run.Phase)
		}
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		key, err := tx.updateVerification(ctx, repoID, stage, run)
		if err != nil {
			return err
		}
		if err := tx.setWaits(ctx, verificationWaits, repoID, run.ID, stage, nil, j); err != nil {
			return err
		}
		if err := tx.setNewestVerification(ctx, repoID, stage, key, run.ID); err != nil {
			return err
		}
		if err := tx.concludeVerification(ctx, repoID, stage, run.ID, now); err != nil {
			return err
		}
		return tx.enqueue(ctx, store.WorkReconcile, store.ReconcileKey(repoID, stage), now)
	})
}

// MarkVerificationReported records that everybody was told how a run ended. j is
// the claim on its Stage.
func (db *DB) MarkVerificationReported(ctx context.Context, j store.Job, id string) error {
	return db.write(ctx, "mark verification "+id+" reported", func(tx *writeTx) error {
		repoID, stage, err := tx.fenceStage(ctx, j)
		if err != nil {
			return err
		}
		return found(tx.exec(ctx, `
UPDATE verification SET reported = 1 WHERE repo = ? AND id = ? AND stage = ? AND phase NOT IN ('Pending', 'Running')`,
			repoID, id, stage))
	})
}

// updateVerification writes what the engine writes and returns the key of the
// collection.
func (tx *writeTx) updateVerification(ctx context.Context, repoID int64, stage string, run pipeline.VerificationRun) (string, error) {
	state, err := stateOf(run)
	if err != nil {
		return "", err
	}
	key, err := one(ctx, tx, scanTo[string], `
UPDATE verification SET phase = ?, state = ?, started_at = ?, finished_at = ?, wake = ?
WHERE repo = ? AND id = ? AND stage = ? AND phase IN ('Pending', 'Running') RETURNING collection_key`,
		run.Phase, state, micros(run.StartedAt), micros(run.FinishedAt), micros(run.WakeAt), repoID, run.ID, stage)
	if !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	if _, err := one(ctx, tx, scanTo[int],
		`SELECT 1 FROM verification WHERE repo = ? AND id = ? AND stage = ?`, repoID, run.ID, stage); err != nil {
		return "", err
	}
	return "", errEnded
}

// setNewestVerification moves the mark of the newest ended run of a Stage and
// collection; at most one run is under way, so the last to end is the newest.
func (tx *writeTx) setNewestVerification(ctx context.Context, repoID int64, stage, key, id string) error {
	if _, err := tx.exec(ctx, `
UPDATE verification SET newest = 0 WHERE repo = ? AND stage = ? AND collection_key = ? AND newest = 1`, repoID, stage, key); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `UPDATE verification SET newest = 1 WHERE repo = ? AND id = ?`, repoID, id)
	return err
}

// concludeVerification changes the marks as the end of a run asks, by what is
// stored and not by what the caller holds.
func (tx *writeTx) concludeVerification(ctx context.Context, repoID int64, stage, id string, now time.Time) error {
	all, err := verifications(ctx, newResolver(tx, repoID, tx.memory, nil),
		selectVerification+`WHERE v.repo = ? AND v.id = ?`, repoID, id)
	if err := found(len(all), err); err != nil {
		return err
	}
	verify, revoke := all[0].Outcome()
	if unsound, err := tx.unsound(ctx, repoID, stage); err != nil {
		return err
	} else if unsound {
		verify = nil // it counts once the Stage is healthy again
	}
	for _, freight := range verify {
		if _, err := tx.markVerified(ctx, repoID, stage, freight, now); err != nil {
			return err
		}
	}
	for _, freight := range revoke {
		if err := tx.revokeVerified(ctx, repoID, stage, freight); err != nil {
			return err
		}
	}
	return nil
}
