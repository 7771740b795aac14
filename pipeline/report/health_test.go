package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

func TestOverviewShowsHealthThatIsLookedAt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reading *pipeline.HealthReading
		running bool
		want    string
	}{
		"nobody has looked yet": {want: "| prod | ✓ Succeeded | web 1.9.3 (bold-otter) | – | – |"},
		"healthy":               {reading: &pipeline.HealthReading{State: pipeline.HealthHealthy}, want: "| prod | ✓ Succeeded · ✓ Healthy | web 1.9.3 (bold-otter) | – | – |"},
		"not healthy says why": {
			reading: &pipeline.HealthReading{State: pipeline.HealthUnhealthy, Issues: []string{"web is | Degraded @ana", "more"}},
			want:    `| prod | ✓ Succeeded · ✗ Unhealthy | web 1.9.3 (bold-otter) | – | ` + report.Text("web is | Degraded @ana") + ` |`,
		},
		"of another Promotion": {reading: &pipeline.HealthReading{Promotion: "prod-1", State: pipeline.HealthUnhealthy}, want: "| prod | ✓ Succeeded | web 1.9.3"},
		"while a Promotion runs": {
			reading: &pipeline.HealthReading{State: pipeline.HealthUnhealthy, Issues: []string{"web is Degraded"}}, running: true, want: "| prod | ◐ Running | web 1.9.3 (bold-otter) | web 1.9.3 (bold-otter) | prod-143 |",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pipeline.Pipeline{Warehouses: []pipeline.Warehouse{{Name: "web"}}, Stages: []pipeline.Stage{{
				Name: "prod", Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}, Steps: []pipeline.StepSpec{{Uses: "argocd-update", As: "sync"}},
			}}}
			f := pipeline.Freight{ID: "b", Alias: "bold-otter", Warehouse: "web", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3"}}}
			q := pipeline.NewPromotion(pipeline.Promotion{ID: "prod-142", Seq: 142, Stage: p.Stages[0], Freight: f})
			q.Start(now, nil)
			q.Begin(0, now)
			q.Apply(0, pipeline.StepResult{Phase: pipeline.Succeeded, Health: &pipeline.HealthCheck{Kind: "argocd-update"}}, now)
			q.Finish(now)
			s := pipeline.Snapshot{
				Freight: []pipeline.Freight{f}, Promotions: []pipeline.Promotion{q},
				Marks: []pipeline.Mark{{Freight: "b", Stage: "prod", CurrentSince: now}},
			}
			if tt.running {
				next := pipeline.NewPromotion(pipeline.Promotion{ID: "prod-143", Seq: 143, Stage: p.Stages[0], Freight: f})
				next.Start(now, nil)
				s.Promotions = append(s.Promotions, next)
			}
			if r := tt.reading; r != nil {
				r.Stage, r.Since = "prod", now
				if r.Promotion == "" {
					r.Promotion = "prod-142"
				}
				s.Health = []pipeline.HealthReading{*r}
			}
			if got := report.Overview(p, s, nil, now.Add(time.Minute)); !strings.Contains(got, tt.want) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}
