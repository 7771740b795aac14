package storetest

import (
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func (f *fixture) prune(e store.Expired) store.Pruned {
	f.Helper()
	return must(f.Prune(f.ctx, repoID, e, at(900)))(f)
}

var pruneTests = map[string]func(*fixture){
	"what expired goes, with what only it referred to": func(f *fixture) {
		f.repo()
		old, fresh := f.freight(1), f.freight(2)
		j, p := f.start("prod", old, at(1))
		f.apply(at(1), pipeline.ApprovePromotion{Promotion: p.ID, Approval: approval("ada", "h", 1)})
		p.Start(at(1), nil)
		p.Begin(0, at(1))
		f.ok(f.SavePromotion(f.ctx, j, p))
		f.finish(j, p, pipeline.Failed, at(2))
		f.ok(f.Finish(f.ctx, f.claim(store.WorkStage, at(1)), zero))
		f.apply(at(3), verified("test", old))
		f.ok(f.PutFreightMetadata(f.ctx, repoID, old.ID, map[string]any{"a": 1}))
		f.equal("pruned", f.prune(store.Expired{Freight: []string{old.ID}, Promotions: []string{"prod-1"}}),
			store.Pruned{Freight: 1, Promotions: 1, Specs: 1})
		s := f.snapshot()
		f.equal("snapshot", []any{s.Freight, len(s.Promotions), len(s.Marks)}, []any{[]pipeline.Freight{fresh}, 0, 0})
		_, err := f.Promotion(f.ctx, repoID, "prod-1")
		f.is(err, store.ErrNotFound)
		f.equal("again", f.prune(store.Expired{Freight: []string{old.ID, "unknown"}, Promotions: []string{"prod-1", "unknown"}}), store.Pruned{})
	},
	"numbers are never given again": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		j, p := f.start("prod", fr, at(1))
		f.finish(j, p, pipeline.Failed, at(2))
		f.prune(store.Expired{Promotions: []string{"prod-1"}})
		_, p = f.start("prod", fr, at(3))
		f.equal("id", p.ID, "prod-2")
	},
	"what is in use stays": func(f *fixture) {
		f.repo()
		current, coming, checked, held := f.freight(1), f.freight(2), f.freight(3), f.freight(4)
		f.promote("prod", held, at(1), intends(pipeline.SetHold, "ada")) // prod-1: the hold's
		j, p := f.start("prod", current, at(2))                          // prod-2: unreported
		p.Phase = pipeline.Succeeded                                     //
		f.ok(f.FinishPromotion(f.ctx, j, p, at(2)))                      //
		f.ok(f.Finish(f.ctx, j, zero))                                   //
		f.start("prod", coming, at(3))                                   // prod-3: open
		f.promote("test", checked, at(4), verifying)                     // test-1: being verified
		all := store.Expired{Promotions: []string{"prod-1", "prod-2", "prod-3", "test-1"}, Before: at(900)}
		for _, fr := range f.snapshot().Freight {
			all.Freight = append(all.Freight, fr.ID)
		}
		before := f.snapshot()
		f.equal("pruned", f.prune(all), store.Pruned{})
		f.equal("snapshot", f.snapshot(), before)
	},
	"freight that history names is forgotten, and remembered by history": func(f *fixture) {
		f.repo()
		old, later := f.freight(1), f.freight(2)
		f.promote("prod", old, at(1))
		j, p := f.start("prod", later, at(2))
		p.Start(at(2), &old)
		f.finish(j, p, pipeline.Succeeded, at(2))
		f.equal("pruned", f.prune(store.Expired{Freight: []string{old.ID}}), store.Pruned{Freight: 1})
		f.equal("freight", f.snapshot().Freight, []pipeline.Freight{later})
		f.equal("history", must(f.Promotion(f.ctx, repoID, "prod-2"))(f).Previous.ID, old.ID)
		f.equal("pruned", f.prune(store.Expired{Promotions: []string{"prod-1"}}).Promotions, 1)
		f.equal("history", must(f.Promotion(f.ctx, repoID, "prod-2"))(f).Previous.ID, old.ID)
	},
	"the promotion before a pruned one is the newest ended": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		f.promote("prod", fr, at(1))
		f.promote("prod", fr, at(2))
		f.prune(store.Expired{Promotions: []string{"prod-2"}})
		for i := range 25 {
			f.promote("prod", f.freight(10+i), at(10+i))
		}
		last, _ := f.snapshot().Last("prod", fr.ID)
		f.equal("last", last.ID, "prod-1")
	},
	"old runs go, but for results and recent ones": func(f *fixture) {
		f.repo()
		old, gone := f.freight(1), f.freight(2)
		for i, fr := range []pipeline.Freight{old, old, gone} { // prod-v1 is superseded by prod-v2
			j, r := f.verify(run("prod", i, fr))
			f.conclude(j, r, pipeline.VerificationFailed, i)
		}
		for i := range 10 {
			j, r := f.verify(run("prod", 10+i, f.freight(10+i)))
			f.conclude(j, r, pipeline.VerificationFailed, 10+i)
		}
		f.equal("young", f.prune(store.Expired{Before: at(0)}), store.Pruned{})
		f.equal("pruned", f.prune(store.Expired{Before: at(900), Freight: []string{gone.ID}}).Verifications, 2)
		want := "prod-v2 "
		for i := range 10 {
			want += fmt.Sprintf("prod-v%d ", 4+i)
		}
		f.equal("runs", runIDs(f.snapshot().Verifications), want)
	},
	"what was published is forgotten with its promotion": func(f *fixture) {
		f.repo()
		f.promote("prod", f.freight(1), at(1))
		f.promote("prod", f.freight(2), at(2))
		objects := [][2]string{
			{"deployment", "prod-1"},
			{"deployment-status", "prod-1 success 2"},
			{"check", "prod-1@abc"},
			{"comment", "7 <!-- kargo -->"},
			{"check", "config@abc"},
			{"deployment", "prod-2"},
			{"check", "prod-2@abc"},
			{"deployment", "prod-22"},
		}
		for _, o := range objects {
			_, _, err := f.BeginRemote(f.ctx, repoID, o[0], o[1], at(3))
			f.ok(err)
		}
		_, _, err := f.BeginRemote(f.ctx, repoID, "check", "config@def", at(901))
		f.ok(err)
		n := must(f.Prune(f.ctx, repoID, store.Expired{Promotions: []string{"prod-1"}, Before: at(900)}, at(900)))(f)
		f.equal("pruned", n.Remotes, 5) // of prod-1 three, the old commit's, and of prod-22, which is not there
		for _, o := range [][2]string{{"comment", "7 <!-- kargo -->"}, {"deployment", "prod-2"}, {"check", "prod-2@abc"}, {"check", "config@def"}} {
			_, fresh, err := f.BeginRemote(f.ctx, repoID, o[0], o[1], at(902))
			f.equal(o[1], []any{fresh, err}, []any{false, error(nil)})
		}
		later := at(0).AddDate(1, 1, 0)
		f.equal("a year later", must(f.Prune(f.ctx, repoID, store.Expired{}, later))(f).Remotes, 1)
	},
	"only answered intents go": func(f *fixture) {
		f.repo()
		for _, id := range []string{"a", "b", "c"} {
			f.asked(id, 1)
		}
		f.apply(at(2), pipeline.GrantIntent{Intent: "a"}, pipeline.GrantIntent{Intent: "b"})
		f.ok(f.AnswerIntents(f.ctx, repoID, []string{"a"}, at(3)))
		f.equal("young", f.prune(store.Expired{Before: at(3)}).Intents, 0)
		f.equal("pruned", f.prune(store.Expired{Before: at(4)}).Intents, 1)
		f.equal("resolved", must(f.ResolvedIntents(f.ctx, repoID))(f), []store.ResolvedIntent{{Intent: intent("b", 1)}})
		f.equal("open", f.snapshot().Intents, []pipeline.Intent{intent("c", 1)})
	},
	"what the rule of retention names is all there is": func(f *fixture) {
		f.repo()
		for i := range 30 {
			f.promote("prod", f.freight(i), at(i))
		}
		s := must(f.CompleteSnapshot(f.ctx, repoID))(f)
		f.equal("complete", len(s.Promotions), 30)
		later := at(0).AddDate(0, 1, 0)
		freight, promotions := pipeline.Expired(s, later)
		if len(promotions) == 0 {
			f.Fatal("nothing expires")
		}
		n := must(f.Prune(f.ctx, repoID, store.Expired{Freight: freight, Promotions: promotions, Before: later}, later))(f)
		f.equal("pruned", []int{n.Freight, n.Promotions}, []int{len(freight), len(promotions)})
		freight, promotions = pipeline.Expired(must(f.CompleteSnapshot(f.ctx, repoID))(f), later)
		f.equal("left", []any{freight, promotions}, []any{[]string(nil), []string(nil)})
	},
}
