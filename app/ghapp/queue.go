package ghapp

import (
	"context"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Queues puts pull requests into merge queues, which only GraphQL knows.
type Queues struct{ app *App }

var _ step.MergeQueues = (*Queues)(nil)

// Queues returns the port.
func (a *App) Queues() *Queues { return &Queues{app: a} }

const queueQuery = `query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      id headRefOid isMergeQueueEnabled isInMergeQueue
      mergeQueueEntry { position }
      timelineItems(itemTypes: [REMOVED_FROM_MERGE_QUEUE_EVENT], last: 1) { nodes { ... on RemovedFromMergeQueueEvent { reason } } }
    }
  }
}`

type queuedPull struct {
	ID       string      `json:"id"`
	Head     string      `json:"headRefOid"`
	Enabled  bool        `json:"isMergeQueueEnabled"`
	In       bool        `json:"isInMergeQueue"`
	Entry    *queueEntry `json:"mergeQueueEntry"`
	Timeline struct {
		Nodes []struct {
			Reason string `json:"reason"`
		} `json:"nodes"`
	} `json:"timelineItems"`
}

type queueEntry struct {
	Position int `json:"position"`
}

func (r *rest) queued(ctx context.Context, number int) (queuedPull, error) {
	var out struct {
		Repository struct {
			Pull *queuedPull `json:"pullRequest"`
		} `json:"repository"`
	}
	vars := map[string]any{"owner": r.owner, "name": r.name, "number": number}
	if err := r.graphQL(ctx, queueQuery, vars, &out); err != nil {
		return queuedPull{}, fmt.Errorf("merge queue of pull request %d: %w", number, err)
	}
	if out.Repository.Pull == nil {
		return queuedPull{}, fmt.Errorf("merge queue of pull request %d: %w", number, step.ErrNotFound)
	}
	return *out.Repository.Pull, nil
}

func (p queuedPull) port() step.QueueState {
	s := step.QueueState{Enabled: p.Enabled}
	if p.In {
		s.Position = 1
		if p.Entry != nil {
			s.Position = max(1, p.Entry.Position)
		}
	}
	if n := len(p.Timeline.Nodes); n > 0 {
		if s.Removed = p.Timeline.Nodes[n-1].Reason; s.Removed == "" {
			s.Removed = "no reason given"
		}
	}
	return s
}

// Queue implements step.MergeQueues.
func (s *Queues) Queue(ctx context.Context, repoURL string, number int) (step.QueueState, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return step.QueueState{}, fmt.Errorf("merge queue: %w", err)
	}
	p, err := r.queued(ctx, number)
	return p.port(), err
}

const enqueueMutation = `mutation($pull: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $head}) { mergeQueueEntry { position } }
}`

// Enqueue implements step.MergeQueues. The pull request is looked at before, for its
// id, and so an earlier attempt is seen.
func (s *Queues) Enqueue(ctx context.Context, repoURL string, number int, sha string) (int, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return 0, fmt.Errorf("merge queue: %w", err)
	}
	p, err := r.queued(ctx, number)
	switch {
	case err != nil:
		return 0, err
	case p.In:
		return p.port().Position, nil
	case p.Head != sha:
		return 0, step.ErrHeadMoved
	case !p.Enabled:
		return 0, &step.NotMergeableError{Message: "its base has no merge queue; add one to the rules of the branch, or merge without"}
	}
	var out struct {
		Enqueue struct {
			Entry *queueEntry `json:"mergeQueueEntry"`
		} `json:"enqueuePullRequest"`
	}
	err = r.graphQL(ctx, enqueueMutation, map[string]any{"pull": p.ID, "head": sha}, &out)
	if err == nil {
		if out.Enqueue.Entry == nil {
			return 0, nil
		}
		return max(1, out.Enqueue.Entry.Position), nil
	}
	refusal, ok := refusedQuery(err)
	if !ok {
		return 0, fmt.Errorf("put pull request %d into the merge queue: %w", number, err)
	}
	now, lookErr := r.queued(ctx, number)
	switch {
	case lookErr != nil:
		return 0, lookErr
	case now.In:
		return now.port().Position, nil
	case now.Head != sha:
		return 0, step.ErrHeadMoved
	}
	return 0, &step.NotMergeableError{Message: refusal.Error(), Retry: strings.Contains(strings.ToLower(refusal.Error()), "try again")}
}
