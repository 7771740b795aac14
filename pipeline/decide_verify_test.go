package pipeline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// checked gives a Stage a Verification of one metric.
func checked(s pipeline.Stage) pipeline.Stage {
	s.Verification = &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke", Provider: pipeline.Provider{Kind: "check"}}}}
	return s
}

func TestDecideVerification(t *testing.T) {
	t.Parallel()
	test := []pipeline.Stage{checked(stage("test", direct("web")))}
	both := []pipeline.Stage{checked(stage("test", direct("web"), direct("api")))}
	checkRules(t, map[string]rule{
		"success does not verify where a Verification has to follow": {
			stages: []pipeline.Stage{checked(stage("test", direct("web"))), stage("prod", from("test"))},
			setup:  func(w *world) { w.p.Policies = auto("prod"); w.promoted("test", w.freight("1")) },
		},
		"a successful run verifies, and what is verified moves on": {
			stages: []pipeline.Stage{checked(stage("test", direct("web"))), stage("prod", from("test"))},
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationSuccessful)
			},
			want: []string{"promote 1 to prod"},
		},
		"a failed run verifies nothing and is not repeated": {
			stages: []pipeline.Stage{checked(stage("test", direct("web"))), stage("prod", from("test"))},
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationFailed)
			},
		},
		"a run that was stopped is not repeated": {
			stages: test,
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationAborted)
			},
		},
		"Freight verified before keeps its result when it comes back": {
			stages: test,
			setup: func(w *world) {
				a, b := w.freight("1"), w.freight("2")
				w.promoted("test", a)
				w.end("test", pipeline.VerificationSuccessful)
				w.promoted("test", b)
				w.end("test", pipeline.VerificationSuccessful)
				w.promoted("test", a)
			},
		},
		"Freight that failed before stays failed when it comes back": {
			stages: []pipeline.Stage{checked(stage("test", direct("web"))), stage("prod", from("test"))},
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				a, b := w.freight("1"), w.freight("2")
				w.promoted("test", a)
				w.end("test", pipeline.VerificationFailed)
				w.promoted("test", b)
				w.end("test", pipeline.VerificationFailed)
				w.promoted("test", a)
			},
		},
		"a result that was recorded verifies although nobody drew the consequence": {
			stages: test,
			setup: func(w *world) {
				w.occupy("test", w.freight("1"))
				w.verification("test", pipeline.VerificationSuccessful)
			},
			want: []string{"verify 1 in test"},
		},
		"success verifies all Freight of the collection": {
			stages: both,
			setup: func(w *world) {
				w.occupy("test", w.freight("1"))
				w.occupy("test", w.freightOf("api", "7"))
				w.verification("test", pipeline.VerificationSuccessful)
			},
			want: []string{"verify 1 in test", "verify 7 in test"},
		},
		"Freight of an origin that is no longer asked for is not part of what the next Promotion brings": {
			stages: both,
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationSuccessful)
				w.promoted("test", w.freightOf("api", "7"))
				w.end("test", pipeline.VerificationSuccessful)
				w.p.Stages[0].Requests = []pipeline.FreightRequest{direct("web")}
				w.now = w.now.Add(time.Minute)
				w.promoted("test", w.freight("2"))
				w.end("test", pipeline.VerificationSuccessful)
			},
		},
		"another collection is another matter": {
			stages: both,
			setup: func(w *world) {
				w.occupy("test", w.freight("1"))
				w.verification("test", pipeline.VerificationSuccessful)
				w.occupy("test", w.freightOf("api", "7"))
			},
			want: []string{"run in test on 1 and 7"},
		},
		"what is current and not verified is verified once the file asks for it": {
			stages: test,
			setup:  func(w *world) { w.occupy("test", w.freight("1")) },
			want:   []string{"run in test on 1"},
		},
		"what was verified before the file asked for more stays verified": {
			stages: test,
			setup:  func(w *world) { w.current("test", w.freight("1")) },
		},
		"what a Promotion verified by success stays verified when the file asks for more": {
			stages: test,
			setup: func(w *world) {
				asks := w.p.Stages[0]
				w.p.Stages[0].Verification = nil
				w.promoted("test", w.freight("1"))
				w.settle()
				w.p.Stages[0] = asks
			},
		},
		"adopted Freight is verified first": {
			stages: test,
			setup:  func(w *world) { w.s.Matches["test"] = w.freight("1").ID },
			want:   []string{"adopt 1 in test", "run in test on 1"},
		},
		"nothing is adopted into what is being verified": {
			stages: both,
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.s.Matches["test"] = w.freightOf("api", "7").ID
			},
		},
		"no run starts while a Promotion changes what is current": {
			stages: test,
			setup: func(w *world) {
				w.occupy("test", w.freight("1"))
				w.promotion("test", w.freight("2"), pipeline.Running)
			},
		},
		"a run starts before what waits in the queue": {
			stages: test,
			setup: func(w *world) {
				w.occupy("test", w.freight("1"))
				w.promotion("test", w.freight("2"), pipeline.Pending)
			},
			want: []string{"run in test on 1"},
		},
		"a run that is under way is waited for": {
			stages: test,
			setup: func(w *world) {
				w.occupy("test", w.freight("1"))
				w.verification("test", pipeline.VerificationRunning)
			},
		},
		"a control-flow Stage verifies nothing but routes": {
			stages: []pipeline.Stage{checked(control("gate", direct("web")))},
			setup:  func(w *world) { w.freight("1") },
			want:   []string{"verify 1 in gate"},
		},
		"without the Verification success verifies again, whatever came of earlier runs": {
			stages: test,
			setup: func(w *world) {
				a, b := w.freight("1"), w.freight("2")
				w.promoted("test", a)
				w.end("test", pipeline.VerificationFailed)
				w.promoted("test", b)
				w.end("test", pipeline.VerificationFailed)
				w.p.Stages[0].Verification = nil
				w.promoted("test", a)
			},
			want: []string{"verify 1 in test"},
		},
		"a failure is not forgotten because the file asks no more": {
			stages: test,
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.end("test", pipeline.VerificationFailed)
				w.p.Stages[0].Verification = nil
			},
		},
		"the run of a Stage that is gone is stopped": {
			stages: test,
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.p.Stages = nil
			},
			want: []string{`stop test-v1: Stage "test" is no longer in .kargo.yaml`},
		},
	})
}

func TestFollowUp(t *testing.T) {
	t.Parallel()
	web, api := image("web", "1"), image("api", "7")
	st := checked(stage("prod", direct("web"), direct("api")))
	st.Steps = []pipeline.StepSpec{{Uses: "git-push", As: "push"}}
	pr := pipeline.NewPromotion(pipeline.Promotion{
		ID: "prod-4", Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}, Pipeline: "web", Stage: st, Freight: web,
		Vars: []pipeline.Var{{Name: "region", Value: "eu"}},
	})
	pr.Steps[0].Output = []byte(`{"commit":"abc","repo":"acme/live"}`)
	again := pr
	again.Previous = &web
	unverified := pr
	unverified.Stage.Verification = nil
	run := func(phase pipeline.VerificationPhase, promotion string, collection ...pipeline.Freight) pipeline.VerificationRun {
		return pipeline.VerificationRun{Stage: st, Seq: 1, Collection: collection, Phase: phase, Promotion: promotion}
	}
	want := pipeline.NewVerificationRun(pipeline.VerificationRun{
		Repo: pr.Repo, Pipeline: "web", Stage: st, Vars: pr.Vars, Collection: []pipeline.Freight{web, api},
		Promotion: "prod-4", Commit: "abc", CommitRepo: "acme/live", Reason: "prod-4 succeeded", CreatedAt: t0,
	})
	repeated := want
	repeated.Again, repeated.Reason = true, "prod-4 promoted what was current already"
	elsewhere := run(pipeline.VerificationRunning, "", web, api)
	elsewhere.Stage.Name = "test"
	bare := pipeline.NewVerificationRun(pipeline.VerificationRun{
		Stage: st, Collection: []pipeline.Freight{web, api}, Reason: "what is current in prod is not verified", CreatedAt: t0,
	})
	plain := st
	plain.Verification = nil
	tests := map[string]struct {
		stage pipeline.Stage
		p     *pipeline.Promotion
		runs  []pipeline.VerificationRun
		want  *pipeline.VerificationRun
	}{
		"a success is verified":                            {stage: st, p: &pr, want: &want},
		"nothing is where none is asked for":               {stage: plain, p: &pr},
		"what is current without a Promotion is too":       {stage: st, want: &bare},
		"a result is adopted, in any order of the Freight": {stage: st, p: &pr, runs: []pipeline.VerificationRun{run(pipeline.VerificationFailed, "prod-1", api, web)}},
		"the result of another collection is not":          {stage: st, p: &pr, runs: []pipeline.VerificationRun{run(pipeline.VerificationSuccessful, "prod-1", web)}, want: &want},
		"a run of another Stage does not matter":           {stage: st, p: &pr, runs: []pipeline.VerificationRun{elsewhere}, want: &want},
		"nothing while a run is under way":                 {stage: st, p: &pr, runs: []pipeline.VerificationRun{run("", "prod-1", web)}},
		"what was current already is verified again":       {stage: st, p: &again, runs: []pipeline.VerificationRun{run(pipeline.VerificationSuccessful, "prod-1", web, api)}, want: &repeated},
		"and once only": {stage: st, p: &again, runs: []pipeline.VerificationRun{run(pipeline.VerificationFailed, "prod-4", web, api)}},
		"a success that needed no run asks for none again": {stage: st, p: &unverified, runs: []pipeline.VerificationRun{run(pipeline.VerificationFailed, "prod-1", web, api)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := pipeline.FollowUp(tt.stage, tt.p, nil, []pipeline.Freight{web, api}, tt.runs, t0)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := pipeline.FollowUp(st, nil, nil, nil, nil, t0); got != nil {
		t.Errorf("nothing is current, and yet %+v", got)
	}
	if len(want.Metrics) != 1 || want.Metrics[0].Name != "smoke" || want.Phase != pipeline.VerificationPending {
		t.Errorf("it starts with %+v, %s", want.Metrics, want.Phase)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	web := image("web", "1")
	tests := map[string]struct {
		phase          pipeline.VerificationPhase
		again          bool
		verify, revoke int
	}{
		"success verifies":                    {phase: pipeline.VerificationSuccessful, verify: 1},
		"a repeated success too":              {phase: pipeline.VerificationSuccessful, again: true, verify: 1},
		"a first failure revokes nothing":     {phase: pipeline.VerificationFailed},
		"a repeated failure revokes":          {phase: pipeline.VerificationFailed, again: true, revoke: 1},
		"an error revokes nothing":            {phase: pipeline.VerificationError, again: true},
		"an inconclusive end revokes nothing": {phase: pipeline.VerificationInconclusive, again: true},
		"an abort revokes nothing":            {phase: pipeline.VerificationAborted, again: true},
		"what has not ended does neither":     {phase: pipeline.VerificationRunning, again: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := pipeline.VerificationRun{Phase: tt.phase, Again: tt.again, Collection: []pipeline.Freight{web}}
			verify, revoke := run.Outcome()
			if len(verify) != tt.verify || len(revoke) != tt.revoke {
				t.Errorf("verify %q, revoke %q", verify, revoke)
			}
		})
	}
}

func TestVerificationsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, checked(stage("test", direct("web"))), stage("prod", from("test")))
	w.p.Policies = auto("prod")
	f := w.freight("1")
	w.promoted("test", f)
	w.end("test", pipeline.VerificationSuccessful)
	w.s.Promotions = append(w.s.Promotions[:0:0], w.s.Promotions...)
	w.settle()
	if _, ok := w.s.Active("prod"); !ok {
		t.Fatal("what was verified in test is not on its way to prod")
	}
	w.now = w.now.Add(time.Hour)
	w.ask(pipeline.Intent{ID: "verify", Kind: pipeline.IntentVerify, Stage: "test"})
	want := []string{"run in test on 1 again after test-1"}
	if diff := cmp.Diff(want, show(w.settle(), w.s)); diff != "" {
		t.Fatalf("verify again (-want +got):\n%s", diff)
	}
	w.end("test", pipeline.VerificationFailed)
	want = []string{"abort prod-1: web 1 is no longer available to prod: it is neither approved for it nor verified in test"}
	if diff := cmp.Diff(want, show(w.settle(), w.s)); diff != "" {
		t.Fatalf("after the failure (-want +got):\n%s", diff)
	}
}
