package app

import (
	"context"
	"fmt"
	"slices"
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
	in, ok := pipelineOf(rec.Config, p.Stage.Name)
	if !ok {
		return "", nil, nil
	}
	snap, err := j.db.PipelineSnapshot(ctx, p.Repo.ID, pipeline.Qualifier(p.Stage.Name))
	if err != nil {
		return "", nil, fmt.Errorf("load state: %w", err)
	}
	asked := report.Askers(snap, p.Freight.ID)
	if own := p.OwnPull().Number; own != 0 && verified(snap, p) {
		// Its own pull request follows the verification of what it brought.
		if asked == nil {
			asked = map[int]*pipeline.Promotion{}
		}
		asked[own] = p
	}
	if len(asked) == 0 {
		return "", nil, nil
	}
	return report.Journey(in, snap, p.Freight, j.now()), asked, nil
}

// verified reports whether the outcome of a Promotion is or was verified.
func verified(s pipeline.Snapshot, p *pipeline.Promotion) bool {
	return slices.ContainsFunc(s.Verifications, func(r pipeline.VerificationRun) bool { return r.Promotion == p.ID })
}
