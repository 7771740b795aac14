package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

func TestAWarehouseThatCouldNotLookSaysWhy(t *testing.T) {
	t.Parallel()
	stage := pipeline.Stage{Name: "test", Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}}
	p := pipeline.Pipeline{Warehouses: []pipeline.Warehouse{{Name: "web"}}, Stages: []pipeline.Stage{stage}}
	s := pipeline.Snapshot{Failures: map[string]string{"web": "the registry refused access"}}
	seen := s
	seen.Discoveries = map[string]pipeline.Discovery{"web": {Withheld: "not on Fridays"}}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, text := range map[string]string{
		"freight": report.FreightList(p, s, ""), "why": report.Why(p, s, stage, "", now), "overview": report.Overview(p, s, nil, now),
	} {
		if !strings.Contains(text, "the registry refused access") || strings.Contains(text, "not been looked at") {
			t.Errorf("%s: %s", name, text)
		}
	}
	for name, text := range map[string]string{"freight": report.FreightList(p, seen, ""), "why": report.Why(p, seen, stage, "", now)} {
		if !strings.Contains(text, "the registry refused access") || !strings.Contains(text, "not on Fridays") {
			t.Errorf("%s does not tell what was seen before: %s", name, text)
		}
	}
}

func TestAStageWhosePromotionCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	stage := pipeline.Stage{
		Name: "test", Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}},
		Steps: []pipeline.StepSpec{{Task: "acme/tools//bump.yaml@main", As: "bump"}},
	}
	p := pipeline.Pipeline{Warehouses: []pipeline.Warehouse{{Name: "web"}}, Stages: []pipeline.Stage{stage}}
	s := pipeline.Snapshot{
		Freight:   []pipeline.Freight{{ID: "0123456", Alias: "bold-otter", Warehouse: "web"}},
		Unstarted: map[string]string{"test": "acme/tools has no file bump.yaml at main"},
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, text := range map[string]string{
		"why": report.Why(p, s, stage, "", now), "stage": report.Stage(p, s, stage, now), "overview": report.Overview(p, s, nil, now),
	} {
		if !strings.Contains(text, "acme/tools has no file bump.yaml at main") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
