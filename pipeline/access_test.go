package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	p := pipeline.Pipeline{Name: "web", Access: pipeline.Access{Freeze: []string{"@acme/ops"}, Verify: []string{"ana"}}}
	own := pipeline.Stage{Name: "prod", Access: pipeline.Access{
		Promote: []string{"p"}, Abort: []string{"a"}, Verify: []string{"v"}, Approve: []string{"ok"}, Freeze: []string{"f"}, Override: []string{"o"},
	}}
	tests := map[string]struct {
		verb  pipeline.Verb
		stage pipeline.Stage
		want  string
	}{
		"promote takes write by default":              {verb: pipeline.VerbPromote, want: "role:write"},
		"abort takes write by default":                {verb: pipeline.VerbAbort, want: "role:write"},
		"approve takes maintain by default":           {verb: pipeline.VerbApprove, want: "role:maintain"},
		"override takes admin by default":             {verb: pipeline.VerbOverride, want: "role:admin"},
		"what nobody knows takes admin":               {verb: "dance", want: "role:admin"},
		"the pipeline's list replaces the default":    {verb: pipeline.VerbFreeze, want: "@acme/ops"},
		"and holds for Stages without a list":         {verb: pipeline.VerbVerify, stage: pipeline.Stage{Name: "test"}, want: "ana"},
		"the Stage's own list to promote comes first": {verb: pipeline.VerbPromote, stage: own, want: "p"},
		"to abort":    {verb: pipeline.VerbAbort, stage: own, want: "a"},
		"to verify":   {verb: pipeline.VerbVerify, stage: own, want: "v"},
		"to approve":  {verb: pipeline.VerbApprove, stage: own, want: "ok"},
		"to freeze":   {verb: pipeline.VerbFreeze, stage: own, want: "f"},
		"to override": {verb: pipeline.VerbOverride, stage: own, want: "o"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{tt.want}, p.Who(tt.verb, tt.stage)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTeams(t *testing.T) {
	t.Parallel()
	p := pipeline.Pipeline{
		Access: pipeline.Access{Promote: []string{"@acme/dev", "ana"}, Freeze: []string{"@acme/ops"}},
		Stages: []pipeline.Stage{{
			Access: pipeline.Access{Override: []string{"@acme/leads", "role:admin"}, Verify: []string{"@acme/dev"}},
			Approvals: pipeline.Approvals{
				From: []string{"@acme/qa"}, Quorum: []pipeline.Quorum{{From: []string{"@acme/security", "@bob"}, Required: 1}},
			},
		}},
	}
	want := []string{"@acme/dev", "@acme/ops", "@acme/leads", "@acme/qa", "@acme/security"}
	if diff := cmp.Diff(want, p.Teams()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
