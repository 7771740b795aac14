package step_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestApprovals(t *testing.T) {
	t.Parallel()
	const sre, security = "@acme/sre", "@acme/security"
	who := func(login, role string, teams ...string) pipeline.Actor {
		return pipeline.Actor{Login: login, Role: role, Teams: teams}
	}
	ana, bob, eve := who("ana", "write", sre), who("bob", "maintain", security), who("eve", "read")
	both := who("kim", "admin", sre, security)
	for _, tt := range []struct {
		name              string
		rule              pipeline.Approvals
		reviews, commands []pipeline.Actor
		// stale commands were given for another head.
		stale   []pipeline.Actor
		missing string
	}{
		{name: "no rule, no approval"},
		{name: "reviews count", rule: pipeline.Approvals{Required: 2}, reviews: []pipeline.Actor{ana, bob}},
		{name: "commands count like reviews", rule: pipeline.Approvals{Required: 2}, reviews: []pipeline.Actor{ana}, commands: []pipeline.Actor{bob}},
		{
			name: "a person counts once", rule: pipeline.Approvals{Required: 2}, reviews: []pipeline.Actor{ana}, commands: []pipeline.Actor{who("Ana", "write")},
			missing: "1 of 2 approvals from write permission",
		},
		{
			name: "a command for another head does not count", rule: pipeline.Approvals{Required: 1}, stale: []pipeline.Actor{ana},
			missing: "0 of 1 approvals from write permission",
		},
		{
			name: "a command by somebody who does not count does not", rule: pipeline.Approvals{Required: 1}, commands: []pipeline.Actor{eve},
			missing: "0 of 1 approvals from write permission",
		},
		{
			name:    "every group is needed besides the number",
			rule:    pipeline.Approvals{Required: 1, Quorum: []pipeline.Quorum{{From: []string{sre}, Required: 1}, {From: []string{security}, Required: 2}}},
			reviews: []pipeline.Actor{ana}, commands: []pipeline.Actor{bob},
			missing: "1 of 2 approvals from acme/security",
		},
		{
			name:    "all that is missing is named",
			rule:    pipeline.Approvals{Required: 2, From: []string{"role:admin"}, Quorum: []pipeline.Quorum{{From: []string{sre}, Required: 1}, {From: []string{security, "bob"}, Required: 1}}},
			missing: "0 of 2 approvals from admin permission; 0 of 1 approvals from acme/sre; 0 of 1 approvals from acme/security or bob",
		},
		{
			name:    "who stands in several groups counts in each",
			rule:    pipeline.Approvals{Required: 1, Quorum: []pipeline.Quorum{{From: []string{sre}, Required: 1}, {From: []string{security}, Required: 1}}},
			reviews: []pipeline.Actor{both},
		},
		{
			name: "groups are enough of a rule", rule: pipeline.Approvals{Quorum: []pipeline.Quorum{{From: []string{sre}, Required: 1}}},
			missing: "0 of 1 approvals from acme/sre",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			b.p.Stage.Approvals = tt.rule
			b.world.Gates.Approvers = map[string][]pipeline.Actor{b.head(): tt.reviews}
			for _, a := range tt.commands {
				b.p.Approvals = append(b.p.Approvals, pipeline.Approval{Actor: a, Head: b.head()})
			}
			for _, a := range tt.stale {
				b.p.Approvals = append(b.p.Approvals, pipeline.Approval{Actor: a, Head: "0000"})
			}
			if tt.missing == "" {
				b.want(mergeStep, pipeline.Succeeded)
				return
			}
			if res := b.want(mergeStep, pipeline.Running); res.Message != tt.missing {
				t.Errorf("waits for %q, want %q", res.Message, tt.missing)
			}
		})
	}
}
