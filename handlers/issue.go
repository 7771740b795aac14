package handlers

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// Issue handles issues: a Promotion that waits for the issue looks at once. Comments
// change nothing that it could wait for.
func (h *Pulls) Issue(ctx context.Context, e Event) error {
	rec, ok := e.Record()
	if !ok {
		return nil
	}
	p, err := decode[struct {
		Issue struct {
			Number int `json:"number"`
		} `json:"issue"`
	}](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	if p.Issue.Number == 0 || e.Action == "opened" {
		return nil // who waits for an issue knows its number
	}
	if _, err := h.Hints.Wake(ctx, []string{pipeline.IssueEvent(rec.Repo, p.Issue.Number)}, h.Now()); err != nil {
		return fmt.Errorf("wake for issue %d: %w", p.Issue.Number, err)
	}
	return nil
}
