package storetest

import (
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

func (f *fixture) mark(stage string, fr pipeline.Freight) pipeline.Mark {
	f.Helper()
	return f.snapshot().Mark(stage, fr.ID)
}

func verified(stage string, fr pipeline.Freight) pipeline.MarkVerified {
	return pipeline.MarkVerified{Stage: stage, Freight: fr.ID}
}

func intends(h pipeline.HoldIntent, actor string) func(*pipeline.Promotion) {
	return func(p *pipeline.Promotion) { p.HoldIntent, p.Actor = h, actor }
}

var markTests = map[string]func(*fixture){
	"success makes freight current, and the freight before it leaves": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		if got := must(f.CurrentFreight(f.ctx, repoID, "prod", "web"))(f); got != nil {
			f.Fatalf("%s is current in a new Stage", got.Alias)
		}
		f.promote("prod", one, at(10))
		f.equal("current", must(f.CurrentFreight(f.ctx, repoID, "prod", "web"))(f), &one)
		f.promote("prod", two, at(20))
		f.equal("current", must(f.CurrentFreight(f.ctx, repoID, "prod", "web"))(f), &two)
		f.equal("left", f.mark("prod", one).CurrentSince, zero)
		f.equal("elsewhere", must(f.CurrentFreight(f.ctx, repoID, "test", "web"))(f), (*pipeline.Freight)(nil))
	},
	"only success makes freight current": func(f *fixture) {
		f.repo()
		for i, phase := range []pipeline.Phase{pipeline.Failed, pipeline.Errored, pipeline.Aborted} {
			j, p := f.start("prod", f.freight(i), at(i))
			f.finish(j, p, phase, at(i))
		}
		f.equal("marks", f.snapshot().Marks, []pipeline.Mark{})
	},
	"freight of another warehouse stays current": func(f *fixture) {
		f.repo()
		one, other := f.freight(1), newFreight("api", 1)
		f.apply(at(1), pipeline.CreateFreight{Freight: other})
		f.promote("prod", one, at(10))
		f.promote("prod", other, at(20))
		f.equal("web", f.mark("prod", one).CurrentSince, at(10))
		f.equal("api", f.mark("prod", other).CurrentSince, at(20))
	},
	"a verification that is revoked can be given again": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.apply(at(5), verified("gate", one))
		f.apply(at(6), pipeline.RevokeVerified{Stage: "gate", Freight: one.ID})
		f.equal("revoked", f.mark("gate", one).VerifiedAt, zero)
		f.apply(at(7), verified("gate", one))
		f.equal("again", f.mark("gate", one).VerifiedAt, at(7))
	},
	"a verified stay is credited when it ends": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.promote("prod", one, at(10))
		f.apply(at(15), verified("prod", one))
		f.promote("prod", two, at(40))
		f.equal("mark", f.mark("prod", one),
			pipeline.Mark{Stage: "prod", Freight: one.ID, VerifiedAt: at(15), LeftAt: at(40), LongestSoak: 30 * time.Second})
	},
	"a stay that ends unverified is credited nothing": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.promote("prod", one, at(10))
		f.promote("prod", two, at(40))
		f.equal("mark", f.mark("prod", one), pipeline.Mark{Stage: "prod", Freight: one.ID, LeftAt: at(40)})
	},
	"stays do not add up: the longest counts": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.promote("prod", one, at(0))
		f.apply(at(0), verified("prod", one))
		f.promote("prod", two, at(20))
		f.promote("prod", one, at(30))
		f.promote("prod", two, at(45))
		f.equal("soak", f.mark("prod", one).LongestSoak, 20*time.Second)
	},
	"promoting current freight again does not reset its clock": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.promote("prod", one, at(10))
		f.promote("prod", one, at(30))
		f.equal("since", f.mark("prod", one).CurrentSince, at(10))
	},
	"verification is sticky": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.apply(at(5), verified("prod", one))
		if f.apply(at(9), verified("prod", one)).Changed {
			f.Fatal("verified twice")
		}
		f.equal("mark", f.mark("prod", one), pipeline.Mark{Stage: "prod", Freight: one.ID, VerifiedAt: at(5)})
	},
	"adopted freight is current, and credits what it replaces": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.apply(at(10), pipeline.AdoptFreight{Stage: "prod", Freight: one.ID}, verified("prod", one))
		f.equal("mark", f.mark("prod", one),
			pipeline.Mark{Stage: "prod", Freight: one.ID, VerifiedAt: at(10), CurrentSince: at(10)})
		f.apply(at(25), pipeline.AdoptFreight{Stage: "prod", Freight: two.ID})
		f.equal("soak", f.mark("prod", one).LongestSoak, 15*time.Second)
		f.equal("current", must(f.CurrentFreight(f.ctx, repoID, "prod", "web"))(f), &two)
	},
	"a promotion that intends a hold sets it when it succeeds": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		j, p := f.start("prod", one, at(5), intends(pipeline.SetHold, "ada"))
		f.equal("before", f.snapshot().Holds, []pipeline.Hold{})
		f.finish(j, p, pipeline.Succeeded, at(8))
		f.equal("after", f.snapshot().Holds, []pipeline.Hold{{
			Stage: "prod", Warehouse: "web", Freight: one.ID, Promotion: "prod-1", Actor: "ada", CreatedAt: at(8),
		}})
	},
	"a newer hold replaces the older one": func(f *fixture) {
		f.repo()
		f.promote("prod", f.freight(1), at(5), intends(pipeline.SetHold, "ada"))
		f.promote("prod", f.freight(2), at(6), intends(pipeline.SetHold, "bob"))
		f.equal("holds", len(f.snapshot().Holds), 1)
		f.equal("actor", f.snapshot().Holds[0].Actor, "bob")
	},
	"a hold ends with the success of what clears it, not by automation": func(f *fixture) {
		f.repo()
		f.promote("prod", f.freight(1), at(5), intends(pipeline.SetHold, "ada"))
		f.promote("prod", f.freight(2), at(6))
		f.equal("automation", len(f.snapshot().Holds), 1)
		f.promote("test", f.freight(2), at(7), intends(pipeline.ClearHold, "ada"))
		f.equal("another stage", len(f.snapshot().Holds), 1)
		f.promote("prod", f.freight(3), at(8), intends(pipeline.ClearHold, "ada"))
		f.equal("cleared", f.snapshot().Holds, []pipeline.Hold{})
	},
	"a promotion that does not succeed leaves holds alone": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(5), intends(pipeline.SetHold, "ada"))
		f.finish(j, p, pipeline.Failed, at(6))
		f.equal("holds", f.snapshot().Holds, []pipeline.Hold{})
	},
}
