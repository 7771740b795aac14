package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// start begins a Promotion whose turn it is, unless its Stage is closed: then it
// stays where it is, with the reason as its message, until wake.
func (x *execution) start(ctx context.Context) (closed bool, wake time.Time, err error) {
	p, now := x.p, x.e.Ports.Now()
	c, err := x.l.Closure(ctx, now)
	if err != nil {
		return false, time.Time{}, fmt.Errorf("see whether %s is closed: %w", p.Stage.Name, err)
	}
	if c.Closed {
		wait := step.Closed(c, now, x.e.Ports.PollInterval)
		return true, wait.Until, x.queue(ctx, wait.Message)
	}
	previous, err := x.l.Current(ctx, p.Freight.Warehouse)
	if err != nil {
		return false, time.Time{}, fmt.Errorf("load current freight: %w", err)
	}
	if p.Retries > 0 {
		p.Rewinds = 0 // new starts that were used up are no reason to give up again
		if err := x.retake(ctx); err != nil {
			return false, time.Time{}, fmt.Errorf("retry %s: %w", p.ID, err)
		}
	}
	p.Start(now, previous)
	p.Message = ""
	if err := x.l.Save(ctx, *p); err != nil {
		return false, time.Time{}, fmt.Errorf("start %s: %w", p.ID, err)
	}
	x.log.InfoContext(ctx, "promotion started", "freight", p.Freight.ID, "reason", p.Reason, "retries", p.Retries)
	return false, time.Time{}, nil
}

// queue leaves a Promotion where it is and says why.
func (x *execution) queue(ctx context.Context, why string) error {
	if x.p.Message == why {
		return nil
	}
	x.p.Message = why
	x.log.InfoContext(ctx, "promotion waits to start", "why", why)
	return x.save(ctx)
}

// retake prepares a Promotion that had ended to go on from the step that is next.
// What that step builds on may be gone: then the Promotion starts over, with a
// pull request of its own if somebody closed the one it had.
func (x *execution) retake(ctx context.Context) error {
	p := x.p
	first, next := firstClone(p), p.Next()
	if first < 0 || next <= first {
		return nil
	}
	why, err := x.lost(ctx, first, next)
	if why == "" || err != nil {
		return err
	}
	x.log.InfoContext(ctx, "promotion starts over", "reason", why)
	p.Rewind(first, why)
	return nil
}

// lost says what is gone that the next step builds on, "" for nothing.
func (x *execution) lost(ctx context.Context, first, next int) (why string, err error) {
	p := x.p
	pull, branch := p.Pull(), p.OwnBranch()
	switch {
	case pull.Merged:
		return "", nil
	case pull.Number != 0:
		pr, err := x.e.Ports.Pulls.Get(ctx, x.e.pullURL(p, pull), pull.Number)
		if err != nil && !errors.Is(err, step.ErrNotFound) {
			return "", fmt.Errorf("read pull request %d: %w", pull.Number, err)
		}
		if err == nil && (pr.Open || pr.Merged) {
			return "", nil
		}
		abandon(p, pull.Number)
		return fmt.Sprintf("pull request #%d is closed", pull.Number), nil
	case branch != "":
		_, err := x.e.Ports.Git.Checkout(ctx, x.e.branchURL(p), step.Ref{Branch: branch})
		if errors.Is(err, step.ErrNotFound) {
			return fmt.Sprintf("branch %s is gone", branch), nil
		}
		if err != nil {
			return "", fmt.Errorf("look for branch %s: %w", branch, err)
		}
		return "", nil
	case x.pure(first, next):
		return "the files may have changed since", nil
	}
	return "", nil
}

// pure reports whether all steps from first to the next one only work on files,
// so that running them again on the newest commit repeats nothing outside.
func (x *execution) pure(first, next int) bool {
	for i := first; i <= next; i++ {
		def, ok := x.e.Steps.Lookup(x.p.Stage.Steps[i].Uses)
		if x.p.Steps[i].Phase == pipeline.Skipped && x.p.Steps[i].Attempts == 0 {
			continue
		}
		if !ok || def.Kind() != step.Workspace {
			return false
		}
	}
	return true
}

// abandon makes the Promotion forget a pull request, so that it opens another one.
func abandon(p *pipeline.Promotion, number int) {
	for i := range p.Steps {
		switch p.Stage.Steps[i].Uses {
		case "git-open-pr":
			p.Steps[i].Output = step.Abandoned(p.Steps[i].Output, number)
		case "git-wait-for-pr", "git-merge-pr":
			p.Steps[i].Output = nil
		}
	}
}

// firstClone is the index of the first step that reads a repository, -1 for none.
func firstClone(p *pipeline.Promotion) int {
	for i, spec := range p.Stage.Steps {
		if spec.Uses == "git-clone" {
			return i
		}
	}
	return -1
}
