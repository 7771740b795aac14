package promotion

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Ledger is the durable record of one Stage, held under one lease. Every write
// fails once the lease has moved on.
type Ledger interface {
	Promotions
	Verifications
	Healths
	// Closure says whether the pipeline as it is now closes the Stage to Promotions:
	// windows and freezes are no part of what a Promotion keeps.
	Closure(ctx context.Context, now time.Time) (pipeline.Closure, error)
}

// Promotions is the record of a Stage's Promotions.
type Promotions interface {
	// Promotions returns, oldest first, those that are not terminal and those
	// whose end is not reported yet.
	Promotions(ctx context.Context) ([]pipeline.Promotion, error)
	// Save records a Promotion that goes on.
	Save(ctx context.Context, p pipeline.Promotion) error
	// Finish records a terminal Promotion together with what follows from it:
	// on success its Freight becomes current, a hold is set or cleared, and the
	// Stage's Verification is created.
	Finish(ctx context.Context, p pipeline.Promotion) error
	// Reported records that the end of a Promotion was published.
	Reported(ctx context.Context, id string) error
	// Current returns the Freight of a Warehouse that is current in the Stage,
	// nil for none.
	Current(ctx context.Context, warehouse string) (*pipeline.Freight, error)
}

// Verifications is the record of a Stage's VerificationRuns, of which at most one
// is open.
type Verifications interface {
	// Verification returns the run that has not ended, nil for none.
	Verification(ctx context.Context) (*pipeline.VerificationRun, error)
	// SaveVerification records a run that goes on.
	SaveVerification(ctx context.Context, run pipeline.VerificationRun) error
	// FinishVerification records a terminal run together with what follows from it:
	// Freight that is verified, or no longer.
	FinishVerification(ctx context.Context, run pipeline.VerificationRun) error
	// UnreportedVerifications returns those that ended and whose end was not
	// published, oldest first.
	UnreportedVerifications(ctx context.Context) ([]pipeline.VerificationRun, error)
	// VerificationReported records that the end of a run was published.
	VerificationReported(ctx context.Context, id string) error
}

// Reporter brings what the world sees of a Promotion or a VerificationRun up to
// date. It must be idempotent.
type Reporter interface {
	Report(ctx context.Context, p *pipeline.Promotion) error
	ReportVerification(ctx context.Context, run *pipeline.VerificationRun) error
}

// Verifier runs Verifications.
type Verifier interface {
	// Advance moves a run that is not terminal as far as it goes now, and ends one
	// whose AbortRequested is set. Before it does something that must not happen
	// twice it calls save. When it returns nil, either the run is terminal or WakeAt
	// and WakeOn say when to look again; the caller records that.
	Advance(ctx context.Context, run *pipeline.VerificationRun, save func(context.Context, pipeline.VerificationRun) error) error
}
