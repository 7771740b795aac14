package pipeline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestHoldIntents(t *testing.T) {
	t.Parallel()
	hold := pipeline.Intent{Kind: pipeline.IntentHold, Stage: "prod", Reason: "fair"}
	resume := pipeline.Intent{Kind: pipeline.IntentResume, Stage: "prod"}
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"), direct("api"))}, map[string]request{
		"a hold stops every origin at once": {
			setup: func(w *world) { w.p.Policies = auto("prod"); w.freight("1"); w.freightOf("api", "7"); w.ask(hold) },
			want:  []string{"hold web in prod", "hold api in prod"}, answer: "done",
		},
		"a hold takes the place of one that a Promotion set": {
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.s.Holds = []pipeline.Hold{{Stage: "prod", Warehouse: "web", Promotion: "prod-1"}, {Stage: "prod", Warehouse: "api"}}
				w.ask(hold)
			},
			want: []string{"hold web in prod"}, answer: "done",
		},
		"refused: what is held already": {
			setup: func(w *world) {
				w.s.Holds = []pipeline.Hold{
					{Stage: "prod", Warehouse: "web", Actor: "mia", Reason: "fair", CreatedAt: t0}, {Stage: "prod", Warehouse: "api"},
				}
				w.ask(hold)
			},
			answer: "prod is held already: by mia since 2026-01-02 03:04 UTC: fair (/kargo resume prod)",
		},
		"refused: a Stage that only routes": {
			stages: []pipeline.Stage{control("prod", direct("web"))},
			setup:  func(w *world) { w.ask(hold) },
			answer: `Stage "prod" only routes Freight, there is nothing to hold (/kargo status)`,
		},
		"resuming ends every hold, and automation goes on": {
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.s.Holds = []pipeline.Hold{{Stage: "prod", Warehouse: "web"}, {Stage: "prod", Warehouse: "api", Promotion: "prod-1"}}
				w.freight("1")
				w.ask(resume)
			},
			want: []string{"release web in prod", "release api in prod", "promote 1 to prod"}, answer: "done",
		},
		"refused: resuming what is not held": {
			setup:  func(w *world) { w.ask(resume) },
			answer: "prod is not held (/kargo status prod)",
		},
		"refused: resuming what a Promotion under way holds": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Running).HoldIntent = pipeline.SetHold
				w.ask(resume)
			},
			answer: "prod is held by prod-1, which has not ended (/kargo abort prod-1)",
		},
		"refused: a person without the right": {
			setup: func(w *world) {
				in := hold
				in.Actor = ed
				w.ask(in)
			},
			answer: `ed may not promote Stage "prod": that takes write permission, and their role here is read`,
		},
	})
}

func TestFreezeIntents(t *testing.T) {
	t.Parallel()
	freeze := pipeline.Intent{Kind: pipeline.IntentFreeze, Reason: "incident", Actor: mia}
	thaw := pipeline.Intent{Kind: pipeline.IntentThaw, Actor: mia}
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"))}, map[string]request{
		"a freeze bites at once": {
			setup: func(w *world) { w.p.Policies = auto("prod"); w.freight("1"); w.ask(freeze) },
			want:  []string{"freeze: incident"}, answer: "done",
		},
		"thawing lets go at once": {
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.s.Freeze = frozenUntil(time.Time{})
				w.freight("1")
				w.ask(thaw)
			},
			want: []string{"thaw", "promote 1 to prod"}, answer: "done",
		},
		"refused: thawing what is not frozen": {
			setup:  func(w *world) { w.ask(thaw) },
			answer: "the pipeline is not frozen (/kargo status)",
		},
		"refused: a freeze that is over before it begins": {
			setup: func(w *world) {
				in := freeze
				in.Until = t0
				w.ask(in)
			},
			answer: "2026-01-02 03:04 UTC, the end of the freeze, is over already (/kargo freeze --until 24h -- REASON)",
		},
		"refused: a freeze takes more than the right to promote": {
			setup: func(w *world) {
				in := freeze
				in.Actor = ana
				w.ask(in)
			},
			answer: `ana may not freeze pipeline "web": that takes maintain permission, and their role here is write`,
		},
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	stages := []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test")), stage("edge", direct("web"))}
	in := func(id, stage string) pipeline.Intent {
		return pipeline.Intent{ID: id, Batch: "comment", Kind: pipeline.IntentPromote, Stage: stage}
	}
	tests := map[string]struct {
		ask   []pipeline.Intent
		setup func(w *world)
		want  map[string]string
	}{
		"all are granted": {
			ask:  []pipeline.Intent{in("a", "test"), in("b", "edge")},
			want: map[string]string{"a": "started test-1", "b": "started edge-1"},
		},
		"one that is refused keeps the others from being granted, and each says so": {
			ask: []pipeline.Intent{in("a", "test"), in("b", "prod"), in("c", "edge")},
			want: map[string]string{
				"a": `not done, because "promote prod" was asked for with it and is refused: web 1 cannot enter prod yet: verified in test: never promoted there (/promote test)`,
				"b": "web 1 cannot enter prod yet: verified in test: never promoted there (/promote test)",
				"c": `not done, because "promote prod" was asked for with it and is refused: web 1 cannot enter prod yet: verified in test: never promoted there (/promote test)`,
			},
		},
		"what is asked for apart is not touched": {
			ask: []pipeline.Intent{{ID: "x", Kind: pipeline.IntentPromote, Stage: "edge"}, in("a", "test"), in("b", "gone")},
			want: map[string]string{
				"x": "started edge-1", "b": `there is no Stage "gone" (Stages: test, prod, edge)`,
				"a": `not done, because "promote gone" was asked for with it and is refused: there is no Stage "gone" (Stages: test, prod, edge)`,
			},
		},
		"together they see each other": {
			ask: []pipeline.Intent{in("a", "test"), in("b", "test")},
			want: map[string]string{
				"a": `not done, because "promote test" was asked for with it and is refused: web 1 is already on its way to test as test-1 (/kargo status test)`,
				"b": "web 1 is already on its way to test as test-1 (/kargo status test)",
			},
		},
		"one that waits for an abort does not keep the abort from being granted": {
			setup: func(w *world) { w.promotion("test", w.s.Freight[0], pipeline.Running) },
			ask:   []pipeline.Intent{{ID: "a", Batch: "comment", Kind: pipeline.IntentAbort, Stage: "test"}, in("b", "test")},
			want:  map[string]string{"a": "aborting test-1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stages...)
			w.freight("1")
			if tt.setup != nil {
				tt.setup(w)
			}
			for _, in := range tt.ask {
				w.ask(in)
			}
			w.settle()
			if diff := cmp.Diff(tt.want, w.answers); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}
