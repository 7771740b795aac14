package app

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// journeys follows Freight through the stored state.
type journeys struct {
	db  *sqlite.DB
	now func() time.Time
}

var _ promotion.Journeys = journeys{}

// Journey implements promotion.Journeys.
func (j journeys) Journey(ctx context.Context, p *pipeline.Promotion) (string, map[int]*pipeline.Promotion, error) {
	rec, err := j.db.Repo(ctx, p.Repo.ID)
	if err != nil {
		return "", nil, fmt.Errorf("load repository: %w", err)
	}
	in, ok := j.pipelineOf(rec.Config, p.Stage.Name)
	if !ok {
		return "", nil, nil
	}
	snap, err := j.db.PipelineSnapshot(ctx, p.Repo.ID, store.PipelineOf(p.Stage.Name))
	if err != nil {
		return "", nil, fmt.Errorf("load state: %w", err)
	}
	asked := report.Askers(snap, p.Freight.ID)
	if len(asked) == 0 {
		return "", nil, nil
	}
	return report.Journey(in, snap, p.Freight, j.now()), asked, nil
}

// pipelineOf returns the pipeline that a Stage or Warehouse belongs to by its name.
func (journeys) pipelineOf(c store.Config, qualified string) (pipeline.Pipeline, bool) {
	name := store.PipelineOf(qualified)
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
