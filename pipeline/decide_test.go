package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// rule is one situation and what is decided in it.
type rule struct {
	stages []pipeline.Stage
	setup  func(w *world)
	want   []string
}

func checkRules(t *testing.T, rules map[string]rule) {
	t.Helper()
	for name, tt := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.stages...)
			tt.setup(w)
			before := w.s
			before.Marks = append([]pipeline.Mark(nil), w.s.Marks...)
			actions := w.decide()
			if diff := cmp.Diff(before.Marks, w.s.Marks); diff != "" {
				t.Errorf("the Snapshot was changed: %s", diff)
			}
			w.settle()
			if diff := cmp.Diff(tt.want, show(actions, w.s)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	checkRules(t, map[string]rule{
		"what a Warehouse saw becomes Freight": {
			setup: func(w *world) { w.see("web", "1.0.0") },
			want:  []string{"create 1.0.0"},
		},
		"Freight that exists is not created again": {
			setup: func(w *world) { w.freight("1.0.0"); w.see("web", "1.0.0") },
		},
		"a manual Warehouse creates nothing by itself": {
			setup: func(w *world) {
				w.p.Warehouses[0].FreightCreationPolicy = pipeline.CreateManually
				w.see("web", "1.0.0")
			},
		},
		"a Subscription without artifacts keeps Freight from being made": {
			setup: func(w *world) {
				w.see("web", "1.0.0")
				d := w.s.Discoveries["web"]
				d.Subscriptions = append(d.Subscriptions, pipeline.DiscoveredSubscription{Kind: pipeline.ImageArtifact})
				w.s.Discoveries["web"] = d
			},
		},
		"withheld artifacts keep Freight from being made": {
			setup: func(w *world) {
				w.see("web", "1.0.0")
				d := w.s.Discoveries["web"]
				d.Withheld = "criteria"
				w.s.Discoveries["web"] = d
			},
		},
		"new Freight is promoted in the same decision": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.see("web", "1.0.0") },
			want:   []string{"create 1.0.0", "promote 1.0.0 to test"},
		},
		"auto-promotion takes the newest": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.freight("1.0.0"); w.freight("1.0.1") },
			want:   []string{"promote 1.0.1 to test"},
		},
		"without a policy nothing is promoted": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.freight("1.0.0") },
		},
		"the candidate that is current stays": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.current("test", w.freight("1.0.0")) },
		},
		"the candidate that is on its way is not queued twice": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.promotion("test", w.freight("1.0.0"), pipeline.Running) },
		},
		"newer Freight queues behind a running Promotion": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.promotion("test", w.freight("1.0.0"), pipeline.Running)
				w.freight("1.0.1")
			},
			want: []string{"promote 1.0.1 to test"},
		},
		"a failure is not tried again": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.promotion("test", w.freight("1.0.0"), pipeline.Failed) },
		},
		"an abort is not tried again": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.promotion("test", w.freight("1.0.0"), pipeline.Aborted) },
		},
		"a success long ago is no obstacle": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				old, next := w.freight("1.0.0"), w.freight("1.0.1")
				w.promotion("test", next, pipeline.Succeeded)
				w.verified("test", next)
				w.current("test", old)
			},
			want: []string{"promote 1.0.1 to test"},
		},
		"a recorded hold stops auto-promotion": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.current("test", w.freight("1.0.0"))
				w.freight("1.0.1")
				w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web"}}
			},
		},
		"a hold binds its own origin only": {
			stages: []pipeline.Stage{stage("test", direct("web"), direct("api"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.freight("1.0.0")
				w.freightOf("api", "2.0.0")
				w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web"}}
			},
			want: []string{"promote 2.0.0 to test"},
		},
		"a hold bites while the Promotion that sets it is still running": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				old := w.freight("1.0.0")
				w.freight("1.0.1")
				w.promotion("test", old, pipeline.Running).HoldIntent = pipeline.SetHold
			},
		},
		"a running Promotion that resumes lifts the recorded hold": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.promotion("test", w.freight("1.0.0"), pipeline.Running).HoldIntent = pipeline.ClearHold
				w.freight("1.0.1")
				w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web", Promotion: "test-1"}}
			},
			want: []string{"promote 1.0.1 to test"},
		},
		"the newest intent about holds counts": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.promotion("test", w.freight("1.0.0"), pipeline.Running).HoldIntent = pipeline.ClearHold
				w.promotion("test", w.freight("0.9.0"), pipeline.Pending).HoldIntent = pipeline.SetHold
				w.freight("1.0.1")
			},
		},
		"a hold whose Promotion failed is none": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.promotion("test", w.freight("1.0.0"), pipeline.Failed).HoldIntent = pipeline.SetHold
				w.freight("1.0.1")
			},
			want: []string{"promote 1.0.1 to test"},
		},
		"what is current is verified where no verification is asked for": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.occupy("test", w.freight("1.0.0")) },
			want:   []string{"verify 1.0.0 in test"},
		},
		"Freight verified upstream moves on in the same decision": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test"))},
			setup:  func(w *world) { w.p.Policies = auto("prod"); w.occupy("test", w.freight("1.0.0")) },
			want:   []string{"verify 1.0.0 in test", "promote 1.0.0 to prod"},
		},
		"control flow verifies all that is available, through any chain, in any order of the file": {
			stages: []pipeline.Stage{stage("prod", from("b")), control("b", from("a")), control("a", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("*", "prod"); w.freight("1.0.0"); w.freight("1.0.1") },
			want: []string{
				"verify 1.0.1 in a", "verify 1.0.0 in a", "verify 1.0.1 in b", "verify 1.0.0 in b", "promote 1.0.1 to prod",
			},
		},
		"control flow holds back what is not available": {
			stages: []pipeline.Stage{stage("test", direct("web")), control("gate", from("test"))},
			setup:  func(w *world) { w.freight("1.0.0") },
		},
		"nothing is promoted to a control-flow Stage": {
			stages: []pipeline.Stage{control("gate", direct("web"))},
			setup: func(w *world) {
				w.p.Policies = auto("gate")
				w.verified("gate", w.freight("1.0.0"))
			},
		},
		"Freight of an unknown Warehouse goes nowhere": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.freightOf("other", "1.0.0") },
		},
		"each origin of a Stage is promoted by itself": {
			stages: []pipeline.Stage{stage("test", direct("web"), direct("api"))},
			setup:  func(w *world) { w.p.Policies = auto("test"); w.freight("1.0.0"); w.freightOf("api", "2.0.0") },
			want:   []string{"promote 1.0.0 to test", "promote 2.0.0 to test"},
		},
		"Freight that files hold already becomes current without a Promotion": {
			stages: []pipeline.Stage{stage("prod", direct("web"))},
			setup:  func(w *world) { w.s.Matches["prod"] = w.freight("1.0.0").ID },
			want:   []string{"adopt 1.0.0 in prod", "verify 1.0.0 in prod"},
		},
		"adopted Freight is available downstream at once": {
			stages: []pipeline.Stage{stage("test", direct("web")), control("gate", from("test"))},
			setup:  func(w *world) { w.s.Matches["test"] = w.freight("1.0.0").ID },
			want:   []string{"adopt 1.0.0 in test", "verify 1.0.0 in test", "verify 1.0.0 in gate"},
		},
		"a Stage that has Freight adopts none": {
			stages: []pipeline.Stage{stage("prod", direct("web"))},
			setup: func(w *world) {
				w.current("prod", w.freight("1.0.0"))
				w.s.Matches["prod"] = w.freight("1.0.1").ID
			},
		},
		"a Stage with a Promotion under way adopts none": {
			stages: []pipeline.Stage{stage("prod", direct("web"))},
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Pending)
				w.s.Matches["prod"] = w.freight("1.0.1").ID
			},
		},
		"a Stage adopts no Freight that it does not ask for": {
			stages: []pipeline.Stage{stage("prod", direct("web"))},
			setup:  func(w *world) { w.s.Matches["prod"] = w.freightOf("api", "1.0.0").ID },
		},
		"a Stage gone from the file takes its Promotions along": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.promotion("old", f, pipeline.Running)
				w.promotion("old", f, pipeline.Pending)
				w.promotion("old", f, pipeline.Succeeded)
			},
			want: []string{
				`abort old-1: Stage "old" is no longer in .kargo.yaml`,
				`abort old-2: Stage "old" is no longer in .kargo.yaml`,
			},
		},
		"an abort is asked for once": {
			setup: func(w *world) { w.promotion("old", w.freight("1.0.0"), pipeline.Running).AbortRequested = "enough" },
		},
		"soak that time completes is waited for": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour))},
			setup:  func(w *world) { w.p.Policies = auto("prod"); w.current("test", w.freight("1.0.0")) },
			want:   []string{"wake at +1h0m0s"},
		},
		"the earliest change by time wakes": {
			stages: []pipeline.Stage{
				stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour)), stage("edge", soaked(from("test"), time.Minute)),
			},
			setup: func(w *world) { w.p.Policies = auto("prod", "edge"); w.current("test", w.freight("1.0.0")) },
			want:  []string{"wake at +1m0s"},
		},
		"nobody is woken for a Stage that promotes by hand": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour))},
			setup:  func(w *world) { w.current("test", w.freight("1.0.0")) },
		},
		"nobody is woken for Freight older than the candidate": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour))},
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.current("test", w.freight("1.0.0"))
				next := w.freight("1.0.1")
				w.mark("prod", next, func(m *pipeline.Mark) { m.ApprovedAt = w.now })
				w.current("prod", next)
			},
		},
		"control flow behind a soak wakes too": {
			stages: []pipeline.Stage{stage("test", direct("web")), control("gate", soaked(from("test"), time.Hour))},
			setup:  func(w *world) { w.current("test", w.freight("1.0.0")) },
			want:   []string{"wake at +1h0m0s"},
		},
	})
}

func TestDecideTotal(t *testing.T) {
	t.Parallel()
	p := pipeline.Pipeline{Stages: []pipeline.Stage{
		control("a", from("b", "a", "nowhere")), control("b", from("a")), stage("c", from("b"), direct("web")), {},
	}, Policies: auto("glob:[", "regex:(", "")}
	s := pipeline.Snapshot{
		Marks:      []pipeline.Mark{{Stage: "c", Freight: "unknown", CurrentSince: t0}, {}},
		Holds:      []pipeline.Hold{{}},
		Promotions: []pipeline.Promotion{{}, {ID: "x", Phase: "Odd"}},
		Intents:    []pipeline.Intent{{}, {Kind: pipeline.IntentAbort}, {Kind: pipeline.IntentPromote, Stage: "c"}},
		Matches:    map[string]string{"c": "unknown"},
	}
	pipeline.Decide(p, s, t0)
	pipeline.Decide(pipeline.Pipeline{}, pipeline.Snapshot{}, time.Time{})
}

func TestNewFreightIsNewest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web")))
	w.p.Policies = auto("test")
	w.now = t0.Add(time.Hour)
	w.see("web", "1.0.0")
	w.settle()
	w.now = t0 // the clock was set back
	w.see("web", "1.0.1")
	if got, want := show(w.settle(), w.s), []string{"create 1.0.1", "promote 1.0.1 to test"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStartedPromotionIsASnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web"), direct("api"), direct("db")))
	w.p.Vars = []pipeline.Var{{Name: "region", Value: "eu"}}
	web := w.freight("1.0.0")
	api := w.freightOf("api", "2.0.0")
	w.freightOf("db", "3.0.0")
	w.current("test", api)
	w.ask(pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "test", Freight: web.ID, Number: 7})
	start, ok := w.decide()[0].(pipeline.StartPromotion)
	if !ok {
		t.Fatalf("got %q", show(w.decide(), w.s))
	}
	want := pipeline.NewPromotion(pipeline.Promotion{
		Repo: w.s.Repo, Pipeline: "web", ConfigSHA: "c0ffee", Stage: w.p.Stages[0], Vars: w.p.Vars,
		// Of the other origins it holds what is current, and nothing of those that
		// have nothing there.
		Freight: web, Collection: []pipeline.Freight{web, api},
		Reason: "asked for by ana", Actor: "ana", Source: 7, CreatedAt: t0,
	})
	if diff := cmp.Diff(want, start.Promotion); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want.Phase != pipeline.Pending || len(want.Steps) != 1 {
		t.Errorf("it starts %s with %d steps", want.Phase, len(want.Steps))
	}
}

func TestUnknownStage(t *testing.T) {
	t.Parallel()
	p := pipeline.Pipeline{Stages: []pipeline.Stage{stage("test"), stage("prod")}}
	tests := map[string]struct {
		p    pipeline.Pipeline
		got  string
		want string
	}{
		"a slip gets a suggestion":   {p, "prd", `there is no Stage "prd" (did you mean "prod"? Stages: test, prod)`},
		"another word gets the list": {p, "banana", `there is no Stage "banana" (Stages: test, prod)`},
		"no Stage at all":            {pipeline.Pipeline{}, "prod", `there is no Stage "prod" (no Stage is declared in .kargo.yaml)`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pipeline.UnknownStage(tt.p, tt.got).Error(); strings.TrimSpace(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
