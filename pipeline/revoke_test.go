package pipeline_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

// TestRevocation is about what a failed repetition of a Verification takes with it.
func TestRevocation(t *testing.T) {
	t.Parallel()
	test := checked(stage("test", direct("web")))
	routed := []pipeline.Stage{test, control("gate", from("test")), control("fan", from("gate")), stage("prod", from("fan"))}
	either := []pipeline.Stage{test, stage("qa", direct("web")), control("gate", from("test", "qa")), stage("prod", from("gate"))}
	// revoke verifies Freight in test, lets it pass everything behind, and then
	// finds fault with it.
	revoke := func(w *world) pipeline.Freight {
		f := w.freight("1")
		w.promoted("test", f)
		w.end("test", pipeline.VerificationSuccessful)
		w.settle()
		w.ask(pipeline.Intent{Kind: pipeline.IntentVerify, Stage: "test"})
		w.settle()
		w.end("test", pipeline.VerificationFailed)
		return f
	}
	checkRules(t, map[string]rule{
		"what passed control-flow Stages on a verification that was revoked no longer passes": {
			stages: routed, setup: func(w *world) { revoke(w) },
			want: []string{"revoke 1 in gate", "revoke 1 in fan"},
		},
		"a Promotion that a revoked verification let start is aborted": {
			stages: routed,
			setup: func(w *world) {
				f := w.freight("1")
				w.promoted("test", f)
				w.end("test", pipeline.VerificationSuccessful)
				w.settle()
				w.promotion("prod", f, pipeline.Pending)
				w.ask(pipeline.Intent{Kind: pipeline.IntentVerify, Stage: "test"})
				w.settle()
				w.end("test", pipeline.VerificationFailed)
			},
			want: []string{
				"revoke 1 in gate", "revoke 1 in fan",
				"abort prod-1: web 1 is no longer available to prod: it is neither approved for it nor verified in fan",
			},
		},
		"another upstream Stage that verified it still lets it pass": {
			stages: either,
			setup: func(w *world) {
				f := revoke(w)
				w.verified("qa", f)
			},
		},
		"what was approved for a control-flow Stage stays": {
			stages: routed,
			setup: func(w *world) {
				f := revoke(w)
				w.mark("gate", f, func(m *pipeline.Mark) { m.ApprovedAt = w.now })
			},
		},
		"success after the failure lets it pass again": {
			stages: routed,
			setup: func(w *world) {
				revoke(w)
				w.settle()
				w.ask(pipeline.Intent{Kind: pipeline.IntentVerify, Stage: "test"})
				w.settle()
				w.end("test", pipeline.VerificationSuccessful)
			},
			want: []string{"verify 1 in gate", "verify 1 in fan"},
		},
		"the first failure of a collection takes nothing from Freight that passed before": {
			stages: []pipeline.Stage{checked(stage("test", direct("web"), direct("api"))), control("gate", from("test")), stage("prod", from("gate"))},
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationSuccessful)
				w.settle()
				w.promoted("test", w.freightOf("api", "7"))
				w.end("test", pipeline.VerificationFailed)
			},
		},
		"a control-flow Stage that asks for other Stages now keeps what passed before": {
			stages: routed,
			setup: func(w *world) {
				f := w.freight("1")
				w.promoted("test", f)
				w.end("test", pipeline.VerificationSuccessful)
				w.settle()
				w.p.Stages[1].Requests = []pipeline.FreightRequest{from("qa")}
			},
		},
	})
}

func TestHoldsOfOriginsThatAreNotAskedForEnd(t *testing.T) {
	t.Parallel()
	held := func(promotion string) func(*world) {
		return func(w *world) {
			w.p.Policies = auto("prod")
			w.s.Holds = []pipeline.Hold{{Stage: "prod", Warehouse: "api", Promotion: promotion, Actor: "ana"}}
		}
	}
	checkRules(t, map[string]rule{
		"a hold that a Promotion set ends with the request for its origin": {
			stages: []pipeline.Stage{stage("prod", direct("web"))}, setup: held("prod-1"),
			want: []string{"release api in prod"},
		},
		"a hold that a person asked for stays": {
			stages: []pipeline.Stage{stage("prod", direct("web"))}, setup: held(""),
		},
		"a hold on an origin that is asked for stays": {
			stages: []pipeline.Stage{stage("prod", direct("web"), direct("api"))}, setup: held("prod-1"),
		},
	})
}

func TestPromotingWhatIsCurrentAgain(t *testing.T) {
	t.Parallel()
	again := func(change func(*world)) func(*world) {
		return func(w *world) {
			f := w.freight("1")
			w.promoted("prod", f)
			w.settle()
			change(w)
			w.ask(pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "prod", Freight: f.ID})
		}
	}
	config := func(v any) func(*world) {
		return func(w *world) {
			w.p.Stages[0].Steps = []pipeline.StepSpec{{Uses: "fail", As: "step-1", Config: map[string]any{"n": v}}}
		}
	}
	const current = "web 1 is already current in prod (/kargo status prod)"
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"))}, map[string]request{
		"refused: the same steps once more": {setup: again(func(*world) {}), answer: current},
		"steps that changed are applied":    {setup: again(config(2)), want: []string{"promote 1 to prod"}, answer: "started prod-2"},
		"vars that changed are applied": {
			setup: again(func(w *world) { w.p.Stages[0].Vars = []pipeline.Var{{Name: "a", Value: "b"}} }),
			want:  []string{"promote 1 to prod"}, answer: "started prod-2",
		},
		"refused: steps that only look different once they were stored": {
			setup: func(w *world) {
				config(2)(w)
				again(config(2.0))(w)
			},
			answer: current,
		},
		"refused: changed steps are no reason when no Freight is named": {
			setup: func(w *world) {
				again(config(2))(w)
				w.s.Intents[0].Freight = ""
			},
			answer: current,
		},
	})
}
