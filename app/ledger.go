package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
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

// Success implements promotion.Ledger.
func (l ledger) Success(ctx context.Context) (*pipeline.Promotion, *pipeline.HealthReading, error) {
	p, reading, err := l.db.StageSuccess(ctx, l.repo, l.name)
	if err != nil || p == nil || len(p.HealthChecks()) == 0 {
		return p, reading, err
	}
	rec, err := l.db.Repo(ctx, l.repo)
	if err != nil {
		return nil, nil, err
	}
	if declared, known := pipelineOf(rec.Config, l.name); !known || !slices.Contains(declared.StageNames(), l.name) {
		return nil, nil, nil
	}
	return p, reading, nil
}

// SaveHealth implements promotion.Ledger.
func (l ledger) SaveHealth(ctx context.Context, r pipeline.HealthReading) error {
	return l.db.SaveHealth(ctx, l.job, r, l.now())
}

// Verification implements promotion.Ledger.
func (l ledger) Verification(ctx context.Context) (*pipeline.VerificationRun, error) {
	return l.db.StageVerification(ctx, l.repo, l.name)
}

// SaveVerification implements promotion.Ledger.
func (l ledger) SaveVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.db.SaveVerification(ctx, l.job, run)
}

// FinishVerification implements promotion.Ledger.
func (l ledger) FinishVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.db.FinishVerification(ctx, l.job, run, l.now())
}

// UnreportedVerifications implements promotion.Ledger.
func (l ledger) UnreportedVerifications(ctx context.Context) ([]pipeline.VerificationRun, error) {
	return l.db.UnreportedVerifications(ctx, l.repo, l.name)
}

// VerificationReported implements promotion.Ledger.
func (l ledger) VerificationReported(ctx context.Context, id string) error {
	return l.db.MarkVerificationReported(ctx, l.job, id)
}

// Closure implements promotion.Ledger. A Stage that is gone from its pipeline is
// not closed: what still runs there is about to end.
func (l ledger) Closure(ctx context.Context, now time.Time) (pipeline.Closure, error) {
	rec, err := l.db.Repo(ctx, l.repo)
	if err != nil {
		return pipeline.Closure{}, err
	}
	p, known := pipelineOf(rec.Config, l.name)
	stage, ok := p.Stage(l.name)
	if !known || !ok {
		return pipeline.Closure{}, nil
	}
	freeze, err := l.db.Freeze(ctx, l.repo, pipeline.Qualifier(l.name))
	if err != nil {
		return pipeline.Closure{}, err
	}
	return p.Closure(freeze, stage, now), nil
}

// pipelineOf returns the pipeline that a Stage or Warehouse belongs to by its name.
func pipelineOf(c store.Config, qualified string) (pipeline.Pipeline, bool) {
	name := pipeline.Qualifier(qualified)
	if name == "" {
		if c.Pipeline == nil {
			return pipeline.Pipeline{}, false
		}
		return *c.Pipeline, true
	}
	for _, p := range c.Included {
		if p.Name == name {
			return p, true
		}
	}
	return pipeline.Pipeline{}, false
}

// history finds Promotions in the stored state.
type history struct{ db *sqlite.DB }

var (
	_ promotion.History = history{}
	_ step.Past         = history{}
)

// Past implements promotion.History.
func (h history) Past(ctx context.Context, r pipeline.Repo, id string) (*pipeline.Promotion, error) {
	p, err := h.db.Promotion(ctx, r.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // what was pruned is ordinary
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// Earlier implements step.Past.
func (h history) Earlier(ctx context.Context, p *pipeline.Promotion, limit int) ([]pipeline.Promotion, error) {
	return h.db.EarlierPromotions(ctx, p.Repo.ID, p.Stage.Name, p.Seq, limit)
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
