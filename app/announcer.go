package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// announcer is a Publisher that also brings up to date what it said about a
// Promotion while the outcome of that is verified.
type announcer struct {
	*promotion.Publisher
	db *sqlite.DB
}

var _ promotion.Reporter = announcer{}

// ReportVerification implements promotion.Reporter.
func (a announcer) ReportVerification(ctx context.Context, run *pipeline.VerificationRun) error {
	err := a.Publisher.ReportVerification(ctx, run)
	if run.Promotion == "" {
		return err
	}
	p, loadErr := a.db.Promotion(ctx, run.Repo.ID, run.Promotion)
	switch {
	case errors.Is(loadErr, store.ErrNotFound): // forgotten meanwhile
		return err
	case loadErr != nil:
		return errors.Join(err, fmt.Errorf("load %s: %w", run.Promotion, loadErr))
	}
	return errors.Join(err, a.Report(ctx, &p))
}
