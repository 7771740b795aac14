package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// approvals judges whether enough people approved the head: by review, or by a
// command that was given while the head was the same. Whoever did both, or stands
// in several groups, counts once in each.
func (p *pull) approvals(ctx context.Context, repoURL string) error {
	groups := quorum(p.env.Promotion.Stage.Approvals)
	if len(groups) == 0 {
		return nil
	}
	approvers, err := p.env.Gates.Approvals(ctx, repoURL, p.Number, p.expected, teams(groups))
	if err != nil {
		return fmt.Errorf("read approvals: %w", err)
	}
	for _, a := range p.env.Promotion.Approvals {
		if a.Head == p.expected {
			approvers = append(approvers, a.Actor)
		}
	}
	var missing []string
	for _, g := range groups {
		if n := count(approvers, g.From); n < g.Required {
			missing = append(missing, fmt.Sprintf("%d of %d approvals from %s", n, g.Required, pipeline.DescribeEntries(g.From)))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return p.wait("%s", strings.Join(missing, "; "))
}

// quorum lists all groups that have to approve, that of the plain number first.
func quorum(rule pipeline.Approvals) []pipeline.Quorum {
	var groups []pipeline.Quorum
	for _, g := range append([]pipeline.Quorum{{From: rule.From, Required: rule.Required}}, rule.Quorum...) {
		if g.Required <= 0 {
			continue
		}
		if len(g.From) == 0 {
			g.From = []string{"role:write"}
		}
		groups = append(groups, g)
	}
	return groups
}

// teams lists the teams among those who have to approve.
func teams(groups []pipeline.Quorum) []string {
	var all []string
	for _, g := range groups {
		for _, entry := range g.From {
			if strings.HasPrefix(entry, "@") && strings.Contains(entry, "/") && !slices.Contains(all, entry) {
				all = append(all, entry)
			}
		}
	}
	return all
}

// count is the number of people among actors whom the entries admit.
func count(actors []pipeline.Actor, from []string) int {
	var who []string
	for _, a := range actors {
		login := strings.ToLower(a.Login)
		if pipeline.Allows(from, a) && !slices.Contains(who, login) {
			who = append(who, login)
		}
	}
	return len(who)
}
