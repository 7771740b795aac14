package pipeline_test

import (
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

func TestRollbackIntents(t *testing.T) {
	t.Parallel()
	rollback := pipeline.Intent{Kind: pipeline.IntentRollback, Stage: "prod", Reason: "errors"}
	naming := func(f pipeline.Freight) pipeline.Intent {
		in := rollback
		in.Freight = f.ID
		return in
	}
	// history brings 1, 2 and 3 into prod one after the other.
	history := func(w *world) (a, b, c pipeline.Freight) {
		a, b, c = w.freight("1"), w.freight("2"), w.freight("3")
		for _, f := range []pipeline.Freight{a, b, c} {
			w.promoted("prod", f)
			w.settle()
			w.now = w.now.Add(time.Hour)
		}
		return a, b, c
	}
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"), direct("api"))}, map[string]request{
		"rollback means what left last, and holds although automation is off": {
			setup: func(w *world) { history(w); w.ask(rollback) },
			want:  []string{"roll back to 2 in prod and hold"}, answer: "started prod-4",
		},
		"rollback leaves out what was never verified there": {
			setup: func(w *world) {
				_, b, _ := history(w)
				w.mark("prod", b, func(m *pipeline.Mark) { m.VerifiedAt = time.Time{} })
				w.ask(rollback)
			},
			want: []string{"roll back to 1 in prod and hold"}, answer: "started prod-4",
		},
		"rollback takes what it is told": {
			setup: func(w *world) { a, _, _ := history(w); w.ask(naming(a)) },
			want:  []string{"roll back to 1 in prod and hold"}, answer: "started prod-4",
		},
		"refused: rollback to what was never there": {
			setup:  func(w *world) { history(w); w.ask(naming(w.freight("9"))) },
			answer: "web 9 was never in prod, so there is nothing to roll back to (/promote prod alias-9)",
		},
		"refused: rollback to what is there": {
			setup:  func(w *world) { _, _, c := history(w); w.ask(naming(c)) },
			answer: "web 3 is already current in prod (/kargo status prod)",
		},
		"refused: rollback where there was nothing before": {
			setup:  func(w *world) { w.promoted("prod", w.freight("1")); w.settle(); w.ask(rollback) },
			answer: "no other Freight was verified in prod before what is there now (/kargo freight)",
		},
		"rollback bypasses no gate": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test"))},
			setup: func(w *world) {
				for _, tag := range []string{"1", "2"} {
					f := w.freight(tag)
					w.verified("test", f)
					w.promoted("prod", f)
					w.settle()
				}
				w.mark("test", w.s.Freight[0], func(m *pipeline.Mark) { m.VerifiedAt = time.Time{} })
				w.ask(rollback)
			},
			answer: "web 1 cannot enter prod yet: verified in test: never promoted there (/promote test)",
		},
		"rollback bypasses no freeze": {
			setup:  func(w *world) { history(w); w.s.Freeze = frozenUntil(time.Time{}); w.ask(rollback) },
			answer: "web 2 cannot enter prod now, freeze closes it: frozen by ana: incident (/kargo thaw)",
		},
		"rollback takes the right to promote": {
			setup: func(w *world) {
				history(w)
				in := rollback
				in.Actor = ed
				w.ask(in)
			},
			answer: `ed may not promote Stage "prod": that takes write permission, and their role here is read`,
		},
	})
}

func TestClosedStagesRefuse(t *testing.T) {
	t.Parallel()
	promote := pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "prod"}
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"))}, map[string]request{
		"a window refuses with its reason and when it opens": {
			setup: func(w *world) {
				w.p.Windows = []pipeline.PromotionWindow{window(pipeline.DenyWindow, "3")}
				w.freight("1")
				w.ask(promote)
			},
			answer: `web 1 cannot enter prod now, window nightly closes it: window "nightly" denies Promotions now: quiet hours; it opens 2026-01-02 04:00 UTC (/kargo why prod)`,
		},
		"a freeze refuses with when it ends": {
			setup: func(w *world) {
				w.s.Freeze = frozenUntil(t0.Add(time.Hour))
				w.freight("1")
				w.ask(promote)
			},
			answer: "web 1 cannot enter prod now, freeze closes it: frozen by ana: incident; it opens 2026-01-02 04:04 UTC (/kargo why prod)",
		},
		"a retry is refused too": {
			setup: func(w *world) {
				w.s.Freeze = frozenUntil(t0.Add(time.Hour))
				w.promotion("prod", w.freight("1"), pipeline.Failed)
				w.ask(pipeline.Intent{Kind: pipeline.IntentRetry, Stage: "prod"})
			},
			answer: "web 1 cannot enter prod now, freeze closes it: frozen by ana: incident; it opens 2026-01-02 04:04 UTC (/kargo why prod)",
		},
		"an abort is not": {
			setup: func(w *world) {
				w.s.Freeze = frozenUntil(time.Time{})
				w.promotion("prod", w.freight("1"), pipeline.Running)
				w.ask(pipeline.Intent{Kind: pipeline.IntentAbort, Stage: "prod", Reason: "no"})
			},
			want: []string{"abort prod-1: aborted by ana: no"}, answer: "aborting prod-1",
		},
	})
}
