package storetest

import (
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

var snapshotTests = map[string]func(*fixture){
	"an unknown repository has no snapshot": func(f *fixture) {
		_, err := f.Snapshot(f.ctx, 99)
		f.is(err, store.ErrNotFound)
	},
	"a snapshot names the commit of the last good configuration": func(f *fixture) {
		f.repo()
		f.ok(f.SaveConfig(f.ctx, repoID, store.Config{SHA: "good", SeenSHA: "bad"}, nil, at(1)))
		s := f.snapshot()
		f.equal("sha", s.ConfigSHA, "good")
		f.equal("repo", s.Repo, pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"})
	},
	"a snapshot holds nothing of other repositories": func(f *fixture) {
		f.repo()
		f.ok(f.PutRepo(f.ctx, repoRecord(7, "acme", "other"), at(0)))
		f.promote("prod", f.freight(1), at(2), intends(pipeline.SetHold, "ada"))
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{intent("a", 1)}, at(3)))
		f.configure("1", at(1), warehouse("web"))
		f.discovered(at(4), at(300))
		f.equal("snapshot", must(f.Snapshot(f.ctx, 7))(f), pipeline.Snapshot{
			Repo: pipeline.Repo{ID: 7, Owner: "acme", Name: "other"}, Discoveries: map[string]pipeline.Discovery{},
		})
	},
	"a snapshot holds the open, the recent, and the newest ended promotion of every freight": func(f *fixture) {
		f.repo()
		const recent = 20
		old, busy := f.freight(1), f.freight(2)
		f.promote("prod", old, at(1))  // prod-1: superseded by prod-2
		f.promote("prod", old, at(2))  // prod-2: the newest of old
		f.promote("prod", busy, at(3)) // prod-3: the newest of busy
		for i := range recent {
			f.promote("prod", f.freight(10+i), at(10+i))
		}
		_, open := f.start("prod", busy, at(50))
		got := f.snapshot().Promotions
		ids := make([]string, len(got))
		for i := range got {
			ids[i] = got[i].ID
		}
		f.equal("count", len(ids), 2+recent+1)
		for _, want := range []string{"prod-2", "prod-3", "prod-5", "prod-23", open.ID} {
			if !slices.Contains(ids, want) {
				f.Errorf("%s is missing in %v", want, ids)
			}
		}
		if slices.Contains(ids, "prod-1") {
			f.Errorf("prod-1 is neither open, recent nor the newest: %v", ids)
		}
	},
}
