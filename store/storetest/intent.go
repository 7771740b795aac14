package storetest

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func intent(id string, seconds int) pipeline.Intent {
	return pipeline.Intent{
		ID: id, Kind: pipeline.IntentPromote, Stage: "prod",
		Actor:  pipeline.Actor{Login: "ada", Role: "write", Teams: []string{"@acme/ops"}},
		Number: 12, Comment: 99, ReceivedAt: at(seconds),
	}
}

var intentTests = map[string]func(*fixture){
	"intents are asked once, oldest first, and reconciled": func(f *fixture) {
		f.repo()
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("b", 2), intent("a", 1)}, at(3)))
		f.ok(f.Finish(f.ctx, f.claim(store.WorkReconcile, at(3)), zero))
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("b", 5)}, at(6)))
		f.nothing(store.WorkReconcile, at(9))
		f.equal("intents", f.snapshot().Intents, []pipeline.Intent{intent("a", 1), intent("b", 2)})
	},
	"intents of an unknown repository are refused": func(f *fixture) {
		f.is(f.PutIntents(f.ctx, 99, []pipeline.Intent{intent("a", 1)}, at(1)), store.ErrNotFound)
	},
	"a refused intent waits for its answer, once": func(f *fixture) {
		f.repo()
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1), intent("b", 2)}, at(3)))
		why := &pipeline.UserError{Message: "no", Hint: "/kargo why prod"}
		if !f.apply(at(4), pipeline.RefuseIntent{Intent: "a", Err: why}).Changed {
			f.Fatal("nothing changed")
		}
		f.equal("open", f.snapshot().Intents, []pipeline.Intent{intent("b", 2)})
		f.equal("resolved", must(f.ResolvedIntents(f.ctx, repoID))(f),
			[]store.ResolvedIntent{{Intent: intent("a", 1), Refusal: why}})
		if f.apply(at(5), pipeline.RefuseIntent{Intent: "a", Err: &pipeline.UserError{Message: "other"}}).Changed {
			f.Fatal("a resolved intent was refused again")
		}
		f.ok(f.AnswerIntents(f.ctx, repoID, []string{"a", "b"}, at(6)))
		f.equal("resolved", must(f.ResolvedIntents(f.ctx, repoID))(f), []store.ResolvedIntent{})
		f.equal("an open intent cannot be answered", f.snapshot().Intents, []pipeline.Intent{intent("b", 2)})
	},
	"a granted intent names what it started": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(2)))
		f.apply(at(3), pipeline.StartPromotion{Promotion: promotion("prod", fr, at(3)), Intent: "a"})
		f.equal("resolved", must(f.ResolvedIntents(f.ctx, repoID))(f),
			[]store.ResolvedIntent{{Intent: intent("a", 1), Promotion: "prod-1"}})
	},
}
