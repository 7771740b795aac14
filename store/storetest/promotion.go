package storetest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// opened lets a step report that it opened a pull request.
func opened(p *pipeline.Promotion, number int, repo string) {
	p.Steps[0].Output = json.RawMessage(fmt.Sprintf(`{"pr":{"id":%d,"url":"u","repo":%q}}`, number, repo))
}

var promotionTests = map[string]func(*fixture){
	"a saved promotion comes back as it was": func(f *fixture) {
		f.repo()
		before, fr := f.freight(1), f.freight(2)
		j, p := f.start("prod", fr, at(3))
		p.Start(at(4), &before)
		p.Begin(0, at(5))
		p.Message, p.Rewinds = "hello", 2
		p.Apply(0, pipeline.StepResult{
			Phase: pipeline.Running, Message: "waiting", Output: json.RawMessage(`{"a":[1,2]}`),
			WakeAt: at(90), WakeOn: []string{"x", "y"}, Transient: true,
		}, at(6))
		f.ok(f.SavePromotion(f.ctx, j, p))
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, p.ID))(f), p)
		f.equal("stage", must(f.StagePromotions(f.ctx, repoID, "prod"))(f), []pipeline.Promotion{p})
	},
	"saving does not touch what was given at creation": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		want := p
		p.Reason, p.ConfigSHA, p.Actor, p.Vars = "x", "x", "x", nil
		f.ok(f.SavePromotion(f.ctx, j, p))
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, p.ID))(f), want)
	},
	"a request to abort survives a save by someone who did not see it": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.apply(at(2), pipeline.AbortPromotion{Promotion: p.ID, Reason: "enough"})
		p.Start(at(3), nil)
		f.ok(f.SavePromotion(f.ctx, j, p))
		got := must(f.Promotion(f.ctx, repoID, p.ID))(f)
		f.equal("promotion", []any{got.AbortRequested, got.Phase}, []any{"enough", pipeline.Running})
	},
	"only the holder of the stage writes": func(f *fixture) {
		f.repo()
		_, p := f.start("prod", f.freight(1), at(1))
		stale, _, err := f.Claim(f.ctx, everyKind, at(1), lease)
		f.ok(err)
		f.ok(f.ReleaseAll(f.ctx))
		stale.Kind, stale.Key = store.WorkStage, store.StageKey(repoID, "prod")
		held := f.claim(store.WorkStage, at(1))
		for name, j := range map[string]store.Job{
			"older token":   {Kind: held.Kind, Key: held.Key, Token: held.Token - 1},
			"another stage": {Kind: held.Kind, Key: store.StageKey(repoID, "test"), Token: held.Token},
			"released":      stale,
		} {
			done := p
			done.Phase = pipeline.Succeeded
			f.Log(name)
			f.is(f.SavePromotion(f.ctx, j, p), store.ErrLeaseLost)
			f.is(f.FinishPromotion(f.ctx, j, done, at(2)), store.ErrLeaseLost)
			f.is(f.MarkReported(f.ctx, j, p.ID), store.ErrLeaseLost)
		}
		if err := f.SavePromotion(f.ctx, store.Job{Kind: store.WorkReconcile, Key: "42", Token: 1}, p); err == nil {
			f.Fatal("a reconciliation may write Promotions")
		}
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, p.ID))(f), p)
		f.ok(f.SavePromotion(f.ctx, held, p))
	},
	"one promotion runs per stage": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.apply(at(3), pipeline.StartPromotion{Promotion: promotion("prod", one, at(3))},
			pipeline.StartPromotion{Promotion: promotion("prod", two, at(3))})
		j := f.claim(store.WorkStage, at(3))
		queue := must(f.StagePromotions(f.ctx, repoID, "prod"))(f)
		for i := range queue {
			queue[i].Start(at(4), nil)
		}
		f.ok(f.SavePromotion(f.ctx, j, queue[0]))
		if err := f.SavePromotion(f.ctx, j, queue[1]); err == nil {
			f.Fatal("two Promotions run in one Stage")
		}
	},
	"an end is final, and only an end is one": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		if err := f.FinishPromotion(f.ctx, j, p, at(2)); err == nil {
			f.Fatal("a Pending Promotion was finished")
		}
		done := p
		done.Phase, done.Message, done.FinishedAt = pipeline.Failed, "it broke", at(2)
		if err := f.SavePromotion(f.ctx, j, done); err == nil {
			f.Fatal("an end was saved without its consequences")
		}
		f.ok(f.FinishPromotion(f.ctx, j, done, at(2)))
		if err := f.SavePromotion(f.ctx, j, p); err == nil {
			f.Fatal("a Promotion rose from the dead")
		}
		done.Phase = pipeline.Succeeded
		if err := f.FinishPromotion(f.ctx, j, done, at(3)); err == nil {
			f.Fatal("a Promotion ended twice")
		}
		got := must(f.Promotion(f.ctx, repoID, p.ID))(f)
		f.equal("promotion", []any{got.Phase, got.Message, got.FinishedAt}, []any{pipeline.Failed, "it broke", at(2)})
	},
	"an end is reconciled": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.finish(j, p, pipeline.Failed, at(2))
		f.equal("key", f.claim(store.WorkReconcile, at(2)).Key, store.RepoKey(repoID))
	},
	"a stage shows what is unfinished or unreported, in order": func(f *fixture) {
		f.repo()
		for i := range 3 {
			f.apply(at(i), pipeline.StartPromotion{Promotion: promotion("prod", f.freight(i), at(i))})
		}
		j := f.claim(store.WorkStage, at(3))
		p := must(f.StagePromotions(f.ctx, repoID, "prod"))(f)[1]
		f.is(f.MarkReported(f.ctx, j, p.ID), store.ErrNotFound)
		p.Abort(at(4), "enough")
		f.ok(f.FinishPromotion(f.ctx, j, p, at(4)))
		f.equal("unreported", promotionIDs(must(f.StagePromotions(f.ctx, repoID, "prod"))(f)), "prod-1 prod-2 prod-3")
		f.ok(f.MarkReported(f.ctx, j, p.ID))
		f.equal("reported", promotionIDs(must(f.StagePromotions(f.ctx, repoID, "prod"))(f)), "prod-1 prod-3")
		f.equal("another stage", promotionIDs(must(f.StagePromotions(f.ctx, repoID, "test"))(f)), "")
	},
	"what a stage did before is found, newest first": func(f *fixture) {
		f.repo()
		for i := range 4 {
			f.apply(at(i), pipeline.StartPromotion{Promotion: promotion("prod", f.freight(i), at(i))})
		}
		f.apply(at(5), pipeline.StartPromotion{Promotion: promotion("test", f.freight(5), at(5))})
		earlier := func(stage string, seq, limit int) string {
			return promotionIDs(must(f.EarlierPromotions(f.ctx, repoID, stage, seq, limit))(f))
		}
		f.equal("earlier", earlier("prod", 4, 10), "prod-3 prod-2 prod-1")
		f.equal("limited", earlier("prod", 4, 2), "prod-3 prod-2")
		f.equal("first", earlier("prod", 1, 10), "")
		f.equal("another stage", earlier("test", 9, 10), "test-1")
	},
	"a promotion is found by the newest use of its pull request": func(f *fixture) {
		f.repo()
		_, err := f.PromotionByPull(f.ctx, repoID, 5)
		f.is(err, store.ErrNotFound)
		j, p := f.start("prod", f.freight(1), at(1))
		opened(&p, 5, "")
		f.ok(f.SavePromotion(f.ctx, j, p))
		f.finish(j, p, pipeline.Failed, at(2))
		j, p = f.start("prod", f.freight(2), at(3))
		opened(&p, 5, "Acme/GitOps")
		f.finish(j, p, pipeline.Succeeded, at(4))
		f.equal("id", must(f.PromotionByPull(f.ctx, repoID, 5))(f).ID, "prod-2")
	},
	"a pull request of another repository is another one": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		opened(&p, 5, "acme/other")
		f.ok(f.SavePromotion(f.ctx, j, p))
		_, err := f.PromotionByPull(f.ctx, repoID, 5)
		f.is(err, store.ErrNotFound)
	},
	"a promotion follows its repository's name": func(f *fixture) {
		f.repo()
		_, p := f.start("prod", f.freight(1), at(1))
		f.ok(f.PutRepo(f.ctx, repoRecord(repoID, "other", "name"), at(2)))
		f.equal("repo", must(f.Promotion(f.ctx, repoID, p.ID))(f).Repo, pipeline.Repo{ID: repoID, Owner: "other", Name: "name"})
	},
	"the list of promotions is newest first and bounded": func(f *fixture) {
		f.repo()
		for i := range 3 {
			f.apply(at(i), pipeline.StartPromotion{Promotion: promotion("prod", f.freight(i), at(i))})
		}
		f.equal("list", promotionIDs(must(f.Promotions(f.ctx, repoID, 2))(f)), "prod-3 prod-2")
		_, err := f.Promotion(f.ctx, repoID, "prod-9")
		f.is(err, store.ErrNotFound)
	},
}

func promotionIDs(all []pipeline.Promotion) string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return strings.Join(ids, " ")
}
