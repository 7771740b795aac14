package storetest

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// reconciles returns the keys of all reconciliations that are due, and ends them.
func (f *fixture) reconciles() map[string]bool {
	f.Helper()
	keys := map[string]bool{}
	for {
		j, ok, err := f.Claim(f.ctx, []store.WorkKind{store.WorkReconcile}, at(1000), lease)
		f.ok(err)
		if !ok {
			return keys
		}
		keys[j.Key] = true
		f.ok(f.Finish(f.ctx, j, zero))
	}
}

// freightOf stores the nth Freight of a Warehouse.
func (f *fixture) freightOf(warehouse string, n int) pipeline.Freight {
	f.Helper()
	fr := newFreight(warehouse, n)
	f.apply(at(n), pipeline.CreateFreight{Freight: fr})
	return fr
}

const (
	rootKey = "42"
	shopKey = "42/shop"
)

var pipelineTests = map[string]func(*fixture){
	"a pipeline's snapshot holds what belongs to it": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"), warehouse("shop/web"), warehouse("shop-2/web"))
		for _, w := range must(f.Warehouses(f.ctx, repoID))(f) {
			w.DiscoveredAt, w.Discovery = at(2), pipeline.Discovery{Warehouse: w.Name}
			f.ok(f.SaveDiscovery(f.ctx, repoID, w))
		}
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(1)))
		shop := intent("b", 1)
		shop.Stage = "shop/prod"
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{shop}, at(1)))
		parts := map[string]pipeline.Freight{}
		for prefix, n := range map[string]int{"": 1, "shop/": 2, "shop-2/": 3} {
			fr := f.freightOf(prefix+"web", n)
			parts[prefix] = fr
			f.promote(prefix+"prod", fr, at(n), intends(pipeline.SetHold, "ada"))
			f.apply(at(n), verified(prefix+"prod", fr))
			j, r := f.verify(run(prefix+"prod", n, fr))
			f.conclude(j, r, pipeline.VerificationSuccessful, n)
		}
		f.equal("all", len(f.snapshot().Marks), 3)
		for name, prefix := range map[string]string{"": "", "shop": "shop/", "shop-2": "shop-2/"} {
			s := must(f.PipelineSnapshot(f.ctx, repoID, name))(f)
			f.equal("freight of "+name, s.Freight, []pipeline.Freight{parts[prefix]})
			f.equal("discoveries of "+name, s.Discoveries,
				map[string]pipeline.Discovery{prefix + "web": {Warehouse: prefix + "web"}})
			f.equal("stages of "+name, []any{
				len(s.Marks), s.Marks[0].Stage, len(s.Holds), s.Holds[0].Stage, len(s.Promotions),
				s.Promotions[0].ID, runIDs(s.Verifications),
			},
				[]any{1, prefix + "prod", 1, prefix + "prod", 1, prefix + "prod-1", prefix + "prod-v1 "})
			states := must(f.PipelineWarehouses(f.ctx, repoID, name))(f)
			f.equal("warehouses of "+name, []any{len(states), states[0].Name}, []any{1, prefix + "web"})
		}
		f.equal("intents of root", must(f.PipelineSnapshot(f.ctx, repoID, ""))(f).Intents, []pipeline.Intent{intent("a", 1)})
		f.equal("intents of shop", must(f.PipelineSnapshot(f.ctx, repoID, "shop"))(f).Intents, []pipeline.Intent{shop})
		_, err := f.PipelineSnapshot(f.ctx, 99, "shop")
		f.is(err, store.ErrNotFound)
	},
	"included pipelines are kept, with their warehouses": func(f *fixture) {
		f.repo()
		included := filled[pipeline.Pipeline]()
		included.Warehouses = []pipeline.Warehouse{warehouse("shop/web")}
		c := store.Config{
			SHA: "a", Blob: "b", Pipeline: &pipeline.Pipeline{Warehouses: []pipeline.Warehouse{warehouse("web")}},
			Included: []pipeline.Pipeline{included},
		}
		subs := []store.Subscription{{Kind: pipeline.ImageArtifact, URL: "ghcr.io/acme/shop", Warehouse: "shop/web"}}
		f.ok(f.SaveConfig(f.ctx, repoID, c, subs, at(1)))
		f.equal("config", must(f.Repo(f.ctx, repoID))(f).Config, c)
		f.equal("warehouses", must(f.Warehouses(f.ctx, repoID))(f),
			[]store.WarehouseState{{Name: "shop/web", Due: at(1)}, {Name: "web", Due: at(1)}})
		f.reconciles()
		f.equal("told", must(f.MarkSubscribersDue(f.ctx, pipeline.ImageArtifact, "ghcr.io/acme/shop", at(2)))(f), []int64{repoID})
		f.equal("keys", f.reconciles(), map[string]bool{shopKey: true})
	},
	"only the pipeline that is affected is reconciled": func(f *fixture) {
		f.repo()
		fr := f.freightOf("shop/web", 1)
		j, p := f.start("shop/prod", fr, at(1), func(p *pipeline.Promotion) {
			p.Stage = verifyingStage("shop/prod", p.Stage.Requests...)
		})
		f.equal("id", p.ID, "shop/prod-1")
		opened(&p, 7, "")
		f.finish(j, p, pipeline.Succeeded, at(2))
		f.equal("promotion", f.reconciles(), map[string]bool{shopKey: true})
		f.conclude(f.claim(store.WorkStage, at(2)), *must(f.StageVerification(f.ctx, repoID, "shop/prod"))(f),
			pipeline.VerificationSuccessful, 3)
		f.equal("verification", f.reconciles(), map[string]bool{shopKey: true})
		for name, in := range map[string]pipeline.Intent{
			"stage":        {Stage: "shop/prod"},
			"promotion":    {Promotion: "shop/prod-1"},
			"freight":      {Freight: fr.ID},
			"new freight":  {New: &pipeline.Freight{Warehouse: "shop/web"}},
			"pull request": {Number: 7},
			"pipeline":     {Pipeline: "shop"},
		} {
			in.ID, in.ReceivedAt = name, at(4)
			f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{in}, at(4)))
			f.equal(name, f.reconciles(), map[string]bool{shopKey: true})
		}
		for name, in := range map[string]pipeline.Intent{
			"local stage": {Stage: "prod"}, "unknown freight": {Freight: "unknown"}, "other pull request": {Number: 8}, "nothing": {},
		} {
			in.ID, in.ReceivedAt = name, at(5)
			f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{in}, at(5)))
			f.equal(name, f.reconciles(), map[string]bool{rootKey: true})
		}
	},
	"answers belong to the pipeline that gave them": func(f *fixture) {
		f.repo()
		shop := intent("b", 1)
		shop.Stage = "shop/prod"
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1), shop}, at(1)))
		f.apply(at(2), pipeline.GrantIntent{Intent: "a"}, pipeline.GrantIntent{Intent: "b"})
		f.equal("all", len(must(f.ResolvedIntents(f.ctx, repoID))(f)), 2)
		f.equal("root", must(f.PipelineResolvedIntents(f.ctx, repoID, ""))(f), []store.ResolvedIntent{{Intent: intent("a", 1)}})
		f.equal("shop", must(f.PipelineResolvedIntents(f.ctx, repoID, "shop"))(f), []store.ResolvedIntent{{Intent: shop}})
	},
	"a freeze closes one pipeline": func(f *fixture) {
		f.repo()
		freeze := pipeline.Freeze{Actor: "ada", Since: at(1)}
		must(f.ApplyPipeline(f.ctx, repoID, "shop", []pipeline.Action{pipeline.FreezePipeline{Freeze: freeze}}, at(1)))(f)
		f.equal("shop", must(f.PipelineSnapshot(f.ctx, repoID, "shop"))(f).Freeze, &freeze)
		f.equal("root", must(f.PipelineSnapshot(f.ctx, repoID, ""))(f).Freeze, (*pipeline.Freeze)(nil))
		f.apply(at(2), pipeline.ThawPipeline{})
		f.equal("shop", must(f.Freeze(f.ctx, repoID, "shop"))(f), &freeze)
		must(f.ApplyPipeline(f.ctx, repoID, "shop", []pipeline.Action{pipeline.ThawPipeline{}}, at(3)))(f)
		f.equal("thawed", must(f.Freeze(f.ctx, repoID, "shop"))(f), (*pipeline.Freeze)(nil))
	},
	"an alias is unique within its pipeline": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		other := newFreight("shop/web", 1)
		other.Alias = one.Alias
		f.equal("other pipeline", f.apply(at(2), pipeline.CreateFreight{Freight: other}).Changed, true)
	},
	"a repository that was renamed is renamed in what is remembered": func(f *fixture) {
		f.repo()
		f.promote("prod", f.freight(1), at(1), verifying)
		f.snapshot()
		f.ok(f.PutRepo(f.ctx, repoRecord(repoID, "other", "name"), at(2)))
		want := pipeline.Repo{ID: repoID, Owner: "other", Name: "name"}
		s := f.snapshot()
		f.equal("repo", []any{s.Promotions[0].Repo, s.Verifications[0].Repo}, []any{want, want})
	},
	"what a reader does to a snapshot stays with him": func(f *fixture) {
		f.repo()
		f.promote("prod", f.freight(1), at(1), verifying)
		want := f.snapshot()
		mine := f.snapshot()
		mine.Marks[0].Stage = "x"
		mine.Promotions[0].Steps[0].Message = "x"
		mine.Promotions[0].Collection[0].Alias = "x"
		mine.Verifications[0].Metrics[0].Message = "x"
		f.equal("snapshot", f.snapshot(), want)
	},
}
