package step

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// gates judges everything that this App demands before it merges, whether or
// not the host would.
func (p *pull) gates(ctx context.Context, c MergePRConfig, out *PullOutput) error {
	switch stage := p.env.Promotion.Stage; {
	case p.Draft:
		return p.wait("#%d is a draft, which holds the Promotion until it is marked ready", p.Number)
	case stage.PullRequest.Merge == pipeline.MergeManual:
		return p.wait("#%d waits to be merged by hand", p.Number)
	case p.base != "" && p.Base != p.base:
		return p.wait("somebody changed the base of #%d from %s to %s; change it back, merge it by hand or close it", p.Number, p.base, p.Base)
	case p.Head != p.expected:
		return p.moved(out)
	case p.State == "dirty" || (p.Mergeable != nil && !*p.Mergeable):
		// Ahead of the checks, which GitHub does not start while there is a conflict.
		return &RewindError{Reason: fmt.Sprintf("#%d conflicts with %s", p.Number, p.Base)}
	}
	if err := p.checks(ctx, c.RepoURL); err != nil {
		return err
	}
	return p.approvals(ctx, c.RepoURL)
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

func (p *pull) approvals(ctx context.Context, repoURL string) error {
	rule := p.env.Promotion.Stage.Approvals
	if rule.Required <= 0 {
		return nil
	}
	from := rule.From
	if len(from) == 0 {
		from = []string{"role:write"}
	}
	var teams []string
	for _, entry := range from {
		if strings.HasPrefix(entry, "@") && strings.Contains(entry, "/") {
			teams = append(teams, entry)
		}
	}
	actors, err := p.env.Gates.Approvals(ctx, repoURL, p.Number, p.expected, teams)
	if err != nil {
		return fmt.Errorf("read approvals: %w", err)
	}
	var who []string
	for _, a := range actors {
		login := strings.ToLower(a.Login)
		if pipeline.Allows(from, a) && !slices.Contains(who, login) {
			who = append(who, login)
		}
	}
	if len(who) >= rule.Required {
		return nil
	}
	return p.wait("%d of %d approvals from %s", len(who), rule.Required, pipeline.DescribeEntries(from))
}
