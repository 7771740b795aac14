package storetest

import (
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// configure declares Warehouses that each watch an image of their own name.
func (f *fixture) configure(blob string, now time.Time, warehouses ...pipeline.Warehouse) {
	f.Helper()
	subs := []store.Subscription{}
	for _, w := range warehouses {
		subs = append(subs, store.Subscription{Kind: pipeline.ImageArtifact, URL: "ghcr.io/acme/" + w.Name, Warehouse: w.Name})
	}
	c := store.Config{SHA: "c" + blob, Blob: blob, Pipeline: &pipeline.Pipeline{Warehouses: warehouses}}
	f.ok(f.SaveConfig(f.ctx, repoID, c, subs, now))
}

func warehouse(name string) pipeline.Warehouse {
	return pipeline.Warehouse{Name: name, Interval: pipeline.Duration(time.Minute)}
}

// discovered records a discovery of the only Warehouse; the next is due later.
func (f *fixture) discovered(now, due time.Time) store.WarehouseState {
	f.Helper()
	w := must(f.Warehouses(f.ctx, repoID))(f)[0]
	w.Due, w.DiscoveredAt = due, now
	w.Discovery = pipeline.Discovery{Warehouse: w.Name, Subscriptions: []pipeline.DiscoveredSubscription{{
		Kind: pipeline.ImageArtifact, RepoURL: "ghcr.io/acme/" + w.Name,
		Images:   []pipeline.Image{{RepoURL: "ghcr.io/acme/" + w.Name, Tag: "1.0.0", CreatedAt: at(0)}},
		Rejected: []pipeline.RejectedArtifact{{Ref: "latest", Reason: "not semver"}},
	}}}
	f.ok(f.SaveDiscovery(f.ctx, repoID, w))
	w.Hints = 0
	return w
}

var warehouseTests = map[string]func(*fixture){
	"a new warehouse is due at once, one that is gone is dropped": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"), warehouse("api"))
		f.equal("warehouses", must(f.Warehouses(f.ctx, repoID))(f),
			[]store.WarehouseState{{Name: "api", Due: at(1)}, {Name: "web", Due: at(1)}})
		f.configure("2", at(2), warehouse("web"))
		f.equal("warehouses", must(f.Warehouses(f.ctx, repoID))(f), []store.WarehouseState{{Name: "web", Due: at(1)}})
		f.equal("told", must(f.MarkSubscribersDue(f.ctx, pipeline.ImageArtifact, "ghcr.io/acme/api", at(3)))(f), []int64{})
	},
	"a discovery comes back as it was saved, in the snapshot too": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		want := f.discovered(at(2), at(300))
		f.equal("warehouses", must(f.Warehouses(f.ctx, repoID))(f), []store.WarehouseState{want})
		f.equal("snapshot", f.snapshot().Discoveries, map[string]pipeline.Discovery{"web": want.Discovery})
	},
	"a failed discovery keeps what was seen before": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		want := f.discovered(at(2), at(300))
		want.Error, want.Due = "registry is down", at(30)
		f.ok(f.SaveDiscovery(f.ctx, repoID, want))
		f.equal("warehouses", must(f.Warehouses(f.ctx, repoID))(f), []store.WarehouseState{want})
		f.equal("failures", f.snapshot().Failures, map[string]string{"web": "registry is down"})
	},
	"a first discovery that failed has seen nothing": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		f.ok(f.SaveDiscovery(f.ctx, repoID, store.WarehouseState{Name: "web", Due: at(9), Error: "no"}))
		f.equal("snapshot", len(f.snapshot().Discoveries), 0)
	},
	"an unchanged warehouse keeps its state, a changed one starts anew": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		want := f.discovered(at(2), at(300))
		f.configure("2", at(3), warehouse("web"))
		f.equal("unchanged", must(f.Warehouses(f.ctx, repoID))(f), []store.WarehouseState{want})
		changed := warehouse("web")
		changed.Interval = pipeline.Duration(time.Hour)
		f.configure("3", at(4), changed)
		got := must(f.Warehouses(f.ctx, repoID))(f)[0]
		f.equal("changed", []any{got.Due, got.DiscoveredAt, got.Discovery}, []any{at(4), zero, pipeline.Discovery{}})
	},
	"a mere look at the file leaves warehouses alone": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		c := must(f.Repo(f.ctx, repoID))(f).Config
		c.SeenSHA = "newer"
		f.ok(f.SaveConfig(f.ctx, repoID, c, nil, at(2)))
		f.equal("told", must(f.MarkSubscribersDue(f.ctx, pipeline.ImageArtifact, "ghcr.io/acme/web", at(3)))(f), []int64{repoID})
	},
	"a file that is gone takes its warehouses along": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		f.ok(f.SaveConfig(f.ctx, repoID, store.Config{SeenSHA: "newer"}, nil, at(2)))
		f.equal("warehouses", must(f.Warehouses(f.ctx, repoID))(f), []store.WarehouseState{})
	},
	"an event makes exactly the subscribers due and reconciles their repositories": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		f.discovered(at(2), at(300))
		f.equal("other kind", must(f.MarkSubscribersDue(f.ctx, pipeline.GitArtifact, "ghcr.io/acme/web", at(3)))(f), []int64{})
		f.nothing(store.WorkReconcile, at(9))
		f.equal("told", must(f.MarkSubscribersDue(f.ctx, pipeline.ImageArtifact, "ghcr.io/acme/web", at(3)))(f), []int64{repoID})
		f.equal("due", must(f.Warehouses(f.ctx, repoID))(f)[0].Due, at(3))
		f.equal("key", f.claim(store.WorkReconcile, at(3)).Key, store.RepoKey(repoID))
	},
	"removed repositories subscribe to nothing": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		f.ok(f.RemoveRepo(f.ctx, repoID, at(2)))
		f.equal("told", must(f.MarkSubscribersDue(f.ctx, pipeline.ImageArtifact, "ghcr.io/acme/web", at(3)))(f), []int64{})
	},
	"an event during a discovery leaves the warehouse due": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		w := must(f.Warehouses(f.ctx, repoID))(f)[0]
		must(f.MarkSubscribersDue(f.ctx, pipeline.ImageArtifact, "ghcr.io/acme/web", at(2)))(f)
		w.Due, w.DiscoveredAt = at(300), at(3)
		f.ok(f.SaveDiscovery(f.ctx, repoID, w))
		got := must(f.Warehouses(f.ctx, repoID))(f)[0]
		f.equal("due", got.Due, at(1))
		f.equal("next time", f.discovered(at(4), at(300)).Due, at(300))
		f.equal("due", must(f.Warehouses(f.ctx, repoID))(f)[0].Due, at(300))
	},
	"a discovery of a warehouse that was dropped is not saved": func(f *fixture) {
		f.repo()
		f.is(f.SaveDiscovery(f.ctx, repoID, store.WarehouseState{Name: "web", Due: at(1)}), store.ErrNotFound)
	},
}
