package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

func TestJourneyShowsEveryStageOnTheWay(t *testing.T) {
	t.Parallel()
	waiting := promotion()
	waiting.Source = 3
	stage := func(name string, from ...string) pipeline.Stage {
		s := pipeline.Stage{Name: name, Steps: waiting.Stage.Steps, Requests: []pipeline.FreightRequest{{Origin: "web", Stages: from}}}
		s.Requests[0].Direct = len(from) == 0
		return s
	}
	p := pipeline.Pipeline{Stages: []pipeline.Stage{
		stage("test"), stage("staging", "test"), waiting.Stage, stage("prod-eu", "prod"),
		{Name: "other", Requests: []pipeline.FreightRequest{{Origin: "another", Direct: true}}},
	}}
	s := pipeline.Snapshot{
		Freight: []pipeline.Freight{waiting.Freight},
		Marks: []pipeline.Mark{
			{Stage: "test", Freight: waiting.Freight.ID, VerifiedAt: now},
			{Stage: "staging", Freight: waiting.Freight.ID, VerifiedAt: now, CurrentSince: now},
		},
		Promotions: []pipeline.Promotion{*waiting},
	}
	got := report.Journey(p, s, waiting.Freight, now.Add(time.Minute))
	var rows [][]string
	for line := range strings.Lines(got) {
		if cells := strings.Split(strings.Trim(line, "| \n"), " | "); strings.HasPrefix(line, "| ") {
			rows = append(rows, cells)
		}
	}
	want := [][]string{
		{"Stage", "State"},
		{"test", "✓ Verified", "–"},
		{"staging", "✓ Current", "–"},
		{"prod", "◷ Waiting"},
		{"prod-eu", "○ Pending", "verified in prod: prod-142 is waiting: 1 of 2 approvals from"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d:\n%s", len(rows), len(want), got)
	}
	for i, w := range want {
		for j, cell := range w {
			if !strings.HasPrefix(rows[i][j], cell) {
				t.Errorf("row %d cell %d = %q, want %q", i, j, rows[i][j], cell)
			}
		}
	}
	if !strings.Contains(got, "verified in 2 of 4 Stages") || !strings.Contains(got, "prod-142, #7") {
		t.Errorf("journey:\n%s", got)
	}
}

func TestAskersAreWhereSomebodyAskedForTheSameFreight(t *testing.T) {
	t.Parallel()
	asked, auto, other := promotion(), promotion(), promotion()
	asked.Source = 3
	auto.ID, auto.Source = "staging-9", 0
	other.Freight.ID, other.Source = "cccccccccccccccccccccccccccccccccccccccc", 4
	numbers := func(s pipeline.Snapshot) map[int]string {
		got := map[int]string{}
		for n, p := range report.Askers(s, asked.Freight.ID) {
			got[n] = ""
			if p != nil {
				got[n] = p.ID
			}
		}
		return got
	}
	if diff := cmp.Diff(map[int]string{}, numbers(pipeline.Snapshot{Promotions: []pipeline.Promotion{*auto, *other}})); diff != "" {
		t.Errorf("nobody asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[int]string{3: ""}, numbers(pipeline.Snapshot{Promotions: []pipeline.Promotion{*auto, *other, *asked}})); diff != "" {
		t.Errorf("asked in an issue (-want +got):\n%s", diff)
	}
	auto.Seq = 1
	asked.Source, asked.Steps = 7, nil
	if diff := cmp.Diff(map[int]string{7: "staging-9"}, numbers(pipeline.Snapshot{Promotions: []pipeline.Promotion{*auto, *asked}})); diff != "" {
		t.Errorf("asked on the pull request of a Promotion (-want +got):\n%s", diff)
	}
}
