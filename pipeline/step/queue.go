package step

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// QueueState is where a pull request is in the merge queue of its base.
type QueueState struct {
	// Enabled says whether the base has a queue.
	Enabled bool
	// Position counts from 1; 0 is not in the queue.
	Position int
	// Removed is why the pull request left the queue last, in the host's words; empty
	// when it never did.
	Removed string
}

// MergeQueues is what steps need of merge queues.
type MergeQueues interface {
	// Queue returns where a pull request is.
	Queue(ctx context.Context, repoURL string, number int) (QueueState, error)
	// Enqueue puts a pull request whose head is sha at the end of the queue and returns
	// its position, 0 when it was merged right away. One that is in the queue already
	// stays where it is. ErrHeadMoved or *NotMergeableError when the host refuses.
	Enqueue(ctx context.Context, repoURL string, number int, sha string) (position int, err error)
}

// enqueued is what the output of a step keeps of a queue.
type enqueued struct {
	Position int    `json:"position" doc:"place in the queue when it was last looked at, counted from 1; 0 when it is in none"`
	Head     string `json:"head" doc:"the head commit that was put into the queue"`
}

// queues reports whether the pull request is merged by a queue: because the Stage says
// so, or because a rule of the base does.
func (p *pull) queues(ctx context.Context, repoURL string) (bool, error) {
	if p.prior.Queue != nil || p.env.Promotion.Stage.PullRequest.Merge == pipeline.MergeQueue {
		return true, nil
	}
	rules, err := p.rules(ctx, repoURL)
	return rules.MergeQueue && p.env.Queues != nil, err
}

// throughQueue puts the pull request into the merge queue, or looks what became of it
// there. It is never put there twice with the same head: whoever took it out had a
// reason.
func (p *pull) throughQueue(ctx context.Context, c MergePRConfig, out *PullOutput) error {
	if p.env.Queues == nil {
		return &FailedError{Err: errors.New("merge queues are not available here"), Terminal: true}
	}
	was := p.prior.Queue
	if was != nil {
		out.Queue = &enqueued{Head: was.Head}
		state, err := p.env.Queues.Queue(ctx, c.RepoURL, p.Number)
		switch {
		case err != nil:
			out.Queue = was
			return fmt.Errorf("look at the merge queue: %w", err)
		case state.Position > 0:
			return p.inQueue(out, state.Position)
		case was.Head == p.expected:
			return p.dequeued(out, state)
		}
	}
	at, err := p.env.Queues.Enqueue(ctx, c.RepoURL, p.Number, p.expected)
	var refused *NotMergeableError
	switch {
	case errors.Is(err, ErrHeadMoved):
		return p.settle(out, "#%d moved while it was put into the merge queue", p.Number)
	case errors.As(err, &refused) && refused.Retry:
		return p.settle(out, "#%d could not be put into the merge queue yet: %s", p.Number, refused.Message)
	case errors.As(err, &refused):
		return p.wait("the Git host refuses to put #%d into the merge queue: %s", p.Number, refused.Message)
	case err != nil:
		return fmt.Errorf("put #%d into the merge queue: %w", p.Number, err)
	}
	out.Queue = &enqueued{Head: p.expected}
	return p.inQueue(out, at)
}

// inQueue is a wait that no config turns into a failure: the queue is how the pull
// request is merged.
func (p *pull) inQueue(out *PullOutput, position int) error {
	if out.Queue != nil {
		out.Queue.Position = position
	}
	w := p.wait("#%d is in the merge queue at position %d, until its checks have passed", p.Number, position)
	if position == 0 {
		w = p.wait("#%d went through the merge queue and is about to be merged", p.Number)
		w.Until = p.settling(out)
	}
	return &unsettledError{w}
}

// dequeued waits until somebody does something about a pull request that left the
// queue without being merged. For a moment that is how one that is merged looks.
func (p *pull) dequeued(out *PullOutput, state QueueState) error {
	why := strings.ToLower(strings.ReplaceAll(state.Removed, "_", " "))
	if why == "" || why == "merge" {
		return p.settle(out, "#%d left the merge queue and is about to be merged", p.Number)
	}
	return p.wait("#%d was removed from the merge queue (%s): put it back with \"Merge when ready\" once that is mended, merge it by hand, or close it", p.Number, oneLine(why))
}

// byHand waits for people, or for the queue that they put the pull request into.
func (p *pull) byHand(ctx context.Context, repoURL string) error {
	wait := p.wait("pull request #%d waits to be merged by hand", p.Number)
	if p.env.Queues == nil {
		return wait
	}
	rules, err := p.rules(ctx, repoURL)
	if err != nil {
		return err
	}
	if !rules.MergeQueue {
		return wait
	}
	state, err := p.env.Queues.Queue(ctx, repoURL, p.Number)
	switch {
	case err != nil:
		return fmt.Errorf("look at the merge queue: %w", err)
	case state.Position > 0:
		return p.wait("pull request #%d is in the merge queue at position %d, until its checks have passed", p.Number, state.Position)
	case state.Removed != "":
		return p.wait("pull request #%d was removed from the merge queue (%s) and waits to be merged by hand", p.Number, oneLine(strings.ToLower(strings.ReplaceAll(state.Removed, "_", " "))))
	}
	return wait
}
