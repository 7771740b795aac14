package storetest

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

var applyTests = map[string]func(*fixture){
	"a started promotion comes back as it was given, with number and id": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		want := promotion("prod", fr, at(2))
		want.Actor, want.Source, want.HoldIntent = "ada", 12, pipeline.SetHold
		f.equal("applied", f.apply(at(2), pipeline.StartPromotion{Promotion: want}),
			store.Applied{Started: []string{"prod-1"}, Changed: true})
		want.ID, want.Seq, want.Repo = "prod-1", 1, pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"}
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, "prod-1"))(f), want)
		f.equal("snapshot", f.snapshot().Promotions, []pipeline.Promotion{want})
		f.equal("job", f.claim(store.WorkStage, at(2)).Key, store.StageKey(repoID, "prod"))
	},
	"promotions are numbered per stage": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.equal("started", f.apply(at(3),
			pipeline.StartPromotion{Promotion: promotion("prod", one, at(3))},
			pipeline.StartPromotion{Promotion: promotion("test", one, at(3))},
			pipeline.StartPromotion{Promotion: promotion("prod", two, at(3))},
		).Started, []string{"prod-1", "test-1", "prod-2"})
	},
	"a second promotion of the same freight is dropped while the first is unfinished": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		j, p := f.start("prod", fr, at(1))
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(2)))
		f.equal("without intent", f.apply(at(2), pipeline.StartPromotion{Promotion: promotion("prod", fr, at(2))}), store.Applied{})
		f.equal("with intent", f.apply(at(2), pipeline.StartPromotion{Promotion: promotion("prod", fr, at(2)), Intent: "a"}),
			store.Applied{Changed: true})
		if r := must(f.ResolvedIntents(f.ctx, repoID))(f); len(r) != 1 || r[0].Refusal == nil {
			f.Fatalf("resolved %+v, want one refusal", r)
		}
		f.finish(j, p, pipeline.Failed, at(3))
		f.equal("afterwards", f.apply(at(4), pipeline.StartPromotion{Promotion: promotion("prod", fr, at(4))}).Started, []string{"prod-2"})
	},
	"an intent starts nothing twice": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(1)))
		start := pipeline.StartPromotion{Promotion: promotion("prod", fr, at(2)), Intent: "a"}
		f.apply(at(2), start)
		j := f.claim(store.WorkStage, at(2))
		f.finish(j, must(f.Promotion(f.ctx, repoID, "prod-1"))(f), pipeline.Succeeded, at(3))
		f.equal("again", f.apply(at(4), start), store.Applied{})
	},
	"freight is created once and its alias is its own": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		again := fr
		again.Alias = "other"
		f.equal("again", f.apply(at(2), pipeline.CreateFreight{Freight: again}), store.Applied{})
		f.equal("freight", f.snapshot().Freight, []pipeline.Freight{fr})
		thief := newFreight("web", 2)
		thief.Alias = fr.Alias
		third := newFreight("web", 3)
		if _, err := f.Apply(f.ctx, repoID, []pipeline.Action{
			pipeline.CreateFreight{Freight: third}, pipeline.CreateFreight{Freight: thief},
		}, at(3)); err == nil {
			f.Fatal("two Freight share an alias")
		}
		f.equal("all or nothing", f.snapshot().Freight, []pipeline.Freight{fr})
	},
	"an abort is a request that the first reason explains": func(f *fixture) {
		f.repo()
		_, p := f.start("prod", f.freight(1), at(1))
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(2)))
		f.apply(at(2), pipeline.AbortPromotion{Promotion: p.ID, Reason: "first", Intent: "a"})
		f.apply(at(3), pipeline.AbortPromotion{Promotion: p.ID, Reason: "second"})
		got := must(f.Promotion(f.ctx, repoID, p.ID))(f)
		f.equal("promotion", []any{got.AbortRequested, got.Phase}, []any{"first", pipeline.Pending})
		r := must(f.ResolvedIntents(f.ctx, repoID))(f)
		f.equal("resolved", []any{r[0].Promotion, r[0].Refusal}, []any{p.ID, (*pipeline.UserError)(nil)})
	},
	"an abort makes the stage due, even while it is advanced": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.apply(at(2), pipeline.AbortPromotion{Promotion: p.ID, Reason: "enough"})
		f.ok(f.Finish(f.ctx, j, at(999)))
		f.claim(store.WorkStage, at(2))
	},
	"an abort that comes too late is refused": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.finish(j, p, pipeline.Succeeded, at(2))
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(3)))
		f.equal("without intent", f.apply(at(3), pipeline.AbortPromotion{Promotion: p.ID, Reason: "x"}), store.Applied{})
		f.apply(at(3), pipeline.AbortPromotion{Promotion: p.ID, Reason: "x", Intent: "a"})
		if r := must(f.ResolvedIntents(f.ctx, repoID))(f); len(r) != 1 || r[0].Refusal == nil {
			f.Fatalf("resolved %+v, want one refusal", r)
		}
		f.equal("abort", must(f.Promotion(f.ctx, repoID, p.ID))(f).AbortRequested, "")
	},
	"a decision for an unknown repository or freight is refused": func(f *fixture) {
		_, err := f.Apply(f.ctx, 99, []pipeline.Action{pipeline.CreateFreight{Freight: newFreight("web", 1)}}, at(1))
		f.is(err, store.ErrNotFound)
		f.repo()
		_, err = f.Apply(f.ctx, repoID, []pipeline.Action{
			pipeline.StartPromotion{Promotion: promotion("prod", newFreight("web", 1), at(1))},
		}, at(1))
		f.is(err, store.ErrNotFound)
	},
	"an unknown action is an error": func(f *fixture) {
		f.repo()
		fr := newFreight("web", 1)
		if _, err := f.Apply(f.ctx, repoID, []pipeline.Action{pipeline.CreateFreight{Freight: fr}, nil}, at(1)); err == nil {
			f.Fatal("it was carried out")
		}
		f.equal("all or nothing", f.snapshot().Freight, []pipeline.Freight{})
	},
	"waking is not the store's business": func(f *fixture) {
		f.repo()
		f.equal("applied", f.apply(at(1), pipeline.Wake{At: at(5)}), store.Applied{})
	},
}
