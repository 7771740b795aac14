package simulate

import (
	"context"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Queue implements [step.MergeQueues]: nothing ever waits in the queue.
func (h *host) Queue(context.Context, string, int) (step.QueueState, error) {
	return step.QueueState{Enabled: true}, nil
}

// Enqueue implements [step.MergeQueues]: what has passed its gates passes the queue.
func (h *host) Enqueue(ctx context.Context, repoURL string, number int, sha string) (int, error) {
	_, err := h.Merge(ctx, repoURL, number, step.MergeRequest{SHA: sha})
	return 0, err
}
