package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// gates judges everything that this App demands before it merges, whether or
// not the host would.
func (p *pull) gates(ctx context.Context, c MergePRConfig, out *PullOutput) error {
	conflict := &RewindError{Reason: fmt.Sprintf("#%d conflicts with %s", p.Number, p.Base)}
	retargeted := p.base != "" && p.Base != p.base
	switch stage := p.env.Promotion.Stage; {
	case p.Draft:
		return p.wait("#%d is a draft, which holds the Promotion until it is marked ready", p.Number)
	case stage.PullRequest.Merge == pipeline.MergeManual:
		if p.conflicts() && !retargeted && p.Head == p.expected {
			return conflict
		}
		return p.soon(out, p.wait("#%d waits to be merged by hand", p.Number))
	case retargeted:
		return p.wait("somebody changed the base of #%d from %s to %s; change it back, merge it by hand or close it", p.Number, p.base, p.Base)
	case p.Head != p.expected:
		return p.moved(out)
	case p.conflicts():
		// Ahead of the checks, which GitHub does not start while there is a conflict,
		// and of people, who would approve what cannot be merged.
		return conflict
	}
	if err := p.closure(ctx); err != nil {
		return p.soon(out, err)
	}
	if err := p.checks(ctx, c.RepoURL); err != nil {
		return p.soon(out, err)
	}
	return p.soon(out, p.approvals(ctx, c.RepoURL))
}

// conflicts reports whether the host knows that the pull request does not fit its
// base any more.
func (p *pull) conflicts() bool {
	return p.State == "dirty" || (p.Mergeable != nil && !*p.Mergeable)
}

// soon makes a wait short while the host does not know yet whether there is a
// conflict: what is waited for may take days, and the conflict would show only
// then.
func (p *pull) soon(out *PullOutput, err error) error {
	var wait *WaitError
	if p.Mergeable != nil || !errors.As(err, &wait) {
		return err
	}
	if until := p.settling(out); until.Before(wait.Until) {
		wait.Until = until
	}
	return err
}

// headLag is for how long a host may show the head from before a push.
const headLag = 30 * time.Second

func (p *pull) moved(out *PullOutput) error {
	const format = "somebody pushed to the promotion branch: its head is %s instead of %s; merge #%d by hand or close it"
	args := []any{pipeline.Short(p.Head), pipeline.Short(p.expected), p.Number}
	if err := p.settle(out, format, args...); p.env.Now().Sub(out.UnsettledSince) < headLag {
		return err
	}
	return p.wait(format, args...)
}

func (p *pull) checks(ctx context.Context, repoURL string) error {
	checks, err := p.env.Gates.RequiredChecks(ctx, repoURL, p.Base, p.expected)
	if err != nil {
		return fmt.Errorf("read required checks: %w", err)
	}
	var failing, pending []string
	for _, c := range checks {
		name := c.Name
		if c.URL != "" {
			name += " (" + c.URL + ")"
		}
		switch c.State {
		case "success":
		case "failure":
			failing = append(failing, name)
		default:
			pending = append(pending, name)
		}
	}
	switch {
	case len(failing) > 0:
		return p.wait("required checks failed: %s", strings.Join(failing, ", "))
	case len(pending) > 0:
		return p.wait("required checks are not done: %s", strings.Join(pending, ", "))
	}
	return nil
}
