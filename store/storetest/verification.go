package storetest

import (
	"encoding/json"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// verifying makes the Stage of a Promotion one that verifies.
func verifying(p *pipeline.Promotion) { p.Stage = verifyingStage(p.Stage.Name, p.Stage.Requests...) }

func verifyingStage(name string, requests ...pipeline.FreightRequest) pipeline.Stage {
	return pipeline.Stage{
		Name: name, Requests: requests, Steps: []pipeline.StepSpec{{Uses: "git-open-pr", As: "open"}},
		Verification: &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke", Provider: pipeline.Provider{Kind: "check"}}}},
	}
}

// run returns a run of Freight in a Stage, as Decide would start it.
func run(stage string, seconds int, collection ...pipeline.Freight) pipeline.VerificationRun {
	return pipeline.NewVerificationRun(pipeline.VerificationRun{
		Repo: pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"}, Pipeline: "gitops",
		Stage: verifyingStage(stage), Collection: collection, Reason: "test", CreatedAt: at(seconds),
	})
}

// verify starts a run, claims its Stage and returns both.
func (f *fixture) verify(r pipeline.VerificationRun) (store.Job, pipeline.VerificationRun) {
	f.Helper()
	applied := f.apply(r.CreatedAt, pipeline.StartVerification{Run: r})
	if len(applied.Verifications) != 1 {
		f.Fatalf("started %v, want one run", applied.Verifications)
	}
	return f.claim(store.WorkStage, r.CreatedAt), must(f.Verification(f.ctx, repoID, applied.Verifications[0]))(f)
}

// conclude ends a run and the claim with it.
func (f *fixture) conclude(j store.Job, r pipeline.VerificationRun, phase pipeline.VerificationPhase, seconds int) {
	f.Helper()
	r.Phase, r.FinishedAt = phase, at(seconds)
	f.ok(f.FinishVerification(f.ctx, j, r, at(seconds)))
	f.ok(f.MarkVerificationReported(f.ctx, j, r.ID))
	f.ok(f.Finish(f.ctx, j, zero))
}

func runIDs(all []pipeline.VerificationRun) string {
	s := ""
	for _, r := range all {
		s += r.ID + " "
	}
	return s
}

var verificationTests = map[string]func(*fixture){
	"a run comes back as it was given, with number and id": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		j, got := f.verify(run("prod", 2, fr))
		want := run("prod", 2, fr)
		want.ID, want.Seq = "prod-v1", 1
		f.equal("run", got, want)
		f.equal("open", must(f.StageVerification(f.ctx, repoID, "prod"))(f), &want)
		f.equal("snapshot", f.snapshot().Verifications, []pipeline.VerificationRun{want})
		f.equal("job", j.Key, store.StageKey(repoID, "prod"))
		f.equal("another stage", must(f.StageVerification(f.ctx, repoID, "test"))(f), (*pipeline.VerificationRun)(nil))
		_, err := f.Verification(f.ctx, repoID, "prod-v9")
		f.is(err, store.ErrNotFound)
	},
	"one run is under way per stage": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.asked("a", 1)
		f.verify(run("prod", 2, fr))
		f.equal("without intent", f.apply(at(3), pipeline.StartVerification{Run: run("prod", 3, fr)}), store.Applied{})
		f.apply(at(3), pipeline.StartVerification{Run: run("prod", 3, fr), Intent: "a"})
		f.refused("a")
		f.equal("another stage", f.apply(at(3), pipeline.StartVerification{Run: run("test", 3, fr)}).Verifications, []string{"test-v1"})
	},
	"a granted intent names the run": func(f *fixture) {
		f.repo()
		f.asked("a", 1)
		f.apply(at(2), pipeline.StartVerification{Run: run("prod", 2, f.freight(1)), Intent: "a"})
		f.equal("run", f.granted("a").Verification, "prod-v1")
	},
	"the state of a run survives, what was given at creation is not touched": func(f *fixture) {
		f.repo()
		j, r := f.verify(run("prod", 2, f.freight(1)))
		want := r
		for _, p := range []*pipeline.VerificationRun{&r, &want} {
			p.Phase, p.Message, p.StartedAt, p.WakeAt, p.WakeOn = pipeline.VerificationRunning, "hm", at(3), at(90), []string{"x"}
			p.Args = map[string]string{"a": "b"}
			p.Metrics = []pipeline.MetricRun{{
				Name: "smoke", Phase: pipeline.VerificationRunning, State: json.RawMessage(`{"run":7}`), Due: at(60), Count: 2,
				Measurements: []pipeline.Measurement{{Phase: pipeline.VerificationSuccessful, Value: "1", StartedAt: at(4)}},
			}}
		}
		r.Reason, r.Collection, r.Stage.Verification = "x", nil, nil
		f.ok(f.SaveVerification(f.ctx, j, r))
		f.equal("run", must(f.StageVerification(f.ctx, repoID, "prod"))(f), &want)
	},
	"success verifies all freight of the collection in the stage, and reconciles": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), newFreight("api", 1)
		f.apply(at(1), pipeline.CreateFreight{Freight: two}, verified("prod", one))
		j, r := f.verify(run("prod", 2, one, two))
		f.conclude(j, r, pipeline.VerificationSuccessful, 9)
		f.equal("sticky", f.mark("prod", one).VerifiedAt, at(1))
		f.equal("new", f.mark("prod", two).VerifiedAt, at(9))
		f.equal("elsewhere", f.mark("test", two).VerifiedAt, zero)
		f.equal("key", f.claim(store.WorkReconcile, at(9)).Key, store.RepoKey(repoID))
		f.equal("open", must(f.StageVerification(f.ctx, repoID, "prod"))(f), (*pipeline.VerificationRun)(nil))
	},
	"only a repetition that failed takes the mark away": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.apply(at(1), verified("prod", fr))
		again := run("prod", 2, fr)
		for _, phase := range []pipeline.VerificationPhase{
			pipeline.VerificationError, pipeline.VerificationAborted, pipeline.VerificationInconclusive,
		} {
			again.Again = true
			j, r := f.verify(again)
			f.conclude(j, r, phase, 3)
			f.equal(string(phase), f.mark("prod", fr).VerifiedAt, at(1))
		}
		j, r := f.verify(run("prod", 4, fr))
		f.conclude(j, r, pipeline.VerificationFailed, 5)
		f.equal("first failure", f.mark("prod", fr).VerifiedAt, at(1))
		again.CreatedAt = at(6)
		j, r = f.verify(again)
		f.conclude(j, r, pipeline.VerificationFailed, 7)
		f.equal("revoked", f.mark("prod", fr).VerifiedAt, zero)
	},
	"a run follows a promotion that succeeded, at once": func(f *fixture) {
		f.repo()
		one, other := f.freight(1), newFreight("api", 1)
		f.apply(at(1), pipeline.CreateFreight{Freight: other}, pipeline.AdoptFreight{Stage: "prod", Freight: other.ID})
		j, p := f.start("prod", one, at(2), verifying, func(p *pipeline.Promotion) {
			p.Stage.Requests = append(p.Stage.Requests, pipeline.FreightRequest{Origin: "api", Direct: true})
		})
		p.Phase, p.FinishedAt = pipeline.Succeeded, at(3)
		f.ok(f.FinishPromotion(f.ctx, j, p, at(3)))
		got := must(f.StageVerification(f.ctx, repoID, "prod"))(f)
		if got == nil {
			f.Fatal("nothing follows")
		}
		f.equal("collection", got.Collection, []pipeline.Freight{one, other})
		f.equal("run", []any{got.ID, got.Promotion, got.Phase, got.CreatedAt, got.Pipeline},
			[]any{"prod-v1", "prod-1", pipeline.VerificationPending, at(3), "gitops"})
		f.ok(f.Finish(f.ctx, j, zero))
		f.claim(store.WorkStage, at(3))
	},
	"nothing follows a promotion that failed, nor a collection that has its result": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		j, p := f.start("prod", one, at(2), verifying)
		f.finish(j, p, pipeline.Failed, at(3))
		f.equal("failed", f.snapshot().Verifications, []pipeline.VerificationRun{})
		f.promote("prod", one, at(4), verifying)
		f.conclude(f.claim(store.WorkStage, at(4)), *must(f.StageVerification(f.ctx, repoID, "prod"))(f), pipeline.VerificationFailed, 5)
		f.promote("prod", two, at(6), verifying)
		f.conclude(f.claim(store.WorkStage, at(6)), *must(f.StageVerification(f.ctx, repoID, "prod"))(f), pipeline.VerificationFailed, 7)
		f.promote("prod", one, at(8), verifying)
		f.equal("result kept", runIDs(f.snapshot().Verifications), "prod-v1 prod-v2 ")
	},
	"an end is final, and only an end is one, of a run": func(f *fixture) {
		f.repo()
		j, r := f.verify(run("prod", 2, f.freight(1)))
		if f.FinishVerification(f.ctx, j, r, at(3)) == nil {
			f.Fatal("a Pending run was finished")
		}
		f.is(f.MarkVerificationReported(f.ctx, j, r.ID), store.ErrNotFound)
		done := r
		done.Phase = pipeline.VerificationFailed
		if f.SaveVerification(f.ctx, j, done) == nil {
			f.Fatal("an end was saved without its consequences")
		}
		f.ok(f.FinishVerification(f.ctx, j, done, at(3)))
		done.Phase = pipeline.VerificationSuccessful
		if f.SaveVerification(f.ctx, j, r) == nil || f.FinishVerification(f.ctx, j, done, at(4)) == nil {
			f.Fatal("a run rose from the dead")
		}
		f.equal("phase", must(f.Verification(f.ctx, repoID, r.ID))(f).Phase, pipeline.VerificationFailed)
	},
	"only the holder of the stage writes runs": func(f *fixture) {
		f.repo()
		held, r := f.verify(run("prod", 2, f.freight(1)))
		done := r
		done.Phase = pipeline.VerificationSuccessful
		for name, j := range map[string]store.Job{
			"older token":   {Kind: held.Kind, Key: held.Key, Token: held.Token - 1},
			"another stage": {Kind: held.Kind, Key: store.StageKey(repoID, "test"), Token: held.Token},
		} {
			f.Log(name)
			f.is(f.SaveVerification(f.ctx, j, r), store.ErrLeaseLost)
			f.is(f.FinishVerification(f.ctx, j, done, at(3)), store.ErrLeaseLost)
			f.is(f.MarkVerificationReported(f.ctx, j, r.ID), store.ErrLeaseLost)
		}
		f.ok(f.SaveVerification(f.ctx, held, r))
	},
	"a request to stop is explained by its first reason and survives a save": func(f *fixture) {
		f.repo()
		f.asked("a", 1)
		f.asked("b", 1)
		j, r := f.verify(run("prod", 2, f.freight(1)))
		f.apply(at(3), pipeline.StopVerification{Run: r.ID, Reason: "first", Intent: "a"})
		f.apply(at(3), pipeline.StopVerification{Run: r.ID, Reason: "second"})
		f.ok(f.SaveVerification(f.ctx, j, r))
		f.equal("reason", must(f.Verification(f.ctx, repoID, r.ID))(f).AbortRequested, "first")
		f.equal("granted", f.granted("a").Verification, r.ID)
		f.ok(f.Finish(f.ctx, j, zero))
		f.conclude(f.claim(store.WorkStage, at(3)), r, pipeline.VerificationAborted, 4)
		f.apply(at(5), pipeline.StopVerification{Run: r.ID, Reason: "late", Intent: "b"})
		f.refused("b")
	},
	"an event wakes the stage whose run waits for it": func(f *fixture) {
		f.repo()
		j, r := f.verify(run("prod", 2, f.freight(1)))
		r.Phase, r.WakeOn = pipeline.VerificationRunning, []string{"check/abc", "check/def"}
		f.ok(f.SaveVerification(f.ctx, j, r))
		f.ok(f.Finish(f.ctx, j, at(900)))
		f.equal("other", must(f.Wake(f.ctx, []string{"check/xyz"}, at(3)))(f), 0)
		f.equal("woken", must(f.Wake(f.ctx, []string{"check/abc", "check/def"}, at(3)))(f), 1)
		j = f.claim(store.WorkStage, at(3))
		must(f.Wake(f.ctx, []string{"check/late"}, at(4)))(f)
		r.WakeOn = []string{"check/late"}
		f.ok(f.SaveVerification(f.ctx, j, r))
		f.ok(f.Finish(f.ctx, j, at(900)))
		f.conclude(f.claim(store.WorkStage, at(5)), r, pipeline.VerificationSuccessful, 6)
		f.equal("ended", must(f.Wake(f.ctx, []string{"check/late"}, at(7)))(f), 0)
	},
	"ends that were not reported are shown in order": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		for i := range 2 {
			j, r := f.verify(run("prod", i, fr))
			r.Phase = pipeline.VerificationFailed
			f.ok(f.FinishVerification(f.ctx, j, r, at(3)))
			f.ok(f.Finish(f.ctx, j, zero))
		}
		j, _ := f.verify(run("prod", 4, fr))
		f.equal("unreported", runIDs(must(f.UnreportedVerifications(f.ctx, repoID, "prod"))(f)), "prod-v1 prod-v2 ")
		f.ok(f.MarkVerificationReported(f.ctx, j, "prod-v1"))
		f.equal("reported", runIDs(must(f.UnreportedVerifications(f.ctx, repoID, "prod"))(f)), "prod-v2 ")
		f.equal("another stage", len(must(f.UnreportedVerifications(f.ctx, repoID, "test"))(f)), 0)
	},
	"a snapshot holds the open, the recent, and the newest ended run of every collection": func(f *fixture) {
		f.repo()
		const recent = 10
		old, busy := f.freight(1), f.freight(2)
		ends := []pipeline.Freight{old, old, busy}
		for i := range recent {
			ends = append(ends, f.freight(10+i))
		}
		for i, fr := range ends {
			j, r := f.verify(run("prod", 20+i, fr))
			f.conclude(j, r, pipeline.VerificationSuccessful, 20+i)
		}
		f.verify(run("prod", 50, busy))
		want := "prod-v2 prod-v3 "
		for i := range recent + 1 {
			want += fmt.Sprintf("prod-v%d ", i+4)
		}
		f.equal("runs", runIDs(f.snapshot().Verifications), want)
	},
}
