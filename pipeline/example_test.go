package pipeline_test

import (
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// A pipeline of two Stages: test takes everything by itself, prod what has been
// in test for an hour.
func examplePipeline() pipeline.Pipeline {
	steps := []pipeline.StepSpec{{Uses: "git-clone", As: "step-1"}}
	return pipeline.Pipeline{
		Name:       "web",
		Warehouses: []pipeline.Warehouse{{Name: "web"}},
		Stages: []pipeline.Stage{
			{Name: "test", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}},
			{Name: "prod", Steps: steps, Requests: []pipeline.FreightRequest{{
				Origin: "web", Stages: []string{"test"}, RequiredSoakTime: pipeline.Duration(time.Hour),
			}}},
		},
		Policies: []pipeline.PromotionPolicy{{AutoPromotionEnabled: true}},
	}
}

func ExampleDecide() {
	now := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	freight := pipeline.Freight{
		Warehouse: "web", Alias: "bold-otter", DiscoveredAt: now,
		Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3"}},
	}
	freight.ID = pipeline.FreightID(freight)
	snapshot := pipeline.Snapshot{
		Freight: []pipeline.Freight{freight},
		Marks:   []pipeline.Mark{{Stage: "test", Freight: freight.ID, CurrentSince: now.Add(-10 * time.Minute)}},
	}
	for _, action := range pipeline.Decide(examplePipeline(), snapshot, now) {
		switch a := action.(type) {
		case pipeline.MarkVerified:
			fmt.Println("verified in", a.Stage)
		case pipeline.StartPromotion:
			fmt.Println("promote", a.Promotion.Freight.Headline(), "to", a.Promotion.Stage.Name)
		case pipeline.Wake:
			fmt.Println("look again at", a.At.Format(time.TimeOnly))
		}
	}
	// Output:
	// verified in test
	// look again at 09:50:00
}

func ExampleExplain() {
	now := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	p := examplePipeline()
	freight := pipeline.Freight{ID: "0123456789", Warehouse: "web"}
	snapshot := pipeline.Snapshot{
		Freight: []pipeline.Freight{freight},
		Marks: []pipeline.Mark{{
			Stage: "test", Freight: freight.ID, VerifiedAt: now.Add(-9 * time.Minute), CurrentSince: now.Add(-10 * time.Minute),
		}},
	}
	verdict := pipeline.Explain(p, snapshot, p.Stages[1], freight, now)
	fmt.Println(verdict.Available())
	for _, line := range verdict.Unmet() {
		fmt.Println(line)
	}
	// Output:
	// false
	// verified in test and soaked there 1h: verified 2026-01-02 08:51 UTC, soaked 10m, ready 2026-01-02 09:50 UTC
}
