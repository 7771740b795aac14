package storetest

import (
	"github.com/kargo-app/kargo/pipeline"
)

var holdTests = map[string]func(*fixture){
	"a hold that a person asked for keeps its reason, and only resuming ends it": func(f *fixture) {
		f.repo()
		want := pipeline.Hold{Stage: "prod", Warehouse: "web", Actor: "ada", Reason: "launch", CreatedAt: at(1)}
		f.apply(at(1), pipeline.RecordHold{Hold: want})
		f.promote("prod", f.freight(1), at(2), intends(pipeline.SetHold, "bob"))
		f.equal("set", f.snapshot().Holds, []pipeline.Hold{want})
		f.promote("prod", f.freight(2), at(3), intends(pipeline.ClearHold, "bob"))
		f.equal("clear", f.snapshot().Holds, []pipeline.Hold{want})
		f.apply(at(4), pipeline.ReleaseHold{Stage: "prod", Warehouse: "web"})
		f.equal("resumed", f.snapshot().Holds, []pipeline.Hold{})
	},
	"a hold of a person replaces that of a promotion": func(f *fixture) {
		f.repo()
		f.promote("prod", f.freight(1), at(2), intends(pipeline.SetHold, "bob"))
		want := pipeline.Hold{Stage: "prod", Warehouse: "web", Actor: "ada", CreatedAt: at(3)}
		f.apply(at(3), pipeline.RecordHold{Hold: want})
		f.equal("holds", f.snapshot().Holds, []pipeline.Hold{want})
		if f.apply(at(4), pipeline.ReleaseHold{Stage: "prod", Warehouse: "api"}).Changed {
			f.Fatal("a hold on another origin was released")
		}
	},
	"a freeze is in force until it is ended, and a new one replaces it": func(f *fixture) {
		f.repo()
		f.equal("none", f.snapshot().Freeze, (*pipeline.Freeze)(nil))
		f.apply(at(1), pipeline.FreezePipeline{Freeze: pipeline.Freeze{Reason: "a", Actor: "ada", Since: at(1)}})
		want := pipeline.Freeze{Reason: "b", Actor: "bob", Since: at(2), Until: at(90)}
		f.apply(at(2), pipeline.FreezePipeline{Freeze: want})
		f.equal("snapshot", f.snapshot().Freeze, &want)
		f.equal("freeze", must(f.Freeze(f.ctx, repoID, ""))(f), &want)
		if !f.apply(at(3), pipeline.ThawPipeline{}).Changed || f.apply(at(3), pipeline.ThawPipeline{}).Changed {
			f.Fatal("it thaws once")
		}
		f.equal("thawed", must(f.Freeze(f.ctx, repoID, ""))(f), (*pipeline.Freeze)(nil))
	},
}
