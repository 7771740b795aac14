package handlers

import (
	"context"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// tryOut says what Decide would make of requests to promote, without making them.
func (h *Comments) tryOut(ctx context.Context, r *request, intents []pipeline.Intent) (string, error) {
	trials := map[string]*report.Trial{}
	scopes := map[string]scope{}
	for _, in := range intents {
		trials[in.ID] = &report.Trial{}
		name := pipeline.Qualifier(in.Stage)
		s, known := scopes[name]
		if !known {
			var err error
			if s, err = h.scope(ctx, r, in.Stage); err != nil {
				return "", err
			}
			s.snap.Intents = nil
		}
		s.snap.Intents = append(s.snap.Intents, in)
		scopes[name] = s
	}
	for _, s := range scopes {
		for _, action := range pipeline.Decide(s.Pipeline, s.snap, h.Now()) {
			switch a := action.(type) {
			case pipeline.StartPromotion:
				if t, ok := trials[a.Intent]; ok {
					t.Promotion = &a.Promotion
				}
			case pipeline.RefuseIntent:
				if t, ok := trials[a.Intent]; ok {
					t.Refusal = a.Err
				}
			}
		}
	}
	var answers []string
	for _, in := range intents {
		answer, err := h.trialOf(ctx, r, scopes[pipeline.Qualifier(in.Stage)], in, *trials[in.ID])
		if err != nil {
			return "", err
		}
		answers = append(answers, answer)
	}
	return strings.Join(answers, "\n"), nil
}

// trialOf completes one trial. What was refused is shown with the Promotion that
// it would have been.
func (h *Comments) trialOf(ctx context.Context, r *request, s scope, in pipeline.Intent, t report.Trial) (string, error) {
	stage := r.Stage(in.Stage)
	f, known := r.Snapshot.FreightByID(in.Freight)
	switch {
	case known:
	case t.Promotion != nil:
		f = t.Promotion.Freight
	default:
		f = r.Newest(stage)
	}
	imagined := r.imagined(stage, f)
	switch {
	case t.Promotion != nil:
		t.Promotion.Previous = imagined.Previous
	case t.Refusal != nil && (f.ID == "" || stage.ControlFlow()):
		return "", t.Refusal
	case f.ID == "":
		return "", fmt.Errorf("dry run of a promotion into %s comes to nothing", in.Stage)
	default:
		t.Promotion = &imagined
	}
	var err error
	if t.Change, err = h.preview(ctx, r, *t.Promotion); err != nil {
		return "", err
	}
	return report.DryRun(s.Pipeline, s.snap, t, h.Now()), nil
}
