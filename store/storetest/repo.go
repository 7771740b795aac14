package storetest

import (
	"encoding/json"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func repoRecord(id int64, owner, name string) store.RepoRecord {
	return store.RepoRecord{
		Repo:         pipeline.Repo{ID: id, Owner: owner, Name: name},
		Installation: 7, DefaultBranch: "main", Private: true,
	}
}

var repoTests = map[string]func(*fixture){
	"a repository is found by id and by name in any case": func(f *fixture) {
		want := repoRecord(1, "Acme", "GitOps")
		f.ok(f.PutRepo(f.ctx, want, at(3)))
		want.UpdatedAt = at(3)
		f.equal("by id", must(f.Repo(f.ctx, 1))(f), want)
		f.equal("by name", must(f.RepoByName(f.ctx, "aCME", "gitopS"))(f), want)
		_, err := f.Repo(f.ctx, 2)
		f.is(err, store.ErrNotFound)
		_, err = f.RepoByName(f.ctx, "acme", "other")
		f.is(err, store.ErrNotFound)
	},
	"a rename or transfer keeps the configuration": func(f *fixture) {
		f.ok(f.PutRepo(f.ctx, repoRecord(1, "acme", "old"), at(1)))
		f.ok(f.SaveConfig(f.ctx, 1, store.Config{SHA: "abc"}, nil, at(1)))
		f.ok(f.PutRepo(f.ctx, repoRecord(1, "other", "new"), at(2)))
		got := must(f.RepoByName(f.ctx, "other", "new"))(f)
		f.equal("record", []any{got.ID, got.Config.SHA}, []any{int64(1), "abc"})
		_, err := f.RepoByName(f.ctx, "acme", "old")
		f.is(err, store.ErrNotFound)
	},
	"a name belongs to the repository that was heard of last": func(f *fixture) {
		f.ok(f.PutRepo(f.ctx, repoRecord(2, "acme", "gitops"), at(1)))
		f.ok(f.PutRepo(f.ctx, repoRecord(1, "acme", "gitops"), at(2)))
		f.equal("id", must(f.RepoByName(f.ctx, "acme", "gitops"))(f).ID, int64(1))
	},
	"a removed repository is kept but not listed, and may come back": func(f *fixture) {
		f.ok(f.PutRepo(f.ctx, repoRecord(2, "acme", "two"), at(1)))
		f.ok(f.PutRepo(f.ctx, repoRecord(1, "acme", "one"), at(1)))
		f.equal("listed", ids(f), []int64{1, 2})
		f.ok(f.RemoveRepo(f.ctx, 1, at(2)))
		f.ok(f.RemoveRepo(f.ctx, 99, at(2)))
		f.equal("listed", ids(f), []int64{2})
		f.equal("removed", must(f.Repo(f.ctx, 1))(f).Removed, true)
		_, err := f.RepoByName(f.ctx, "acme", "one")
		f.is(err, store.ErrNotFound)
		f.ok(f.PutRepo(f.ctx, repoRecord(1, "acme", "one"), at(3)))
		f.equal("listed", ids(f), []int64{1, 2})
	},
	"freight that names a commit leads to its repository, within the installation": func(f *fixture) {
		f.repo()
		const commit = "0123456789012345678901234567890123456789"
		fr := newFreight("web", 1)
		fr.Commits = []pipeline.Commit{{RepoURL: "https://github.com/acme/web", ID: commit}}
		fr.ID = pipeline.FreightID(fr)
		f.apply(at(1), pipeline.CreateFreight{Freight: fr})
		f.equal("repository", must(f.Carriers(f.ctx, 7, commit))(f)[0].ID, int64(repoID))
		f.equal("another installation", len(must(f.Carriers(f.ctx, 8, commit))(f)), 0)
		f.equal("a part of it", len(must(f.Carriers(f.ctx, 7, commit[:39]))(f)), 0)
		f.apply(at(2), pipeline.DeleteFreight{Freight: fr.ID})
		f.equal("deleted", len(must(f.Carriers(f.ctx, 7, commit))(f)), 0)
	},
	"removing an installation removes its repositories": func(f *fixture) {
		other := repoRecord(2, "other", "two")
		other.Installation = 8
		f.ok(f.PutRepo(f.ctx, repoRecord(1, "acme", "one"), at(1)))
		f.ok(f.PutRepo(f.ctx, other, at(1)))
		f.ok(f.RemoveInstallation(f.ctx, 7, at(2)))
		f.equal("listed", ids(f), []int64{2})
	},
	"the configuration comes back as it was saved": func(f *fixture) {
		f.repo()
		want := store.Config{
			SHA: "abc", Blob: "b1", SeenSHA: "def", SeenBlob: "b2",
			Problems: json.RawMessage(`[{"line":3}]`),
			Pipeline: &pipeline.Pipeline{
				Name: "gitops",
				Vars: []pipeline.Var{{Name: "n", Value: 1.5}, {Name: "l", Value: []any{"a", true, nil}}},
				Stages: []pipeline.Stage{{Name: "prod", Steps: []pipeline.StepSpec{{
					Uses: "copy", As: "c", Config: map[string]any{"inPath": "./a", "deep": map[string]any{"x": "y"}},
				}}}},
			},
		}
		f.ok(f.SaveConfig(f.ctx, repoID, want, nil, at(1)))
		f.equal("config", must(f.Repo(f.ctx, repoID))(f).Config, want)
		f.ok(f.SaveConfig(f.ctx, repoID, store.Config{SeenSHA: "fff"}, nil, at(2)))
		f.equal("config", must(f.Repo(f.ctx, repoID))(f).Config, store.Config{SeenSHA: "fff"})
		f.is(f.SaveConfig(f.ctx, 99, want, nil, at(1)), store.ErrNotFound)
	},
}

func ids(f *fixture) []int64 {
	f.Helper()
	var all []int64
	for _, r := range must(f.Repos(f.ctx))(f) {
		all = append(all, r.ID)
	}
	return all
}
