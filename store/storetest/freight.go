package storetest

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

var freightTests = map[string]func(*fixture){
	"freight takes another alias, but not one that is taken": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		f.asked("a", 1)
		f.asked("b", 1)
		f.apply(at(3), pipeline.RenameFreight{Freight: one.ID, Alias: "swift-fox", Intent: "a"})
		f.equal("granted", f.granted("a").Freight, one.ID)
		f.apply(at(4), pipeline.RenameFreight{Freight: two.ID, Alias: "swift-fox", Intent: "b"})
		f.refused("b")
		got, _ := f.snapshot().FreightByID(one.ID)
		f.equal("alias", got.Alias, "swift-fox")
		got, _ = f.snapshot().FreightByID(two.ID)
		f.equal("alias", got.Alias, two.Alias)
		_, p := f.start("prod", one, at(5))
		f.equal("in a promotion", p.Freight.Alias, "swift-fox")
	},
	"deleted freight is forgotten, but not by history": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.ok(f.PutFreightMetadata(f.ctx, repoID, one.ID, map[string]any{"ticket": "K-1"}))
		j, p := f.start("prod", one, at(2))
		f.finish(j, p, pipeline.Failed, at(3))
		f.apply(at(4), verified("test", one), pipeline.ApproveFreight{Stage: "prod", Freight: one.ID})
		f.asked("a", 4)
		f.apply(at(5), pipeline.DeleteFreight{Freight: one.ID, Intent: "a"})
		f.equal("granted", f.granted("a").Freight, one.ID)
		s := f.snapshot()
		f.equal("snapshot", []any{len(s.Freight), len(s.Marks), s.Promotions[0].Freight.Headline()}, []any{0, 0, one.Headline()})
		f.equal("unknown to marks", f.apply(at(6), verified("test", one)), store.Applied{})
		f.is(f.PutFreightMetadata(f.ctx, repoID, one.ID, map[string]any{"a": 1}), store.ErrNotFound)
		thief := newFreight("web", 2)
		thief.Alias = one.Alias
		f.apply(at(7), pipeline.CreateFreight{Freight: thief})
		again := one
		again.Alias = "second-life"
		f.equal("again", f.apply(at(8), pipeline.CreateFreight{Freight: again}), store.Applied{Changed: true})
		got, _ := f.snapshot().FreightByID(one.ID)
		f.equal("reborn without a past", got, again)
	},
	"freight that was deleted is not promoted, be it again": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		j, p := f.start("prod", one, at(2))
		f.finish(j, p, pipeline.Failed, at(3))
		f.apply(at(4), pipeline.DeleteFreight{Freight: one.ID})
		f.asked("a", 5)
		f.asked("b", 5)
		f.apply(at(6), pipeline.StartPromotion{Promotion: promotion("prod", one, at(6)), Intent: "a"},
			pipeline.RetryPromotion{Promotion: p.ID, Intent: "b"})
		f.refused("a")
		f.refused("b")
	},
	"freight in use is not deleted": func(f *fixture) {
		f.repo()
		current, coming, checked := f.freight(1), f.freight(2), f.freight(3)
		f.promote("prod", current, at(1))
		f.start("prod", coming, at(2))
		f.verify(run("test", 3, checked))
		for _, fr := range []pipeline.Freight{current, coming, checked} {
			f.equal(fr.Alias, f.apply(at(4), pipeline.DeleteFreight{Freight: fr.ID}), store.Applied{})
		}
		f.asked("a", 4)
		f.apply(at(5), pipeline.DeleteFreight{Freight: current.ID, Intent: "a"})
		f.refused("a")
		f.equal("freight", len(f.snapshot().Freight), 3)
	},
	"freight that exists is not created by hand": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.asked("a", 1)
		f.asked("b", 1)
		f.apply(at(2), pipeline.CreateFreight{Freight: one, Intent: "a"}, pipeline.CreateFreight{Freight: newFreight("web", 2), Intent: "b"})
		f.refused("a")
		f.equal("granted", f.granted("b").Freight, newFreight("web", 2).ID)
	},
	"approval is sticky": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.asked("a", 1)
		f.apply(at(3), pipeline.ApproveFreight{Stage: "prod", Freight: one.ID, Actor: "ada"})
		f.apply(at(4), pipeline.ApproveFreight{Stage: "prod", Freight: one.ID, Actor: "ada", Intent: "a"})
		f.equal("mark", f.mark("prod", one), pipeline.Mark{Stage: "prod", Freight: one.ID, ApprovedAt: at(3)})
		f.equal("granted", f.granted("a").Freight, one.ID)
	},
	"leaving a stage is noted, and the last time counts": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		for i, fr := range []pipeline.Freight{one, two, one, two} {
			f.apply(at(10*i), pipeline.AdoptFreight{Stage: "prod", Freight: fr.ID})
		}
		f.equal("left", f.mark("prod", one), pipeline.Mark{Stage: "prod", Freight: one.ID, LeftAt: at(30)})
		f.equal("back", f.mark("prod", two), pipeline.Mark{Stage: "prod", Freight: two.ID, CurrentSince: at(30), LeftAt: at(20)})
	},
	"marks of one freight are those of its stages": func(f *fixture) {
		f.repo()
		one, two := f.freight(1), f.freight(2)
		marks, metadata, err := f.FreightMarks(f.ctx, repoID, "", one.ID)
		f.ok(err)
		f.equal("nothing yet", []any{len(marks), len(metadata)}, []any{0, 0})
		f.ok(f.PutFreightMetadata(f.ctx, repoID, one.ID, map[string]any{"a": "x", "b": 1.0}))
		f.apply(at(1), verified("test", one), pipeline.ApproveFreight{Stage: "prod", Freight: one.ID}, verified("test", two))
		for i, fr := range []pipeline.Freight{one, two, one} {
			f.apply(at(10*i+10), pipeline.AdoptFreight{Stage: "test", Freight: fr.ID})
		}
		marks, metadata, err = f.FreightMarks(f.ctx, repoID, "", one.ID)
		f.ok(err)
		f.equal("marks", marks, []pipeline.Mark{f.mark("prod", one), f.mark("test", one)})
		f.equal("soak", marks[1].LongestSoak, at(20).Sub(at(10)))
		f.equal("metadata", metadata, map[string]any{"a": "x", "b": 1.0})
		_, _, err = f.FreightMarks(f.ctx, repoID, "shop", one.ID)
		f.is(err, store.ErrNotFound)
		_, _, err = f.FreightMarks(f.ctx, repoID, "", "unknown")
		f.is(err, store.ErrNotFound)
	},
	"metadata is set key by key, and nil removes one": func(f *fixture) {
		f.repo()
		one := f.freight(1)
		f.equal("none", must(f.FreightMetadata(f.ctx, repoID, one.ID))(f), map[string]any(nil))
		f.ok(f.PutFreightMetadata(f.ctx, repoID, one.ID, map[string]any{"a": "x", "b": map[string]any{"c": []any{true, 1.5}}}))
		f.ok(f.PutFreightMetadata(f.ctx, repoID, one.ID, map[string]any{"a": nil, "d": "e\"'"}))
		want := map[string]any{"b": map[string]any{"c": []any{true, 1.5}}, "d": "e\"'"}
		f.equal("metadata", must(f.FreightMetadata(f.ctx, repoID, one.ID))(f), want)
		f.equal("snapshot", f.snapshot().Freight[0].Metadata, want)
		_, p := f.start("prod", one, at(2))
		f.equal("promotion", p.Freight.Metadata, want)
		_, err := f.FreightMetadata(f.ctx, repoID, "unknown")
		f.is(err, store.ErrNotFound)
		f.is(f.PutFreightMetadata(f.ctx, repoID, "unknown", map[string]any{"a": 1}), store.ErrNotFound)
	},
}
