package handlers

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// WorkflowRun handles workflow_run: a Verification that waits for the run looks at
// once. Only its end is news.
func (h *Pulls) WorkflowRun(ctx context.Context, e Event) error {
	p, err := decode[struct {
		WorkflowRun struct {
			ID int64 `json:"id"`
		} `json:"workflow_run"`
	}](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	if e.Action != "completed" || p.WorkflowRun.ID == 0 {
		return nil
	}
	if _, err := h.Hints.Wake(ctx, []string{pipeline.WorkflowRunEvent(p.WorkflowRun.ID)}, h.Now()); err != nil {
		return fmt.Errorf("wake for workflow run %d: %w", p.WorkflowRun.ID, err)
	}
	return nil
}

// DeploymentStatus handles deployment_status: a Verification that waits for a
// Deployment of the commit looks at once. Who reports it is found by looking.
func (h *Pulls) DeploymentStatus(ctx context.Context, e Event) error {
	p, err := decode[struct {
		Status struct {
			State string `json:"state"`
		} `json:"deployment_status"`
		Deployment struct {
			SHA string `json:"sha"`
		} `json:"deployment"`
	}](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	switch p.Status.State {
	case "success", "failure", "error":
	default:
		return nil
	}
	if p.Deployment.SHA == "" {
		return nil
	}
	if _, err := h.Hints.Wake(ctx, []string{pipeline.DeploymentEvent(p.Deployment.SHA)}, h.Now()); err != nil {
		return fmt.Errorf("wake for a deployment of %s: %w", p.Deployment.SHA, err)
	}
	return nil
}
