package steptest

import (
	"context"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Gates are opened by the test.
type Gates struct {
	// Checks are those required on every commit.
	Checks []step.Check
	// Approvers approved the heads that they are listed under. Their Teams are
	// all teams that they belong to.
	Approvers map[string][]pipeline.Actor
}

var _ step.Gates = (*Gates)(nil)

// RequiredChecks implements step.Gates.
func (g *Gates) RequiredChecks(ctx context.Context, _, _, _ string) ([]step.Check, error) {
	return g.Checks, ctx.Err()
}

// Approvals implements step.Gates. As on a real host, only the teams asked
// about are known.
func (g *Gates) Approvals(ctx context.Context, _ string, _ int, head string, teams []string) ([]pipeline.Actor, error) {
	var out []pipeline.Actor
	for _, a := range g.Approvers[head] {
		a.Teams = slices.DeleteFunc(slices.Clone(a.Teams), func(t string) bool { return !slices.Contains(teams, t) })
		out = append(out, a)
	}
	return out, ctx.Err()
}
