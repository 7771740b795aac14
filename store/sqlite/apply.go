package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Apply carries out what [pipeline.Decide] decided, all of it or nothing. It is
// safe to apply a decision made from an older snapshot: Freight that exists,
// marks that are set, intents that are resolved and aborts that are requested
// stay as they are, and a Promotion is not started while another one of the same
// Freight into the same Stage is unfinished; an intent behind it is refused.
// Started Promotions get their Seq (per Stage, from 1) and their ID
// ("prod-142"). Wake is the caller's business.
func (db *DB) Apply(ctx context.Context, repoID int64, actions []pipeline.Action, now time.Time) (store.Applied, error) {
	var applied store.Applied
	err := db.write(ctx, fmt.Sprintf("apply decision for repository %d", repoID), func(tx *writeTx) error {
		a := applier{tx: tx, repoID: repoID, now: now}
		for _, action := range actions {
			changed, err := a.apply(ctx, action)
			if err != nil {
				return err
			}
			a.applied.Changed = a.applied.Changed || changed
		}
		applied = a.applied
		return nil
	})
	if err != nil {
		return store.Applied{}, err
	}
	return applied, nil
}

type applier struct {
	tx      *writeTx
	repoID  int64
	now     time.Time
	applied store.Applied
}

func (a *applier) apply(ctx context.Context, action pipeline.Action) (changed bool, err error) {
	switch action := action.(type) {
	case pipeline.CreateFreight:
		return a.tx.createFreight(ctx, a.repoID, action.Freight)
	case pipeline.AdoptFreight:
		return a.tx.occupy(ctx, a.repoID, action.Stage, action.Freight, a.now)
	case pipeline.MarkVerified:
		return a.tx.markVerified(ctx, a.repoID, action.Stage, action.Freight, a.now)
	case pipeline.StartPromotion:
		return a.start(ctx, action)
	case pipeline.AbortPromotion:
		return a.abort(ctx, action)
	case pipeline.RefuseIntent:
		return a.tx.refuse(ctx, a.repoID, action.Intent, action.Err, a.now)
	case pipeline.Wake:
		return false, nil
	}
	return false, fmt.Errorf("action %T is unknown", action)
}

func (a *applier) start(ctx context.Context, s pipeline.StartPromotion) (bool, error) {
	p := s.Promotion
	if s.Intent != "" {
		if open, err := a.tx.intentOpen(ctx, a.repoID, s.Intent); err != nil || !open {
			return false, err
		}
	}
	other, err := one(ctx, a.tx, scanTo[string], `
SELECT id FROM promotion WHERE repo = ? AND stage = ? AND freight = ? AND phase IN ('Pending', 'Running')`,
		a.repoID, p.Stage.Name, p.Freight.ID)
	switch {
	case err == nil && s.Intent != "":
		return a.tx.refuse(ctx, a.repoID, s.Intent, &pipeline.UserError{
			Message: fmt.Sprintf("%s is already on its way to %s as %s", p.Freight.Headline(), p.Stage.Name, other),
			Hint:    "/kargo status " + p.Stage.Name,
		}, a.now)
	case err == nil:
		return false, nil
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	p.Seq, err = one(ctx, a.tx, scanTo[int],
		`SELECT coalesce(max(seq), 0) + 1 FROM promotion WHERE repo = ? AND stage = ?`, a.repoID, p.Stage.Name)
	if err != nil {
		return false, err
	}
	p.ID = fmt.Sprintf("%s-%d", p.Stage.Name, p.Seq)
	if err := a.tx.insertPromotion(ctx, a.repoID, p); err != nil {
		return false, fmt.Errorf("start %s: %w", p.ID, err)
	}
	a.applied.Started = append(a.applied.Started, p.ID)
	if s.Intent != "" {
		if err := a.tx.grant(ctx, a.repoID, s.Intent, p.ID, a.now); err != nil {
			return false, err
		}
	}
	return true, a.tx.enqueue(ctx, store.WorkStage, store.StageKey(a.repoID, p.Stage.Name), a.now)
}

func (a *applier) abort(ctx context.Context, s pipeline.AbortPromotion) (bool, error) {
	if s.Intent != "" {
		if open, err := a.tx.intentOpen(ctx, a.repoID, s.Intent); err != nil || !open {
			return false, err
		}
	}
	stage, err := one(ctx, a.tx, scanTo[string], `
UPDATE promotion SET abort_requested = CASE abort_requested WHEN '' THEN ? ELSE abort_requested END
WHERE repo = ? AND id = ? AND phase IN ('Pending', 'Running') RETURNING stage`, s.Reason, a.repoID, s.Promotion)
	switch {
	case errors.Is(err, store.ErrNotFound) && s.Intent != "":
		return a.tx.refuse(ctx, a.repoID, s.Intent, &pipeline.UserError{
			Message: fmt.Sprintf("Promotion %s has already ended", s.Promotion),
			Hint:    "/kargo status",
		}, a.now)
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	if s.Intent != "" {
		if err := a.tx.grant(ctx, a.repoID, s.Intent, s.Promotion, a.now); err != nil {
			return false, err
		}
	}
	return true, a.tx.enqueue(ctx, store.WorkStage, store.StageKey(a.repoID, stage), a.now)
}
