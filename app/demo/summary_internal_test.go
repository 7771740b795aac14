package demo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
)

// ended is a world with one Stage in which everything came out right.
func ended() (moment, []forge.Commit) {
	f := pipeline.Freight{ID: "f1", Alias: "calm-heron", Warehouse: "web", Images: []pipeline.Image{{RepoURL: "r/acme/web", Tag: nextVersion}}}
	stage := pipeline.Stage{Name: "test", Steps: []pipeline.StepSpec{{Uses: "git-open-pr"}, {Uses: "git-merge-pr"}}}
	p := pipeline.NewPromotion(pipeline.Promotion{ID: "test-2", Seq: 2, Stage: stage, Freight: f})
	p.Phase = pipeline.Succeeded
	p.Steps[0].Output = json.RawMessage(`{"pr":{"id":1}}`)
	p.Steps[1].Output = json.RawMessage(`{"pr":{"id":1,"merged":true},"commit":"c1"}`)
	m := moment{
		Pipeline: &pipeline.Pipeline{Stages: []pipeline.Stage{stage}},
		Snapshot: pipeline.Snapshot{
			Freight: []pipeline.Freight{f}, Promotions: []pipeline.Promotion{p},
			Marks: []pipeline.Mark{{Stage: "test", Freight: "f1", VerifiedAt: time.Now(), CurrentSince: time.Now()}},
		},
		Pulls: []forge.PullRequest{{Number: 1, Head: "kargo/test/test-2", State: "closed", Merged: true, MergeCommit: "c1"}},
		Deployments: []forge.Deployment{{
			Environment: "test", Payload: json.RawMessage(`{"promotion":"test-2"}`),
			Statuses: []forge.DeploymentStatus{{State: "in_progress"}, {State: "success"}},
		}},
	}
	return m, []forge.Commit{{SHA: "c1", Message: "promote\n\nKargo-Promotion: test-2"}, {SHA: "c0", Message: "Initial commit"}}
}

func TestInvariantsHold(t *testing.T) {
	t.Parallel()
	if got := checkInvariants(ended()); len(got) > 0 {
		t.Errorf("faults: %v", got)
	}
}

func TestInvariantsAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(m *moment, history *[]forge.Commit)
		want  string
	}{
		"no Stages":                   {func(m *moment, _ *[]forge.Commit) { m.Pipeline = nil }, "no Stages"},
		"never promoted":              {func(m *moment, _ *[]forge.Commit) { m.Snapshot.Promotions = nil }, "no Promotion"},
		"still running":               {func(m *moment, _ *[]forge.Commit) { m.Snapshot.Promotions[0].Phase = pipeline.Running }, "test-2 is Running"},
		"not verified":                {func(m *moment, _ *[]forge.Commit) { m.Snapshot.Marks = nil }, "not verified"},
		"a second pull request":       {func(m *moment, _ *[]forge.Commit) { m.Pulls = append(m.Pulls, m.Pulls[0]) }, "2 pull requests"},
		"not merged":                  {func(m *moment, _ *[]forge.Commit) { m.Pulls[0].Merged = false }, "#1 is not merged"},
		"another merge commit":        {func(m *moment, _ *[]forge.Commit) { m.Pulls[0].MergeCommit = "c9" }, "the store says commit c1, GitHub c9"},
		"another pull request number": {func(m *moment, _ *[]forge.Commit) { m.Pulls[0].Number = 7 }, "the store says #1, GitHub #7"},
		"two commits":                 {func(_ *moment, h *[]forge.Commit) { *h = append(*h, (*h)[0]) }, "2 commits"},
		"no commit":                   {func(_ *moment, h *[]forge.Commit) { *h = (*h)[1:] }, "0 commits"},
		"no Deployment":               {func(m *moment, _ *[]forge.Commit) { m.Deployments = nil }, "0 Deployments"},
		"Deployment unfinished":       {func(m *moment, _ *[]forge.Commit) { m.Deployments[0].Statuses = m.Deployments[0].Statuses[:1] }, `the Deployment is "in_progress"`},
		"Deployment elsewhere":        {func(m *moment, _ *[]forge.Commit) { m.Deployments[0].Environment = "prod" }, `the Deployment is to "prod"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, history := ended()
			c.spoil(&m, &history)
			if got := strings.Join(checkInvariants(m, history), "\n"); !strings.Contains(got, c.want) {
				t.Errorf("faults %q lack %q", got, c.want)
			}
		})
	}
}
