package storetest

import (
	"encoding/json"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// asked stores an intent.
func (f *fixture) asked(id string, seconds int) {
	f.Helper()
	f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent(id, seconds)}, at(seconds)))
}

// resolution returns what became of an intent.
func (f *fixture) resolution(id string) store.ResolvedIntent {
	f.Helper()
	all := must(f.ResolvedIntents(f.ctx, repoID))(f)
	i := slices.IndexFunc(all, func(r store.ResolvedIntent) bool { return r.ID == id })
	if i < 0 {
		f.Fatalf("intent %s is not resolved", id)
	}
	return all[i]
}

func (f *fixture) granted(id string) store.ResolvedIntent {
	f.Helper()
	r := f.resolution(id)
	if r.Refusal != nil {
		f.Fatalf("intent %s was refused: %s", id, r.Refusal.Message)
	}
	return r
}

func (f *fixture) refused(id string) {
	f.Helper()
	if r := f.resolution(id); r.Refusal == nil || r.Refusal.Message == "" {
		f.Fatalf("intent %s was not refused", id)
	}
}

func approval(login, head string, seconds int) pipeline.Approval {
	return pipeline.Approval{Actor: pipeline.Actor{Login: login, Role: "write"}, Head: head, At: at(seconds)}
}

var requestTests = map[string]func(*fixture){
	"several actions answer one intent": func(f *fixture) {
		f.repo()
		f.asked("a", 1)
		f.apply(at(2), pipeline.RecordHold{Hold: pipeline.Hold{Stage: "prod", Warehouse: "web", Actor: "ada", CreatedAt: at(2)}},
			pipeline.RecordHold{Hold: pipeline.Hold{Stage: "prod", Warehouse: "api", Actor: "ada", CreatedAt: at(2)}})
		f.apply(at(3), pipeline.ReleaseHold{Stage: "prod", Warehouse: "web", Intent: "a"},
			pipeline.ReleaseHold{Stage: "prod", Warehouse: "api", Intent: "a"})
		f.equal("holds", f.snapshot().Holds, []pipeline.Hold{})
		f.granted("a")
	},
	"an intent of which a part was done is granted": func(f *fixture) {
		f.repo()
		_, p := f.start("prod", f.freight(1), at(1))
		f.asked("a", 2)
		f.apply(at(3), pipeline.AbortPromotion{Promotion: "prod-9", Reason: "x", Intent: "a"},
			pipeline.AbortPromotion{Promotion: p.ID, Reason: "x", Intent: "a"})
		f.equal("promotion", f.granted("a").Promotion, p.ID)
	},
	"nothing is done for an intent that was resolved before, or is unknown": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.asked("a", 1)
		f.apply(at(2), pipeline.GrantIntent{Intent: "a"})
		f.granted("a")
		for _, id := range []string{"a", "unknown"} {
			f.equal(id, f.apply(at(3),
				pipeline.ApproveFreight{Stage: "prod", Freight: fr.ID, Intent: id},
				pipeline.RenameFreight{Freight: fr.ID, Alias: "other", Intent: id},
				pipeline.DeleteFreight{Freight: fr.ID, Intent: id},
				pipeline.FreezePipeline{Intent: id},
				pipeline.RecordHold{Hold: pipeline.Hold{Stage: "prod", Warehouse: "web"}, Intent: id},
				pipeline.StartVerification{Run: run("prod", 3, fr), Intent: id},
			), store.Applied{})
		}
		s := f.snapshot()
		f.equal("state", []any{s.Freight, len(s.Marks), s.Freeze, len(s.Holds), len(s.Verifications)},
			[]any{[]pipeline.Freight{fr}, 0, (*pipeline.Freeze)(nil), 0, 0})
	},
	"an approval counts once per person and head, and makes the stage due": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.asked("a", 1)
		f.asked("b", 1)
		f.apply(at(2), pipeline.ApprovePromotion{Promotion: p.ID, Approval: approval("ada", "h1", 2), Intent: "a"})
		f.apply(at(3), pipeline.ApprovePromotion{Promotion: p.ID, Approval: approval("bob", "h1", 3)},
			pipeline.ApprovePromotion{Promotion: p.ID, Approval: approval("ada", "h1", 4)},
			pipeline.ApprovePromotion{Promotion: p.ID, Approval: approval("ada", "h2", 5)})
		want := []pipeline.Approval{approval("bob", "h1", 3), approval("ada", "h1", 4), approval("ada", "h2", 5)}
		f.ok(f.SavePromotion(f.ctx, j, p))
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, p.ID))(f).Approvals, want)
		f.equal("snapshot", f.snapshot().Promotions[0].Approvals, want)
		f.equal("granted", f.granted("a").Promotion, p.ID)
		f.ok(f.Finish(f.ctx, j, zero))
		f.finish(f.claim(store.WorkStage, at(3)), p, pipeline.Failed, at(6))
		f.apply(at(7), pipeline.ApprovePromotion{Promotion: p.ID, Approval: approval("eve", "h1", 7), Intent: "b"})
		f.refused("b")
	},
	"every answer to a step counts, and makes the stage due": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.asked("a", 1)
		f.asked("b", 1)
		said := func(login, what string, n int) pipeline.Answer {
			return pipeline.Answer{Step: "ask", Actor: pipeline.Actor{Login: login}, Values: map[string]string{"what": what}, At: at(n)}
		}
		f.apply(at(2), pipeline.AnswerPromotion{Promotion: p.ID, Answer: said("ada", "no", 2), Intent: "a"})
		f.apply(at(3), pipeline.AnswerPromotion{Promotion: p.ID, Answer: said("ada", "yes", 3)})
		sent := pipeline.Answer{Step: "wait", Body: json.RawMessage(`{"ok":true}`), At: at(4)}
		f.ok(f.PutAnswer(f.ctx, repoID, p.ID, sent, at(4)))
		again := sent
		again.At = at(5)
		f.ok(f.PutAnswer(f.ctx, repoID, p.ID, again, at(5)))
		want := []pipeline.Answer{said("ada", "no", 2), said("ada", "yes", 3), sent}
		f.ok(f.SavePromotion(f.ctx, j, p))
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, p.ID))(f).Answers, want)
		f.equal("snapshot", f.snapshot().Promotions[0].Answers, want)
		f.equal("granted", f.granted("a").Promotion, p.ID)
		f.ok(f.Finish(f.ctx, j, zero))
		f.finish(f.claim(store.WorkStage, at(3)), p, pipeline.Failed, at(6))
		f.apply(at(7), pipeline.AnswerPromotion{Promotion: p.ID, Answer: said("eve", "yes", 7), Intent: "b"})
		f.refused("b")
		f.is(f.PutAnswer(f.ctx, repoID, p.ID, sent, at(8)), store.ErrNotFound)
	},
	"what a step writes down for the record is there once, and newest first": func(f *fixture) {
		f.repo()
		e := func(promotion, message string, n int) store.AuditEvent {
			return store.AuditEvent{Promotion: promotion, Step: "note", At: at(n), Type: "recorded", Actor: "ada", Message: message, Data: map[string]any{"k": "v"}}
		}
		f.ok(f.PutAuditEvent(f.ctx, repoID, e("prod-1", "first", 1)))
		f.ok(f.PutAuditEvent(f.ctx, repoID, e("prod-1", "again", 2)))
		f.ok(f.PutAuditEvent(f.ctx, repoID, e("prod-2", "second", 3)))
		f.equal("events", must(f.AuditEvents(f.ctx, repoID, 10))(f), []store.AuditEvent{e("prod-2", "second", 3), e("prod-1", "first", 1)})
		f.equal("newest", must(f.AuditEvents(f.ctx, repoID, 1))(f), []store.AuditEvent{e("prod-2", "second", 3)})
	},
	"a rejected promotion ends as failed, if that was the first request": func(f *fixture) {
		f.repo()
		_, p := f.start("prod", f.freight(1), at(1))
		f.apply(at(2), pipeline.AbortPromotion{Promotion: p.ID, Reason: "no", As: pipeline.Failed})
		f.apply(at(3), pipeline.AbortPromotion{Promotion: p.ID, Reason: "really"})
		got := must(f.Promotion(f.ctx, repoID, p.ID))(f)
		f.equal("request", []any{got.AbortRequested, got.AbortAs}, []any{"no", pipeline.Failed})
	},
	"a retry queues what ended again, and the one before is the newest ended": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.promote("prod", fr, at(1))
		j, p := f.start("prod", fr, at(2))
		p.Steps[0] = pipeline.StepState{Phase: pipeline.Failed, Attempts: 2, Errors: 1, Message: "no"}
		p.Message, p.StartedAt = "it broke", at(2)
		f.apply(at(3), pipeline.AbortPromotion{Promotion: p.ID, Reason: "enough"})
		f.ok(f.Finish(f.ctx, j, zero))
		f.finish(f.claim(store.WorkStage, at(3)), p, pipeline.Failed, at(4))
		want := must(f.Promotion(f.ctx, repoID, p.ID))(f)
		want.Retry(at(6))
		f.asked("a", 5)
		f.equal("applied", f.apply(at(6), pipeline.RetryPromotion{Promotion: p.ID, Intent: "a"}), store.Applied{Changed: true})
		f.equal("granted", f.granted("a").Promotion, p.ID)
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, p.ID))(f), want)
		f.equal("stage", promotionIDs(must(f.StagePromotions(f.ctx, repoID, "prod"))(f)), p.ID)
		f.finish(f.claim(store.WorkStage, at(6)), want, pipeline.Succeeded, at(7))
		f.equal("newest", must(f.Promotion(f.ctx, repoID, p.ID))(f).Phase, pipeline.Succeeded)
	},
	"what has not ended, or whose freight is on its way, is not taken up again": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		j, p := f.start("prod", fr, at(1))
		for _, id := range []string{"a", "b", "c"} {
			f.asked(id, 2)
		}
		f.apply(at(3), pipeline.RetryPromotion{Promotion: p.ID, Intent: "a"})
		f.refused("a")
		f.finish(j, p, pipeline.Failed, at(4))
		f.start("prod", fr, at(5))
		f.apply(at(6), pipeline.RetryPromotion{Promotion: p.ID, Intent: "b"}, pipeline.RetryPromotion{Promotion: "prod-9", Intent: "c"})
		f.refused("b")
		f.refused("c")
		f.equal("phase", must(f.Promotion(f.ctx, repoID, p.ID))(f).Phase, pipeline.Failed)
	},
	"an older promotion that was taken up again is not the newest of its freight": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		for i := range 2 {
			j, p := f.start("prod", fr, at(i))
			f.finish(j, p, pipeline.Failed, at(i))
		}
		f.apply(at(3), pipeline.RetryPromotion{Promotion: "prod-1"})
		f.finish(f.claim(store.WorkStage, at(3)), must(f.Promotion(f.ctx, repoID, "prod-1"))(f), pipeline.Succeeded, at(4))
		for i := range 25 {
			f.promote("prod", f.freight(10+i), at(10+i))
		}
		last, _ := f.snapshot().Last("prod", fr.ID)
		f.equal("last", last.ID, "prod-2")
	},
}
