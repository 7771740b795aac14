package step_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// approve records an approval given by command.
func (b *bench) approve(login, role string, teams ...string) {
	b.world.Now = b.world.Now.Add(time.Second)
	b.p.Approvals = append(b.p.Approvals, pipeline.Approval{
		Actor: pipeline.Actor{Login: login, Role: role, Teams: teams}, At: b.world.Now,
	})
}

func TestWaitForApproval(t *testing.T) {
	t.Parallel()
	leads := config{"claim": "groups", "value": "@acme/leads", "required": true}
	maintain := config{"role": "maintain"}
	tests := map[string]struct {
		config config
		// given is done while the step waits.
		given func(b *bench)
		want  pipeline.Phase
		// message is a part of what the step says while it waits.
		message string
	}{
		"one approval is enough":            {given: func(b *bench) { b.approve("mia", "maintain") }, want: pipeline.Succeeded},
		"none is not":                       {given: func(*bench) {}, want: pipeline.Running, message: "0 of 1 approvals; /kargo approve prod"},
		"one person counts once":            {config: config{"minApprovals": 2}, given: func(b *bench) { b.approve("mia", "admin"); b.approve("MIA", "admin") }, want: pipeline.Running, message: "1 of 2"},
		"two people count twice":            {config: config{"minApprovals": 2}, given: func(b *bench) { b.approve("mia", "admin"); b.approve("bob", "admin") }, want: pipeline.Succeeded},
		"others than the approvers do not":  {config: config{"approvers": []any{maintain}}, given: func(b *bench) { b.approve("bob", "write") }, want: pipeline.Running, message: "0 of 1 approvals from maintain permission"},
		"a role includes those above it":    {config: config{"approvers": []any{maintain}}, given: func(b *bench) { b.approve("root", "admin") }, want: pipeline.Succeeded},
		"every required rule needs its own": {config: config{"approvers": []any{leads, maintain}}, given: func(b *bench) { b.approve("root", "admin") }, want: pipeline.Running, message: "an approval from acme/leads is required"},
		"one that satisfies a required rule counts for the number too": {
			config: config{"approvers": []any{leads, maintain}}, given: func(b *bench) { b.approve("ana", "write", "@acme/leads") }, want: pipeline.Succeeded,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("wait-for-approval", tt.config))
			b.approve("early", "admin")
			b.world.Now = b.world.Now.Add(time.Second)
			b.want(0, pipeline.Running)
			if q, alias, ok := b.p.Asked(); !ok || !q.Approve || alias != "wait-for-approval" {
				t.Errorf("it asks %+v, %q, %v", q, alias, ok)
			}
			tt.given(b)
			if res := b.want(0, tt.want); !strings.Contains(res.Message, tt.message) {
				t.Errorf("message %q, want %q", res.Message, tt.message)
			}
			if out := output[step.WaitForApprovalOutput](b, 0); tt.want == pipeline.Succeeded && (len(out.Responses) == 0 || out.Question != nil) {
				t.Errorf("output %+v", out)
			}
		})
	}
}

func TestApproversAreWhatGitHubKnows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		approver config
		want     string
	}{
		"a claim that GitHub has no idea of": {config{"claim": "email", "value": "a@b.c"}, "GitHub knows people by login and groups only"},
		"a role that GitHub does not have":   {config{"role": "kargo-admin"}, "want write, maintain or admin"},
		"a group that is no team":            {config{"claim": "groups", "value": "leads"}, "want a team as @org/team"},
		"a claim without a value":            {config{"claim": "login"}, "want either role, or claim and value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("wait-for-approval", config{"approvers": []any{tt.approver}}))
			if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, tt.want) {
				t.Errorf("%q, want %q", res.Message, tt.want)
			}
		})
	}
}
