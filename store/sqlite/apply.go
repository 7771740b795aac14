package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Apply carries out what [pipeline.Decide] decided for the root pipeline, all of
// it or nothing. It is safe to apply a decision made from an older snapshot:
// Freight that exists, marks that are set, intents that are resolved and ends that
// are requested stay as they are; Freight that came into use is not deleted; a
// Promotion is not started while another one of the same Freight into the same
// Stage is unfinished, nor a VerificationRun while one is under way in its Stage.
// An intent behind what is not done any more is refused; several actions may
// answer one. Started Promotions and runs get their Seq (per Stage, from 1) and
// their ID ("prod-142", "prod-v3"). Wake is the caller's business.
func (db *DB) Apply(ctx context.Context, repoID int64, actions []pipeline.Action, now time.Time) (store.Applied, error) {
	return db.ApplyPipeline(ctx, repoID, "", actions, now)
}

// ApplyPipeline is [DB.Apply] for an included pipeline; a freeze and its end
// concern that one.
func (db *DB) ApplyPipeline(ctx context.Context, repoID int64, name string, actions []pipeline.Action, now time.Time) (store.Applied, error) {
	var applied store.Applied
	err := db.write(ctx, fmt.Sprintf("apply decision for repository %d", repoID), func(tx *writeTx) error {
		a := applier{tx: tx, repoID: repoID, pipeline: name, now: now, answers: map[string]*answer{}}
		for _, action := range actions {
			if err := a.apply(ctx, action); err != nil {
				return err
			}
		}
		applied = a.applied
		return a.resolve(ctx)
	})
	if err != nil {
		return store.Applied{}, err
	}
	return applied, nil
}

// applier carries out the actions of one decision.
type applier struct {
	tx       *writeTx
	repoID   int64
	pipeline string
	now      time.Time
	applied  store.Applied
	answers  map[string]*answer
}

// outcome is what one action came to.
type outcome struct {
	changed bool
	// refusal is why nothing was done that a person asked for.
	refusal *pipeline.UserError
	// What it was done to, for the answer.
	promotion, verification, freight string
}

// just is the outcome of an action that there is nothing to say about.
func just(changed bool, err error) (outcome, error) { return outcome{changed: changed}, err }

func refused(format string, args ...any) outcome {
	return outcome{refusal: &pipeline.UserError{Message: fmt.Sprintf(format, args...), Hint: "/kargo status"}}
}

func (a *applier) apply(ctx context.Context, action pipeline.Action) error {
	intent := pipeline.IntentOf(action)
	ans, err := a.answer(ctx, intent)
	if err != nil || !ans.open {
		return err
	}
	out, err := a.do(ctx, action)
	if err != nil {
		return err
	}
	ans.note(out)
	a.applied.Changed = a.applied.Changed || out.changed || intent != ""
	return nil
}

func (a *applier) do(ctx context.Context, action pipeline.Action) (outcome, error) {
	switch c := action.(type) {
	case pipeline.CreateFreight:
		return a.createFreight(ctx, c.Freight)
	case pipeline.DeleteFreight:
		return a.deleteFreight(ctx, c.Freight)
	case pipeline.RenameFreight:
		return a.renameFreight(ctx, c.Freight, c.Alias)
	case pipeline.AdoptFreight:
		return just(a.tx.occupy(ctx, a.repoID, c.Stage, c.Freight, a.now))
	case pipeline.MarkVerified:
		return just(a.tx.markVerified(ctx, a.repoID, c.Stage, c.Freight, a.now))
	case pipeline.RevokeVerified:
		return outcome{changed: true}, a.tx.revokeVerified(ctx, a.repoID, c.Stage, c.Freight)
	case pipeline.ApproveFreight:
		changed, err := a.tx.markApproved(ctx, a.repoID, c.Stage, c.Freight, a.now)
		return outcome{changed: changed, freight: c.Freight}, err
	case pipeline.ApprovePromotion:
		return a.approve(ctx, c.Promotion, c.Approval)
	case pipeline.AnswerPromotion:
		return a.answerStep(ctx, c.Promotion, c.Answer)
	case pipeline.StartPromotion:
		return a.start(ctx, c.Promotion)
	case pipeline.AbortPromotion:
		return a.abort(ctx, c)
	case pipeline.RetryPromotion:
		return a.retry(ctx, c.Promotion)
	case pipeline.StartVerification:
		return a.verify(ctx, c.Run)
	case pipeline.StopVerification:
		return a.stop(ctx, c)
	case pipeline.RecordHold:
		return just(a.tx.putHold(ctx, a.repoID, c.Hold))
	case pipeline.ReleaseHold:
		return just(a.tx.releaseHold(ctx, a.repoID, c.Stage, c.Warehouse))
	case pipeline.FreezePipeline:
		return just(a.tx.freeze(ctx, a.repoID, a.pipeline, c.Freeze))
	case pipeline.ThawPipeline:
		return just(a.tx.thaw(ctx, a.repoID, a.pipeline))
	case pipeline.RefuseIntent:
		return outcome{refusal: c.Err}, nil
	case pipeline.GrantIntent, pipeline.Wake:
		return outcome{}, nil
	}
	return outcome{}, fmt.Errorf("action %T is unknown", action)
}
