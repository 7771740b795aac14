package pipeline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// window is open daily for an hour from the hour on.
func window(kind pipeline.WindowKind, hour string) pipeline.PromotionWindow {
	return pipeline.PromotionWindow{Name: "nightly", Kind: kind, Cron: "0 " + hour + " * * *", Duration: pipeline.Duration(time.Hour), Reason: "quiet hours"}
}

func frozenUntil(until time.Time) *pipeline.Freeze {
	return &pipeline.Freeze{Reason: "incident", Actor: "ana", Since: t0.Add(-time.Hour), Until: until}
}

func TestDecideClosed(t *testing.T) {
	t.Parallel()
	test := []pipeline.Stage{stage("test", direct("web"))}
	checkRules(t, map[string]rule{
		"while frozen nothing starts by itself": {
			stages: test,
			setup:  func(w *world) { w.p.Policies = auto("test"); w.freight("1"); w.s.Freeze = frozenUntil(time.Time{}) },
		},
		"the end of a freeze is waited for": {
			stages: test,
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.freight("1")
				w.s.Freeze = frozenUntil(t0.Add(time.Hour))
			},
			want: []string{"wake at +1h0m0s"},
		},
		"a freeze ends to the instant, and what waited for it starts": {
			stages: test,
			setup:  func(w *world) { w.p.Policies = auto("test"); w.freight("1"); w.s.Freeze = frozenUntil(t0) },
			want:   []string{"thaw", "promote 1 to test"},
		},
		"while frozen Freight is still found and verified": {
			stages: test,
			setup: func(w *world) {
				w.see("web", "2")
				w.occupy("test", w.freight("1"))
				w.s.Freeze = frozenUntil(time.Time{})
			},
			want: []string{"create 2", "verify 1 in test"},
		},
		"an active Deny window keeps everything from starting until it is over": {
			stages: test,
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.p.Windows = []pipeline.PromotionWindow{window(pipeline.DenyWindow, "3")}
				w.freight("1")
			},
			want: []string{"wake at +55m55s"},
		},
		"outside of the Allow windows nothing starts before one opens": {
			stages: test,
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.p.Windows = []pipeline.PromotionWindow{window(pipeline.AllowWindow, "4")}
				w.freight("1")
			},
			want: []string{"wake at +55m55s"},
		},
		"within an Allow window everything starts": {
			stages: test,
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.p.Windows = []pipeline.PromotionWindow{window(pipeline.AllowWindow, "3")}
				w.freight("1")
			},
			want: []string{"promote 1 to test"},
		},
		"nobody is woken for a window that keeps nothing back": {
			stages: test,
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.p.Windows = []pipeline.PromotionWindow{window(pipeline.DenyWindow, "3")}
				w.current("test", w.freight("1"))
			},
		},
		"what runs and what is queued stay when the Stage closes": {
			stages: test,
			setup: func(w *world) {
				w.p.Windows = []pipeline.PromotionWindow{window(pipeline.DenyWindow, "3")}
				w.promotion("test", w.freight("1"), pipeline.Running)
				w.promotion("test", w.freight("2"), pipeline.Pending)
			},
		},
	})
}

func TestDecideUnavailable(t *testing.T) {
	t.Parallel()
	chain := []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour))}
	gone := "web 1 is no longer available to prod: it is neither approved for it nor verified in test"
	checkRules(t, map[string]rule{
		"a Promotion whose Freight lost its verification is aborted, running or queued": {
			stages: chain,
			setup: func(w *world) {
				f := w.freight("1")
				w.promotion("prod", f, pipeline.Running)
				w.promotion("prod", f, pipeline.Pending)
			},
			want: []string{"abort prod-1: " + gone, "abort prod-2: " + gone},
		},
		"one whose origin is no longer asked for is aborted": {
			stages: []pipeline.Stage{stage("prod", direct("api"))},
			setup:  func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Running) },
			want:   []string{"abort prod-1: Stage prod no longer takes Freight from Warehouse web"},
		},
		"what has merged goes on": {
			stages: []pipeline.Stage{stage("test", direct("web")), {
				Name: "prod", Requests: []pipeline.FreightRequest{from("test")}, Steps: []pipeline.StepSpec{{Uses: "git-push", As: "push"}},
			}},
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Running).Steps[0].Output = []byte(`{"commit":"abc"}`)
			},
		},
		"what was approved for the Stage goes on": {
			stages: chain,
			setup: func(w *world) {
				f := w.freight("1")
				w.mark("prod", f, func(m *pipeline.Mark) { m.ApprovedAt = t0 })
				w.promotion("prod", f, pipeline.Running)
			},
		},
		"soak is not asked for again after the start": {
			stages: chain,
			setup: func(w *world) {
				f := w.freight("1")
				w.verified("test", f)
				w.promotion("prod", f, pipeline.Running)
			},
		},
		"what is being aborted is not aborted twice": {
			stages: chain,
			setup:  func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Running).AbortRequested = "enough" },
		},
	})
}

func TestDecideLatest(t *testing.T) {
	t.Parallel()
	latest := stage("test", direct("web"), direct("api"))
	latest.Concurrency = pipeline.ConcurrencyLatest
	merging := latest
	merging.Steps = []pipeline.StepSpec{{Uses: "git-push", As: "push"}}
	checkRules(t, map[string]rule{
		"newer Freight supersedes what runs and what is queued": {
			stages: []pipeline.Stage{latest},
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.promotion("test", w.freight("1"), pipeline.Running)
				w.promotion("test", w.freight("2"), pipeline.Pending)
				w.freight("3")
			},
			want: []string{"promote 3 to test", "abort test-1: superseded by test-2: web 2", "abort test-2: superseded by test-3: web 3"},
		},
		"a request supersedes as well": {
			stages: []pipeline.Stage{latest},
			setup: func(w *world) {
				w.promotion("test", w.freight("1"), pipeline.Running)
				w.ask(pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "test", Freight: w.freight("2").ID})
			},
			want: []string{"promote 2 to test", "abort test-1: superseded by test-2: web 2"},
		},
		"what has merged is not superseded": {
			stages: []pipeline.Stage{merging},
			setup: func(w *world) {
				w.promotion("test", w.freight("1"), pipeline.Running).Steps[0].Output = []byte(`{"commit":"abc"}`)
				w.promotion("test", w.freight("2"), pipeline.Pending)
			},
		},
		"older Freight supersedes nothing": {
			stages: []pipeline.Stage{latest},
			setup: func(w *world) {
				old := w.freight("1")
				w.promotion("test", w.freight("2"), pipeline.Running)
				w.promotion("test", old, pipeline.Pending)
			},
		},
		"Freight of another origin supersedes nothing": {
			stages: []pipeline.Stage{latest},
			setup: func(w *world) {
				w.promotion("test", w.freight("1"), pipeline.Running)
				w.promotion("test", w.freightOf("api", "2"), pipeline.Pending)
			},
		},
		"two requests at once: the newer Freight wins": {
			stages: []pipeline.Stage{latest},
			setup: func(w *world) {
				a, b := w.freight("1"), w.freight("2")
				w.ask(pipeline.Intent{ID: "a", Kind: pipeline.IntentPromote, Stage: "test", Freight: a.ID})
				w.ask(pipeline.Intent{ID: "b", Kind: pipeline.IntentPromote, Stage: "test", Freight: b.ID})
			},
			want: []string{"promote 1 to test", "promote 2 to test", "abort test-1: superseded by test-2: web 2"},
		},
		"a queue supersedes nothing": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup: func(w *world) {
				w.promotion("test", w.freight("1"), pipeline.Running)
				w.promotion("test", w.freight("2"), pipeline.Pending)
			},
		},
	})
}

func TestDecideHolds(t *testing.T) {
	t.Parallel()
	test := []pipeline.Stage{stage("test", direct("web"))}
	checkRules(t, map[string]rule{
		"a hold that a Promotion set ends when automation is turned off": {
			stages: test,
			setup:  func(w *world) { w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web", Promotion: "test-1"}} },
			want:   []string{"release web in test"},
		},
		"a hold that a person asked for stays": {
			stages: test,
			setup:  func(w *world) { w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web"}} },
		},
		"a hold of a Stage that is gone stays for its return": {
			setup: func(w *world) { w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web", Promotion: "test-1"}} },
		},
		"a Promotion of the candidate does not lift a hold that a person asked for": {
			stages: test,
			setup: func(w *world) {
				w.p.Policies = auto("test")
				w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web"}}
				w.promotion("test", w.freight("1"), pipeline.Running).HoldIntent = pipeline.ClearHold
				w.freight("2")
			},
		},
	})
}

func TestExplainTiming(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("prod", direct("web")))
	w.p.Policies = auto("prod")
	f := w.freight("1")
	explain := func() pipeline.Verdict { return pipeline.Explain(w.p, w.s, w.p.Stages[0], f, w.now) }
	if v := explain(); len(v.Timing) > 0 {
		t.Errorf("nothing delays anything, and yet %+v", v.Timing)
	}
	w.p.Windows = []pipeline.PromotionWindow{window(pipeline.DenyWindow, "3")}
	w.s.Holds = []pipeline.Hold{{Stage: "prod", Warehouse: "web", Actor: "ana", Reason: "fair", CreatedAt: t0}}
	w.promotion("prod", w.freight("2"), pipeline.Running)
	v := explain()
	want := []pipeline.Gate{
		{Name: "prod is open to Promotions", Observed: `window "nightly" denies Promotions now: quiet hours, opens 2026-01-02 04:00 UTC`, Next: t0.Add(55*time.Minute + 55*time.Second)},
		{Name: "automation may bring web to prod", Observed: "held by ana since 2026-01-02 03:04 UTC: fair"},
		{Name: "its turn in prod", Observed: "1 before it, prod-1 first"},
	}
	if diff := cmp.Diff(want, v.Timing); diff != "" {
		t.Errorf("timing (-want +got):\n%s", diff)
	}
	if !v.Available() || len(v.Unmet()) > 0 || len(v.Delays()) != 3 || !v.Next().Equal(want[0].Next) {
		t.Errorf("available %v, unmet %q, delays %q, next %v", v.Available(), v.Unmet(), v.Delays(), v.Next())
	}
	w.now = t0.Add(time.Hour)
	if g := explain().Timing[0]; !g.Pass || g.Observed != "closes 2026-01-03 03:00 UTC" {
		t.Errorf("an open Stage is explained as %+v", g)
	}
	w.s.Promotions = nil
	w.p.Stages[0] = checked(w.p.Stages[0])
	w.occupy("prod", w.s.Freight[1])
	w.verification("prod", pipeline.VerificationRunning)
	if g := explain().Timing[2]; g.Pass || g.Observed != "prod-v1 verifies what is current" {
		t.Errorf("the turn behind a verification is explained as %+v", g)
	}
}
