package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestAliasIntents(t *testing.T) {
	t.Parallel()
	alias := func(w *world, name string) {
		w.freight("1")
		w.ask(pipeline.Intent{Kind: pipeline.IntentAlias, Freight: w.s.Freight[0].ID, Alias: name})
	}
	refused := func(name, why string) request {
		return request{setup: func(w *world) { alias(w, name) }, answer: why + " (/kargo alias FREIGHT NAME)"}
	}
	const form = "is no alias: it takes 1 to 63 lower-case letters, digits and dashes, with no dash at either end"
	checkRequests(t, nil, map[string]request{
		"Freight is renamed": {
			setup: func(w *world) { alias(w, "spring-release") },
			want:  []string{"call 1 spring-release"}, answer: "done",
		},
		"hex letters are fine in a name that is no prefix of an id": {
			setup: func(w *world) { alias(w, "facade") },
			want:  []string{"call 1 facade"}, answer: "done",
		},
		"refused: capitals":              refused("Spring", `"Spring" `+form),
		"refused: nothing":               refused("", `"" `+form),
		"refused: a dash in front":       refused("-x", `"-x" `+form),
		"refused: what looks like an id": refused("deadbeef", `"deadbeef" is no alias: it could be the beginning of an id`),
		"refused: what means something":  refused("latest", `"latest" is no alias: the words latest, this, previous have a meaning of their own`),
		"refused: what other Freight is called": {
			setup:  func(w *world) { w.freight("0"); alias(w, "alias-1") },
			answer: `"alias-1" is what web 1 (` + image("web", "1").ID[:7] + `) is called (/kargo alias FREIGHT NAME)`,
		},
		"refused: Freight that does not exist": {
			setup:  func(w *world) { w.ask(pipeline.Intent{Kind: pipeline.IntentAlias, Freight: "0123456789", Alias: "x"}) },
			answer: "Freight 0123456 is unknown (/kargo status)",
		},
		"two at once cannot have one name": {
			setup: func(w *world) {
				a, b := w.freight("1"), w.freight("2")
				w.ask(pipeline.Intent{ID: "a", Kind: pipeline.IntentAlias, Freight: a.ID, Alias: "x"})
				w.ask(pipeline.Intent{ID: "b", Kind: pipeline.IntentAlias, Freight: b.ID, Alias: "x"})
			},
			want:   []string{"call 1 x", `refuse: "x" is what web 1 (` + image("web", "1").ID[:7] + `) is called (/kargo alias FREIGHT NAME)`},
			answer: `"x" is what web 1 (` + image("web", "1").ID[:7] + `) is called (/kargo alias FREIGHT NAME)`,
		},
	})
}

func TestDeleteIntents(t *testing.T) {
	t.Parallel()
	remove := func(f pipeline.Freight) pipeline.Intent {
		return pipeline.Intent{Kind: pipeline.IntentDelete, Freight: f.ID}
	}
	checkRequests(t, []pipeline.Stage{checked(stage("test", direct("web"))), stage("prod", direct("web"))}, map[string]request{
		"what nothing needs is deleted, and nothing comes of it any more": {
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.ask(remove(w.freight("1")))
			},
			want: []string{"delete " + image("web", "1").ID}, answer: "done",
		},
		"refused: what is current, naming where": {
			setup: func(w *world) {
				f := w.freight("1")
				w.promoted("test", f)
				w.current("prod", f)
				w.ask(remove(f))
			},
			answer: "web 1 is in use: current in test, current in prod, verified by test-v1 (promote other Freight first, or abort what is under way)",
		},
		"refused: what is on its way": {
			setup: func(w *world) {
				f := w.freight("1")
				w.promotion("prod", f, pipeline.Pending)
				w.ask(remove(f))
			},
			answer: "web 1 is in use: part of prod-1 (promote other Freight first, or abort what is under way)",
		},
		"refused: what would be created again at once": {
			setup:  func(w *world) { w.see("web", "1"); w.ask(remove(w.freight("1"))) },
			answer: "web 1 is what Warehouse web sees as newest, and would be created again at once (exclude it in .kargo.yaml, or set freightCreationPolicy: Manual)",
		},
		"a manual Warehouse creates nothing again": {
			setup: func(w *world) {
				w.p.Warehouses[0].FreightCreationPolicy = pipeline.CreateManually
				w.see("web", "1")
				w.ask(remove(w.freight("1")))
			},
			want: []string{"delete " + image("web", "1").ID}, answer: "done",
		},
		"refused: what does not exist": {
			setup:  func(w *world) { w.ask(remove(pipeline.Freight{ID: "0123456789"})) },
			answer: "Freight 0123456 is unknown (/kargo status)",
		},
	})
}

// mixed is a Warehouse with one Subscription of each kind, that to git being to
// the pipeline's own repository.
func mixed(w *world) {
	w.p.Warehouses[0].FreightCreationPolicy = pipeline.CreateManually
	w.p.Warehouses[0].Subscriptions = []pipeline.Subscription{
		{Name: "app", Image: &pipeline.ImageSubscription{RepoURL: "ghcr.io/acme/web"}},
		{Git: &pipeline.GitSubscription{}},
		{Chart: &pipeline.ChartSubscription{RepoURL: "https://charts.example.com", Name: "web"}},
	}
}

func TestCreateIntents(t *testing.T) {
	t.Parallel()
	img := pipeline.Image{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:aa"}
	commit := pipeline.Commit{RepoURL: "https://github.com/Acme/gitops.git", ID: "abc"}
	chart := pipeline.Chart{RepoURL: "https://charts.example.com/", Name: "web", Version: "2.0.0"}
	other := pipeline.Image{RepoURL: "ghcr.io/acme/sidecar", Tag: "9"}
	whole := pipeline.Freight{Warehouse: "web", Images: []pipeline.Image{img}, Commits: []pipeline.Commit{commit}, Charts: []pipeline.Chart{chart}}
	create := func(change func(*pipeline.Freight)) func(w *world) {
		return func(w *world) {
			mixed(w)
			f := whole
			if change != nil {
				change(&f)
			}
			w.ask(pipeline.Intent{Kind: pipeline.IntentCreate, New: &f})
		}
	}
	checkRequests(t, nil, map[string]request{
		"one artifact of every Subscription is Freight": {
			setup: create(nil), want: []string{"create 1.0.0"}, answer: "done",
		},
		"an artifact that nobody subscribes to may come along": {
			setup: create(func(f *pipeline.Freight) { f.Images = []pipeline.Image{img, other} }),
			want:  []string{"create 1.0.0"}, answer: "done",
		},
		"refused: a Subscription without artifact": {
			setup:  create(func(f *pipeline.Freight) { f.Commits, f.Charts = nil, nil }),
			answer: "Freight of Warehouse web needs one artifact of every Subscription; missing: git acme/gitops, chart https://charts.example.com web (/kargo freight)",
		},
		"refused: two artifacts of one Subscription": {
			setup: create(func(f *pipeline.Freight) {
				f.Images = []pipeline.Image{img, {RepoURL: "ghcr.io/acme/web", Tag: "1.0.1"}}
			}),
			answer: "ghcr.io/acme/web:1.0.0 and ghcr.io/acme/web:1.0.1 are 2 artifacts of one Subscription of Warehouse web, which gives exactly one (/kargo create ARTIFACT...)",
		},
		"refused: nothing at all": {
			setup:  create(func(f *pipeline.Freight) { *f = pipeline.Freight{Warehouse: "web"} }),
			answer: "Freight needs at least one artifact (/kargo create ARTIFACT...)",
		},
		"refused: a Warehouse that is none": {
			setup:  create(func(f *pipeline.Freight) { f.Warehouse = "wep" }),
			answer: `there is no Warehouse "wep" (did you mean "web"? Warehouses: web)`,
		},
		"refused: what exists already, which is named": {
			setup: func(w *world) {
				create(nil)(w)
				w.settle()
				w.s.Freight[0].Alias = "old-owl"
				create(nil)(w)
			},
			answer: "this Freight exists already: old-owl (web 1.0.0) (/kargo freight)",
		},
		"refused: a person without the right": {
			setup: func(w *world) {
				mixed(w)
				w.ask(pipeline.Intent{Kind: pipeline.IntentCreate, New: &whole, Actor: ed})
			},
			answer: `ed may not promote pipeline "web": that takes write permission, and their role here is read`,
		},
	})
}

func TestCreatedFreightIsWhatDiscoveryWouldHaveMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web")))
	mixed(w)
	w.p.Warehouses[0].Subscriptions = w.p.Warehouses[0].Subscriptions[:1]
	seen := pipeline.Image{
		RepoURL: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:aa", CreatedAt: t0, Subscription: "app",
		Annotations: map[string]string{"org.opencontainers.image.revision": "abc"},
	}
	w.s.Discoveries["web"] = pipeline.Discovery{Warehouse: "web", Subscriptions: []pipeline.DiscoveredSubscription{{
		Kind: pipeline.ImageArtifact, Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.0.1", Subscription: "app"}, seen},
	}}}
	w.p.Policies = auto("test")
	w.ask(pipeline.Intent{Kind: pipeline.IntentCreate, Alias: "hand-made", New: &pipeline.Freight{
		Warehouse: "web", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0"}},
	}})
	if diff := cmp.Diff([]string{"create 1.0.0", "promote 1.0.0 to test"}, show(w.settle(), w.s)); diff != "" {
		t.Fatalf("actions (-want +got):\n%s", diff)
	}
	want := pipeline.Freight{Warehouse: "web", Alias: "hand-made", DiscoveredAt: t0, Images: []pipeline.Image{seen}}
	want.ID = pipeline.FreightID(want)
	if diff := cmp.Diff(want, w.s.Freight[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
