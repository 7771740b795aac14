package app

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// audit keeps what steps write down for the record.
type audit struct {
	db  *sqlite.DB
	now func() time.Time
}

var _ step.Audit = audit{}

// Record implements step.Audit.
func (a audit) Record(ctx context.Context, r pipeline.Repo, e step.AuditEvent) error {
	return a.db.PutAuditEvent(ctx, r.ID, store.AuditEvent{
		Promotion: e.Promotion, Step: e.Step, At: a.now(), Type: e.Type, Actor: e.Actor, Message: e.Message, Data: e.Data,
	})
}
