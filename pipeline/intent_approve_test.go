package pipeline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// mia may do everything that takes maintain permission, root everything.
var (
	mia  = pipeline.Actor{Login: "mia", Role: "maintain"}
	root = pipeline.Actor{Login: "root", Role: "admin"}
)

// parked records a Promotion that waits for something.
func (w *world) parked(stage string, f pipeline.Freight) *pipeline.Promotion {
	p := w.promotion(stage, f, pipeline.Running)
	p.Steps[0] = pipeline.StepState{Phase: pipeline.Running, Attempts: 1, Message: "1 approval is missing", WakeAt: t0.Add(time.Minute)}
	return p
}

func TestApproveIntents(t *testing.T) {
	t.Parallel()
	approve := pipeline.Intent{Kind: pipeline.IntentApprove, Stage: "prod", Head: "abc", Actor: mia}
	reject := pipeline.Intent{Kind: pipeline.IntentReject, Stage: "prod", Reason: "not on a Friday", Actor: mia}
	bypass := pipeline.Intent{Kind: pipeline.IntentApprove, Bypass: true, Stage: "prod", Reason: "hotfix", Actor: root}
	by := func(in pipeline.Intent, a pipeline.Actor) pipeline.Intent { in.Actor = a; return in }
	open := []pipeline.Stage{stage("prod", direct("web"))}
	chain := []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test"))}
	merging := stage("prod", direct("web"))
	merging.Steps = []pipeline.StepSpec{{Uses: "git-push", As: "push"}}
	checkRequests(t, open, map[string]request{
		"an approval counts for the Promotion that waits and the head it was given on": {
			setup: func(w *world) { w.parked("prod", w.freight("1")); w.ask(approve) },
			want:  []string{"mia approves prod-1 at abc"}, answer: "done",
		},
		"an approval counts while the pull request is looked at": {
			setup: func(w *world) {
				w.p.Stages[0].Steps = []pipeline.StepSpec{{Uses: "git-open-pr", As: "pr"}, {Uses: "git-merge-pr", As: "merge"}}
				pr := w.promotion("prod", w.freight("1"), pipeline.Running)
				pr.Steps[0] = pipeline.StepState{Phase: pipeline.Succeeded, Output: json.RawMessage(`{"pr":{"id":7}}`)}
				pr.Steps[1].Phase = pipeline.Running
				w.ask(approve)
			},
			want: []string{"mia approves prod-1 at abc"}, answer: "done",
		},
		"those whose approval the Stage asks for may give it": {
			setup: func(w *world) {
				w.p.Stages[0].Approvals.Quorum = []pipeline.Quorum{{From: []string{"ed"}, Required: 1}}
				w.parked("prod", w.freight("1"))
				w.ask(by(approve, ed))
			},
			want: []string{"ed approves prod-1 at abc"}, answer: "done",
		},
		"refused: an approval takes more than the right to promote": {
			setup:  func(w *world) { w.parked("prod", w.freight("1")); w.ask(by(approve, ana)) },
			answer: `ana may not approve Promotions into Stage "prod": that takes maintain permission, and their role here is write`,
		},
		"refused: approval of what waits for nothing": {
			setup:  func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Pending); w.ask(approve) },
			answer: "prod-1 is pending and waits for nobody's approval (/kargo status prod)",
		},
		"refused: approval of other Freight than what waits": {
			setup: func(w *world) {
				w.parked("prod", w.freight("1"))
				in := approve
				in.Freight = w.freight("2").ID
				w.ask(in)
			},
			answer: "the Promotion that runs in prod is prod-1 with web 1, not with what was named (/kargo approve prod)",
		},
		"refused: approval where nothing is open": {
			setup:  func(w *world) { w.ask(approve) },
			answer: "no Promotion into prod is queued or running (/kargo status)",
		},
		"refused: approval for a Stage that is none": {
			setup: func(w *world) {
				in := approve
				in.Stage = "prd"
				w.ask(in)
			},
			answer: `there is no Stage "prd" (did you mean "prod"? Stages: prod)`,
		},
		"a rejection ends the Promotion as Failed": {
			setup: func(w *world) { w.parked("prod", w.freight("1")); w.ask(reject) },
			want:  []string{"abort prod-1: rejected by mia: not on a Friday as Failed"}, answer: "aborting prod-1",
		},
		"refused: rejection of what has merged": {
			stages: []pipeline.Stage{merging},
			setup: func(w *world) {
				w.parked("prod", w.freight("1")).Steps[0].Output = []byte(`{"commit":"0123456789"}`)
				w.ask(reject)
			},
			answer: "prod-1 has already been merged as 0123456 (/rollback prod)",
		},
		"refused: a rejection takes the right to approve": {
			setup:  func(w *world) { w.parked("prod", w.freight("1")); w.ask(by(reject, ana)) },
			answer: `ana may not approve Promotions into Stage "prod": that takes maintain permission, and their role here is write`,
		},
		"bypassing lets the newest Freight in that may not enter, and automation takes it": {
			stages: chain,
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.freight("1")
				w.freight("2")
				w.ask(bypass)
			},
			want: []string{"approve 2 for prod: hotfix", "promote 2 to prod"}, answer: "done",
		},
		"bypassing and promoting at once works": {
			stages: chain,
			setup: func(w *world) {
				f := w.freight("1")
				w.ask(bypass)
				w.ask(pipeline.Intent{ID: "promote", Kind: pipeline.IntentPromote, Stage: "prod", Freight: f.ID})
			},
			want: []string{"approve 1 for prod: hotfix", "promote 1 to prod"}, answer: "started prod-1",
		},
		"refused: bypassing without a reason": {
			stages: chain,
			setup: func(w *world) {
				w.freight("1")
				in := bypass
				in.Reason = " "
				w.ask(in)
			},
			answer: "who lets Freight in without verification has to say why (/kargo approve prod --bypass -- REASON)",
		},
		"refused: bypassing takes the right to override": {
			stages: chain,
			setup:  func(w *world) { w.freight("1"); w.ask(by(bypass, mia)) },
			answer: `mia may not bypass verification for Stage "prod": that takes admin permission, and their role here is maintain`,
		},
		"refused: bypassing twice": {
			stages: chain,
			setup: func(w *world) {
				f := w.freight("1")
				w.mark("prod", f, func(m *pipeline.Mark) { m.ApprovedAt = t0 })
				in := bypass
				in.Freight = f.ID
				w.ask(in)
			},
			answer: "web 1 was approved for prod 2026-01-02 03:04 UTC (/promote prod)",
		},
		"refused: bypassing nothing": {
			setup:  func(w *world) { w.freight("1"); w.ask(bypass) },
			answer: "the newest Freight may enter prod already, there is nothing to bypass (/promote prod)",
		},
		"refused: bypassing for an origin that is not asked for": {
			setup: func(w *world) {
				in := bypass
				in.Freight = w.freightOf("api", "1").ID
				w.ask(in)
			},
			answer: "api 1 comes from Warehouse api, but prod takes Freight from web only (/kargo freight)",
		},
	})
}

func TestVerifyIntents(t *testing.T) {
	t.Parallel()
	verify := pipeline.Intent{Kind: pipeline.IntentVerify, Stage: "test"}
	stop := pipeline.Intent{Kind: pipeline.IntentStopVerify, Stage: "test", Reason: "enough"}
	promote := pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "test"}
	done := func(w *world) pipeline.Freight {
		f := w.freight("1")
		w.promoted("test", f)
		w.end("test", pipeline.VerificationSuccessful)
		return f
	}
	checkRequests(t, []pipeline.Stage{checked(stage("test", direct("web")))}, map[string]request{
		"what is current is verified again, as the outcome of its Promotion": {
			setup: func(w *world) { done(w); w.ask(verify) },
			want:  []string{"run in test on 1 again after test-1"}, answer: "done",
		},
		"promoting what is current by name verifies it again": {
			setup: func(w *world) {
				in := promote
				in.Freight = done(w).ID
				w.ask(in)
			},
			want: []string{"promote 1 to test"}, answer: "started test-2",
		},
		"refused: promoting what is current without naming it": {
			setup:  func(w *world) { done(w); w.ask(promote) },
			answer: "web 1 is already current in test (/kargo verify test)",
		},
		"refused: what is being verified": {
			setup:  func(w *world) { w.promoted("test", w.freight("1")); w.ask(verify) },
			answer: "test-v1 is under way already (/kargo verify test --abort)",
		},
		"refused: asking twice at once": {
			setup: func(w *world) {
				done(w)
				w.ask(pipeline.Intent{ID: "a", Kind: pipeline.IntentVerify, Stage: "test"})
				w.ask(verify)
			},
			want:   []string{"run in test on 1 again after test-1", "refuse: a verification starts in test already (/kargo status test)"},
			answer: "a verification starts in test already (/kargo status test)",
		},
		"refused: while a Promotion runs": {
			setup:  func(w *world) { done(w); w.promotion("test", w.freight("2"), pipeline.Running); w.ask(verify) },
			answer: "test-2 is running, and what it brings is verified after it (/kargo status test)",
		},
		"refused: an empty Stage": {
			setup:  func(w *world) { w.ask(verify) },
			answer: "nothing is current in test yet (/promote test)",
		},
		"refused: a Stage without verification": {
			stages: []pipeline.Stage{stage("test", direct("web"))},
			setup:  func(w *world) { w.current("test", w.freight("1")); w.ask(verify) },
			answer: `Stage "test" declares no verification: success of a Promotion verifies (/kargo status test)`,
		},
		"refused: a Stage that only routes": {
			stages: []pipeline.Stage{control("test", direct("web"))},
			setup:  func(w *world) { w.ask(verify) },
			answer: `Stage "test" only routes Freight, nothing is verified there (/kargo status test)`,
		},
		"a run can be stopped": {
			setup: func(w *world) { w.promoted("test", w.freight("1")); w.ask(stop) },
			want:  []string{"stop test-v1: stopped by ana: enough"}, answer: "done",
		},
		"refused: stopping twice": {
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				w.s.Verifications[0].AbortRequested = "enough"
				w.ask(stop)
			},
			answer: "test-v1 is being stopped already (/kargo status test)",
		},
		"refused: stopping what has ended": {
			setup:  func(w *world) { done(w); w.ask(stop) },
			answer: "no verification is under way in test (/kargo status test)",
		},
		"refused: a person without the right": {
			setup: func(w *world) {
				w.promoted("test", w.freight("1"))
				in := stop
				in.Actor = ed
				w.ask(in)
			},
			answer: `ed may not verify Stage "test": that takes write permission, and their role here is read`,
		},
	})
}
