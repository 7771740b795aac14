package app

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// ledger is the record of one Stage under the lease of one job.
type ledger struct {
	db   *sqlite.DB
	job  store.Job
	repo int64
	name string
	now  func() time.Time
}

var _ promotion.Ledger = ledger{}

// Promotions implements promotion.Ledger.
func (l ledger) Promotions(ctx context.Context) ([]pipeline.Promotion, error) {
	return l.db.StagePromotions(ctx, l.repo, l.name)
}

// Save implements promotion.Ledger.
func (l ledger) Save(ctx context.Context, p pipeline.Promotion) error {
	return l.db.SavePromotion(ctx, l.job, p)
}

// Finish implements promotion.Ledger.
func (l ledger) Finish(ctx context.Context, p pipeline.Promotion) error {
	return l.db.FinishPromotion(ctx, l.job, p, l.now())
}

// Reported implements promotion.Ledger.
func (l ledger) Reported(ctx context.Context, id string) error {
	return l.db.MarkReported(ctx, l.job, id)
}

// Current implements promotion.Ledger.
func (l ledger) Current(ctx context.Context, warehouse string) (*pipeline.Freight, error) {
	return l.db.CurrentFreight(ctx, l.repo, l.name, warehouse)
}

// remotes remembers what was created on GitHub.
type remotes struct {
	db  *sqlite.DB
	now func() time.Time
}

var _ promotion.Remotes = remotes{}

// Begin implements promotion.Remotes.
func (r remotes) Begin(ctx context.Context, repo pipeline.Repo, kind, key string) (promotion.Remote, bool, error) {
	obj, fresh, err := r.db.BeginRemote(ctx, repo.ID, kind, key, r.now())
	return promotion.Remote{Kind: obj.Kind, Key: obj.Key, ID: obj.ID, Hash: obj.Hash, BegunAt: obj.BegunAt}, fresh, err
}

// Save implements promotion.Remotes.
func (r remotes) Save(ctx context.Context, repo pipeline.Repo, obj promotion.Remote) error {
	return r.db.SaveRemote(ctx, repo.ID, store.RemoteObject{Kind: obj.Kind, Key: obj.Key, ID: obj.ID, Hash: obj.Hash, BegunAt: r.now()})
}
