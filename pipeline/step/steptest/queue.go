package steptest

import (
	"context"
	"errors"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Queues is the merge queue of every branch, moved by the test.
type Queues struct {
	world *World
	// State is where every pull request is.
	State step.QueueState
	// Refuse, when not nil, is what Enqueue answers.
	Refuse error
	// Put are the heads that were put into the queue.
	Put []string
}

var _ step.MergeQueues = (*Queues)(nil)

// Queue implements step.MergeQueues.
func (q *Queues) Queue(ctx context.Context, _ string, _ int) (step.QueueState, error) {
	return q.State, ctx.Err()
}

// Enqueue implements step.MergeQueues.
func (q *Queues) Enqueue(ctx context.Context, _ string, _ int, sha string) (int, error) {
	if err := errors.Join(ctx.Err(), q.world.fault("enqueue", false), q.Refuse); err != nil {
		return 0, err
	}
	if q.State.Position == 0 {
		q.Put = append(q.Put, sha)
		q.State = step.QueueState{Enabled: true, Position: len(q.Put)}
	}
	return q.State.Position, q.world.fault("enqueue", true)
}

// Rules is what every branch demands, and what is said of every pull request.
type Rules struct {
	Branch  step.BranchRules
	Reviews step.ReviewState
}

var _ step.Rules = (*Rules)(nil)

// BranchRules implements step.Rules.
func (r *Rules) BranchRules(ctx context.Context, _, _ string) (step.BranchRules, error) {
	return r.Branch, ctx.Err()
}

// ReviewState implements step.Rules.
func (r *Rules) ReviewState(ctx context.Context, _ string, _ int) (step.ReviewState, error) {
	return r.Reviews, ctx.Err()
}
