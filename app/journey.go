package app

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
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
	if rec.Config.Pipeline == nil {
		return "", nil, nil
	}
	snap, err := j.db.Snapshot(ctx, p.Repo.ID)
	if err != nil {
		return "", nil, fmt.Errorf("load state: %w", err)
	}
	asked := report.Askers(snap, p.Freight.ID)
	if len(asked) == 0 {
		return "", nil, nil
	}
	return report.Journey(*rec.Config.Pipeline, snap, p.Freight, j.now()), asked, nil
}
