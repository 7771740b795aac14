package reconcile

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// logAction says what is done, under the request that it answers, if any.
func (r *Reconciler) logAction(ctx context.Context, rec store.RepoRecord, action pipeline.Action) {
	log := r.Log.With("repo", rec.Repo.String())
	if id := pipeline.IntentOf(action); id != "" {
		log = log.With("request", id)
	}
	switch a := action.(type) {
	case pipeline.CreateFreight:
		log.InfoContext(ctx, "freight created", "warehouse", a.Freight.Warehouse, "freight", a.Freight.ID, "alias", a.Freight.Alias)
	case pipeline.DeleteFreight:
		log.InfoContext(ctx, "freight deleted", "freight", a.Freight)
	case pipeline.RenameFreight:
		log.InfoContext(ctx, "freight renamed", "freight", a.Freight, "alias", a.Alias)
	case pipeline.AdoptFreight:
		log.InfoContext(ctx, "freight found in files", "stage", a.Stage, "freight", a.Freight)
	case pipeline.MarkVerified:
		log.InfoContext(ctx, "freight verified", "stage", a.Stage, "freight", a.Freight)
	case pipeline.RevokeVerified:
		log.InfoContext(ctx, "verification of freight revoked", "stage", a.Stage, "freight", a.Freight)
	case pipeline.ApproveFreight:
		log.InfoContext(ctx, "freight approved", "stage", a.Stage, "freight", a.Freight, "actor", a.Actor, "reason", a.Reason)
	case pipeline.ApprovePromotion:
		log.InfoContext(ctx, "promotion approved", "promotion", a.Promotion, "actor", a.Approval.Actor.Login, "head", a.Approval.Head)
	case pipeline.AnswerPromotion:
		log.InfoContext(ctx, "promotion answered", "promotion", a.Promotion, "step", a.Answer.Step, "actor", a.Answer.Actor.Login)
	case pipeline.StartPromotion:
		log.InfoContext(ctx, "promotion queued", "stage", a.Promotion.Stage.Name, "freight", a.Promotion.Freight.ID, "reason", a.Promotion.Reason, "rollback", a.Promotion.Rollback)
	case pipeline.AbortPromotion:
		log.InfoContext(ctx, "promotion to be aborted", "promotion", a.Promotion, "reason", a.Reason, "as", string(a.As))
	case pipeline.RetryPromotion:
		log.InfoContext(ctx, "promotion queued again", "promotion", a.Promotion)
	case pipeline.StartVerification:
		log.InfoContext(ctx, "verification to start", "stage", a.Run.Stage.Name, "promotion", a.Run.Promotion, "reason", a.Run.Reason)
	case pipeline.StopVerification:
		log.InfoContext(ctx, "verification to be stopped", "verification", a.Run, "reason", a.Reason)
	case pipeline.RecordHold:
		log.InfoContext(ctx, "hold recorded", "stage", a.Hold.Stage, "warehouse", a.Hold.Warehouse, "actor", a.Hold.Actor, "reason", a.Hold.Reason)
	case pipeline.ReleaseHold:
		log.InfoContext(ctx, "hold released", "stage", a.Stage, "warehouse", a.Warehouse)
	case pipeline.FreezePipeline:
		log.InfoContext(ctx, "pipeline frozen", "actor", a.Freeze.Actor, "reason", a.Freeze.Reason, "until", a.Freeze.Until)
	case pipeline.ThawPipeline:
		log.InfoContext(ctx, "pipeline thawed")
	case pipeline.GrantIntent:
		log.InfoContext(ctx, "request granted")
	case pipeline.RefuseIntent:
		log.InfoContext(ctx, "request refused", "reason", a.Err.Error())
	case pipeline.Wake: // not an action on anything
	}
}
