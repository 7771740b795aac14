package pipeline_test

import (
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// recovers makes a Stage roll back after failures.
func recovers(w *world, r pipeline.AutoRollback) {
	w.p.Policies = []pipeline.PromotionPolicy{{Selector: pipeline.StageSelector{Name: "test"}, AutoRollback: &r}}
}

func TestDecideRollback(t *testing.T) {
	t.Parallel()
	test := []pipeline.Stage{checked(stage("test", direct("web")))}
	both := []pipeline.Stage{checked(stage("test", direct("web"), direct("api")))}
	// broken is a Stage in which 1 was verified and 2 was not.
	broken := func(w *world, phase pipeline.VerificationPhase) {
		a, b := w.freight("1"), w.freight("2")
		w.promoted("test", a)
		w.end("test", pipeline.VerificationSuccessful)
		w.promoted("test", b)
		w.end("test", phase)
	}
	// failed is a Stage in which 1 was verified and a Promotion of 2 ended badly.
	failed := func(w *world, phase pipeline.Phase) {
		a, b := w.freight("1"), w.freight("2")
		w.promoted("test", a)
		w.end("test", pipeline.VerificationSuccessful)
		w.fail(w.promotion("test", b, pipeline.Running), phase)
	}
	onPromotion := pipeline.AutoRollback{OnPromotion: []pipeline.Phase{pipeline.Failed}}
	back := []string{"roll back to 1 in test and hold"}
	checkRules(t, map[string]rule{
		"without a policy nothing is rolled back": {
			stages: test,
			setup:  func(w *world) { broken(w, pipeline.VerificationFailed) },
		},
		"a failed verification brings back what was verified last, and holds automation": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
			},
			want: back,
		},
		"an error is no failure by default": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationError)
			},
		},
		"an error is a failure where the policy says so": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{OnVerification: []pipeline.VerificationPhase{pipeline.VerificationError}})
				broken(w, pipeline.VerificationError)
			},
			want: back,
		},
		"an empty list is never": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{OnVerification: []pipeline.VerificationPhase{}})
				broken(w, pipeline.VerificationFailed)
			},
		},
		"a failed Promotion is none by default": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				failed(w, pipeline.Failed)
			},
		},
		"a failed Promotion brings back what is current where the policy says so": {
			stages: test,
			setup: func(w *world) {
				recovers(w, onPromotion)
				failed(w, pipeline.Failed)
			},
			want: back,
		},
		"the phase of a Promotion has to be listed": {
			stages: test,
			setup: func(w *world) {
				recovers(w, onPromotion)
				failed(w, pipeline.Errored)
			},
		},
		"what a person rejected needs no rollback": {
			stages: test,
			setup: func(w *world) {
				recovers(w, onPromotion)
				a, b := w.freight("1"), w.freight("2")
				w.current("test", a)
				p := w.promotion("test", b, pipeline.Running)
				p.AbortRequested, p.AbortAs = "rejected by ana", pipeline.Failed
				w.fail(p, pipeline.Failed)
			},
		},
		"a failure of twenty minutes ago is still answered": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
				w.now = w.now.Add(20 * time.Minute)
			},
			want: []string{"roll back to 1 in test and hold"},
		},
		"an older failure is history": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
				w.now = w.now.Add(20*time.Minute + time.Second)
			},
		},
		"a rollback waits until nothing is queued": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
				w.promotion("test", w.freight("3"), pipeline.Pending)
			},
		},
		"what was promoted since the failure is left to its own outcome": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
				w.fail(w.promotion("test", w.freight("3"), pipeline.Running), pipeline.Aborted)
			},
		},
		"a rollback that fails is not rolled back": {
			stages: test,
			setup: func(w *world) {
				recovers(w, onPromotion)
				failed(w, pipeline.Failed)
				p := w.promotion("test", w.s.Freight[0], pipeline.Running)
				p.Rollback = true
				w.fail(p, pipeline.Failed)
			},
		},
		"nothing comes back where nothing was verified": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationFailed)
			},
		},
		"nothing comes back that may not enter": {
			stages: []pipeline.Stage{stage("lab", direct("web")), checked(stage("test", from("lab")))},
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
				w.verified("lab", w.s.Freight[1])
			},
		},
		"a closed Stage is rolled back when it opens": {
			stages: test,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				broken(w, pipeline.VerificationFailed)
				w.s.Freeze = frozenUntil(t0.Add(time.Minute))
			},
			want: []string{"wake at +1m0s"},
		},
		"of several origins the one that was brought goes back": {
			stages: both,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				w.promoted("test", w.freightOf("api", "7"))
				w.end("test", pipeline.VerificationSuccessful)
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationSuccessful)
				w.promoted("test", w.freight("2"))
				w.end("test", pipeline.VerificationFailed)
			},
			want: back,
		},
		"of several origins the next that deviates goes back when the first did not help": {
			stages: both,
			setup: func(w *world) {
				recovers(w, pipeline.AutoRollback{})
				w.promoted("test", w.freightOf("api", "7"))
				w.end("test", pipeline.VerificationSuccessful)
				w.promoted("test", w.freightOf("api", "8"))
				w.end("test", pipeline.VerificationFailed)
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationFailed)
				web := w.freight("0")
				w.verified("test", web)
				w.now = w.now.Add(time.Minute)
				p := w.promotion("test", web, pipeline.Pending)
				p.Rollback = true
				p.Start(w.now, nil)
				w.succeed(p)
				w.end("test", pipeline.VerificationFailed)
			},
			want: []string{"roll back to 7 in test and hold"},
		},
	})
}
