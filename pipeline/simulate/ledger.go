package simulate

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// ledger is the engine's record of one Stage.
type ledger struct {
	w     *world
	stage string
}

func (l *ledger) Promotions(context.Context) ([]pipeline.Promotion, error) {
	var out []pipeline.Promotion
	for i := range l.w.s.Promotions {
		pr := &l.w.s.Promotions[i]
		if pr.Stage.Name == l.stage && (!pr.Phase.Terminal() || !l.w.reported[pr.ID]) {
			out = append(out, copyOf(pr))
		}
	}
	return out, nil
}

// copyOf keeps the engine from changing what is recorded.
func copyOf(pr *pipeline.Promotion) pipeline.Promotion {
	c := *pr
	c.Steps = append([]pipeline.StepState(nil), pr.Steps...)
	return c
}

// Save changes the one Promotion in place: a copy of all of them for each step of
// each would make hundreds of Stages slow.
func (l *ledger) Save(_ context.Context, pr pipeline.Promotion) error {
	old := l.w.promotion(pr.ID)
	if old == nil || old.Phase.Terminal() {
		return fmt.Errorf("save %s: it has ended", pr.ID)
	}
	l.w.log.promotion(l.w.now, old, &pr)
	pr = copyOf(&pr)
	pr.AbortRequested, pr.AbortAs, pr.Approvals = old.AbortRequested, old.AbortAs, old.Approvals
	*old = pr
	return nil
}

func (l *ledger) Finish(_ context.Context, pr pipeline.Promotion) error {
	delete(l.w.reported, pr.ID)
	l.w.log.promotion(l.w.now, l.w.promotion(pr.ID), &pr)
	l.w.s = pipeline.RecordPromotion(l.w.p, l.w.s, pr, l.w.now)
	return nil
}

func (l *ledger) Reported(_ context.Context, id string) error {
	l.w.reported[id] = true
	return nil
}

func (l *ledger) Current(_ context.Context, warehouse string) (*pipeline.Freight, error) {
	f, ok := l.w.s.Current(l.stage, warehouse)
	if !ok {
		return nil, nil //nolint:nilnil // the port says nil for none
	}
	return &f, nil
}

func (l *ledger) Closure(_ context.Context, now time.Time) (pipeline.Closure, error) {
	stage, ok := l.w.p.Stage(l.stage)
	if !ok {
		return pipeline.Closure{}, nil
	}
	return l.w.p.Closure(l.w.s.Freeze, stage, now), nil
}

func (l *ledger) Success(context.Context) (*pipeline.Promotion, *pipeline.HealthReading, error) {
	if _, declared := l.w.p.Stage(l.stage); !declared {
		return nil, nil, nil
	}
	var newest *pipeline.Promotion
	for i := range l.w.s.Promotions {
		pr := &l.w.s.Promotions[i]
		if pr.Stage.Name == l.stage && pr.Phase == pipeline.Succeeded && (newest == nil || pr.Seq > newest.Seq) {
			newest = pr
		}
	}
	if newest == nil {
		return nil, nil, nil
	}
	found := copyOf(newest)
	for _, r := range l.w.s.Health {
		switch {
		case r.Stage != l.stage:
		case r.Promotion == found.ID && l.w.answers.seen(l.stage):
			return nil, nil, nil // nothing would come of another look
		default:
			return &found, &r, nil
		}
	}
	return &found, nil, nil
}

func (l *ledger) SaveHealth(_ context.Context, r pipeline.HealthReading) error {
	l.w.s = pipeline.RecordHealth(l.w.p, l.w.s, r, l.w.now)
	return nil
}

func (l *ledger) Verification(context.Context) (*pipeline.VerificationRun, error) {
	for i := range l.w.s.Verifications {
		if run := l.w.s.Verifications[i]; run.Stage.Name == l.stage && !run.Phase.Terminal() {
			run.Metrics = append([]pipeline.MetricRun(nil), run.Metrics...)
			return &run, nil
		}
	}
	return nil, nil //nolint:nilnil // the port says nil for none
}

func (l *ledger) SaveVerification(_ context.Context, run pipeline.VerificationRun) error {
	l.w.log.verification(l.w.now, &run)
	l.w.s = pipeline.RecordVerification(l.w.p, l.w.s, run, l.w.now)
	return nil
}

func (l *ledger) FinishVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.SaveVerification(ctx, run)
}

// UnreportedVerifications is empty, because nobody is told.
func (l *ledger) UnreportedVerifications(context.Context) ([]pipeline.VerificationRun, error) {
	return nil, nil
}

func (l *ledger) VerificationReported(context.Context, string) error { return nil }

// silence is a Reporter for a world in which nobody reads.
type silence struct{}

func (silence) Report(context.Context, *pipeline.Promotion) error { return nil }

func (silence) ReportVerification(context.Context, *pipeline.VerificationRun) error { return nil }
