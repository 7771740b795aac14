package handlers

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/handlers/bind"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// Answer tells the person who asked what Decide made of requests that came with
// one comment, in one reply. A request that needs no words gets the reaction only.
func (h *Comments) Answer(ctx context.Context, rec store.RepoRecord, resolved []store.ResolvedIntent) error {
	if len(resolved) == 0 || resolved[0].Comment == 0 {
		return nil
	}
	first := resolved[0]
	r := request{Scene: bind.Scene{Comment: first.Comment}, rec: rec, place: rec.Repo, number: first.Number}
	if first.Elsewhere.Number != 0 {
		r.place, r.number = first.Elsewhere.Repo, first.Elsewhere.Number
	}
	var snap pipeline.Snapshot
	for _, in := range resolved {
		if in.Refusal != nil || !report.NeedsState(in.Intent) {
			continue
		}
		var err error
		if snap, err = h.State.Snapshot(ctx, rec.ID); err != nil {
			return fmt.Errorf("load state of %s: %w", rec.Repo, err)
		}
		break
	}
	granted, refused := false, false
	answers := make([]report.Answered, len(resolved))
	for i, in := range resolved {
		answers[i] = report.Answered{Intent: in.Intent, Refusal: in.Refusal}
		answers[i].Freight, answers[i].Promotion = in.Freight, in.Promotion
		granted, refused = granted || in.Refusal == nil, refused || in.Refusal != nil
	}
	if body := report.Answer(snap, answers); body != "" {
		// Requests of one comment may be decided on at different times: each time has
		// its own reply.
		marker := report.AnswerMarker(first.Comment, first.ID)
		if err := h.People.Reply(ctx, r.place, r.number, marker, marker+"\n"+body); err != nil {
			return fmt.Errorf("reply to comment %d: %w", first.Comment, err)
		}
	}
	if granted {
		if err := h.react(ctx, r, Accepted); err != nil {
			return err
		}
	}
	if refused {
		return h.react(ctx, r, Refused)
	}
	return nil
}
