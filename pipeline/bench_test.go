package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// large is a pipeline of 1,000 Stages in chains of ten, with 100 Freight: the
// newer half waits for soak in the last Stages, the older half has been
// everywhere. Every Stage verifies, and was verified five times; windows close
// half of the Stages now.
func large() (pipeline.Pipeline, pipeline.Snapshot, time.Time) {
	const stages, chain, freight = 1000, 10, 100
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := pipeline.Pipeline{
		Name:       "large",
		Warehouses: []pipeline.Warehouse{{Name: "web", FreightCreationPolicy: pipeline.CreateAutomatically}},
		Policies: []pipeline.PromotionPolicy{
			{Selector: pipeline.StageSelector{Name: "regex:^never"}},
			{Selector: pipeline.StageSelector{Name: "glob:stage-*"}, AutoPromotionEnabled: true, AutoRollback: &pipeline.AutoRollback{}},
		},
		Windows: []pipeline.PromotionWindow{
			{Name: "nights", Kind: pipeline.DenyWindow, Cron: "0 0 * * *", Duration: pipeline.Duration(6 * time.Hour), Selector: pipeline.StageSelector{Name: "regex:[02468]$"}},
			{Name: "days", Kind: pipeline.AllowWindow, RRule: "FREQ=DAILY;BYHOUR=1", Start: now.Add(-1000 * time.Hour), Duration: pipeline.Duration(20 * time.Hour), TimeZone: "Europe/Berlin"},
		},
	}
	verification := &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke", Provider: pipeline.Provider{Kind: "check"}}}}
	s := pipeline.Snapshot{Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}, ConfigSHA: "c0ffee"}
	for i := range freight {
		f := pipeline.Freight{
			Warehouse: "web", DiscoveredAt: now.Add(time.Duration(i-freight) * time.Hour),
			Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: fmt.Sprintf("1.0.%d", i)}},
		}
		f.ID = pipeline.FreightID(f)
		f.Alias = fmt.Sprintf("alias-%d", i)
		s.Freight = append(s.Freight, f)
	}
	for i := range stages {
		req := pipeline.FreightRequest{Origin: "web", Direct: true}
		if i%chain > 0 {
			req = pipeline.FreightRequest{
				Origin: "web", Stages: []string{fmt.Sprintf("stage-%04d", i-1)},
				RequiredSoakTime: pipeline.Duration(24 * time.Hour),
			}
		}
		stage := pipeline.Stage{
			Name: fmt.Sprintf("stage-%04d", i), Requests: []pipeline.FreightRequest{req},
			Steps: []pipeline.StepSpec{{Uses: "git-clone", As: "clone"}}, Verification: verification,
		}
		p.Stages = append(p.Stages, stage)
		current := freight/2 - 1
		if i%chain == 0 {
			current = freight - 1
		}
		for j, f := range s.Freight {
			m := pipeline.Mark{Stage: stage.Name, Freight: f.ID, VerifiedAt: f.DiscoveredAt.Add(time.Minute)}
			if j < freight/2 {
				m.LongestSoak = 25 * time.Hour
			}
			if j == current {
				m.CurrentSince = f.DiscoveredAt.Add(time.Minute)
			}
			s.Marks = append(s.Marks, m)
		}
		for j := range 5 {
			s.Verifications = append(s.Verifications, pipeline.VerificationRun{
				ID: fmt.Sprintf("%s-v%d", stage.Name, j+1), Seq: j + 1, Stage: stage, Collection: s.Freight[current-4+j : current-3+j],
				Promotion: fmt.Sprintf("%s-%d", stage.Name, j+1), Phase: pipeline.VerificationSuccessful, FinishedAt: now,
			})
		}
		for j := range 3 {
			s.Promotions = append(s.Promotions, pipeline.Promotion{
				ID: fmt.Sprintf("%s-%d", stage.Name, j+1), Seq: j + 1, Stage: stage, Freight: s.Freight[freight/2-1+j], Phase: pipeline.Succeeded,
			})
		}
	}
	return p, s, now
}

// BenchmarkDecide must stay under ten milliseconds per decision.
func BenchmarkDecide(b *testing.B) {
	p, s, now := large()
	b.ReportAllocs()
	for b.Loop() {
		if actions := pipeline.Decide(p, s, now); len(actions) != 1 {
			b.Fatalf("%d actions, want only the one to wake", len(actions))
		}
	}
}

// BenchmarkExplain is a look at one gate of the same pipeline.
func BenchmarkExplain(b *testing.B) {
	p, s, now := large()
	k := s.Facts()
	b.ReportAllocs()
	for b.Loop() {
		k.Explain(p, p.Stages[999], s.Freight[0], now)
	}
}

// BenchmarkForecastStage is what why asks for of the same pipeline; it must stay
// under a hundred milliseconds.
func BenchmarkForecastStage(b *testing.B) {
	p, s, now := large()
	b.ReportAllocs()
	for b.Loop() {
		if got := pipeline.ForecastStage(p, s, "stage-0999", now); len(got) != 1 {
			b.Fatalf("%d arrivals", len(got))
		}
	}
}
