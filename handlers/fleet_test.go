package handlers_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// image is Freight of one image, discovered so many minutes after the first.
func image(w *world, warehouse, alias, tag string, minutes int) pipeline.Freight {
	f := pipeline.Freight{
		Warehouse: warehouse, Alias: alias, DiscoveredAt: w.now().Add(time.Duration(minutes) * time.Minute),
		Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/" + warehouse, Tag: tag, Digest: "sha256:" + strings.Repeat("a", 64)}},
	}
	f.ID = pipeline.FreightID(f)
	return f
}

// fleet is a pipeline of three Stages behind a fourth that only routes: test, then
// gate, then eu and us. Old is verified in test and current in eu, young is current
// in test and not verified there. The root pipeline includes "shop".
type fleet struct {
	*world
	said             int
	old, young, shop pipeline.Freight
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	w := newWorld(t)
	watching(t, w)
	w.people.roles["ana"] = "admin"
	steps := []pipeline.StepSpec{{Uses: "git-clone", As: "clone"}}
	root := pipeline.Pipeline{
		Name:       "config",
		Warehouses: []pipeline.Warehouse{{Name: "web", Subscriptions: []pipeline.Subscription{{Image: &pipeline.ImageSubscription{RepoURL: "ghcr.io/acme/web"}}}}},
		Stages: []pipeline.Stage{
			{Name: "test", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}, Verification: &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}}}},
			{Name: "gate", Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"test"}}}},
			{Name: "eu", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"gate"}}}},
			{Name: "us", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"gate"}}}},
		},
	}
	shop := pipeline.Pipeline{
		Name:       "shop",
		Warehouses: []pipeline.Warehouse{{Name: "shop/cart", Subscriptions: []pipeline.Subscription{{Image: &pipeline.ImageSubscription{RepoURL: "ghcr.io/acme/cart"}}}}},
		Stages:     []pipeline.Stage{{Name: "shop/live", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "shop/cart", Direct: true}}}},
	}
	cfg := store.Config{SHA: "c1", Blob: "b1", SeenSHA: "c1", SeenBlob: "b1", Pipeline: &root, Included: []pipeline.Pipeline{shop}}
	err := w.db.SaveConfig(t.Context(), 1, cfg, []store.Subscription{
		{Kind: pipeline.ImageArtifact, URL: pipeline.NormalizeImage("ghcr.io/acme/web"), Warehouse: "web"},
		{Kind: pipeline.ImageArtifact, URL: pipeline.NormalizeImage("ghcr.io/acme/cart"), Warehouse: "shop/cart"},
	}, w.now())
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{world: w, old: image(w, "web", "calm-owl", "1.0.0", 0), young: image(w, "web", "bold-otter", "1.1.0", 1), shop: image(w, "shop/cart", "keen-fox", "2.0.0", 2)}
	f.apply("", pipeline.CreateFreight{Freight: f.old}, pipeline.CreateFreight{Freight: f.young},
		pipeline.MarkVerified{Stage: "test", Freight: f.old.ID}, pipeline.MarkVerified{Stage: "gate", Freight: f.old.ID},
		pipeline.AdoptFreight{Stage: "test", Freight: f.old.ID}, pipeline.AdoptFreight{Stage: "eu", Freight: f.old.ID})
	f.clock = f.clock.Add(time.Hour)
	f.apply("", pipeline.AdoptFreight{Stage: "test", Freight: f.young.ID})
	f.apply("shop", pipeline.CreateFreight{Freight: f.shop})
	f.discovered(pipeline.Discovery{Warehouse: "web", Subscriptions: []pipeline.DiscoveredSubscription{{
		Kind: pipeline.ImageArtifact, RepoURL: "ghcr.io/acme/web",
		Images:   []pipeline.Image{f.young.Images[0], f.old.Images[0], {RepoURL: "ghcr.io/acme/web", Tag: "0.9.0", Digest: "sha256:" + strings.Repeat("9", 64)}},
		Rejected: []pipeline.RejectedArtifact{{Ref: "nightly", Reason: "no semantic version"}},
	}}})
	return f
}

func (f *fleet) apply(name string, actions ...pipeline.Action) {
	f.t.Helper()
	if _, err := f.db.ApplyPipeline(f.t.Context(), 1, name, actions, f.now()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) discovered(d pipeline.Discovery) {
	f.t.Helper()
	states, err := f.db.Warehouses(f.t.Context(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range states {
		s.Due = f.now().Add(time.Hour)
		if s.Name == d.Warehouse {
			s.DiscoveredAt, s.Discovery = f.now(), d
		}
		if err := f.db.SaveDiscovery(f.t.Context(), 1, s); err != nil {
			f.t.Fatal(err)
		}
	}
}

// promoted starts a Promotion.
func (f *fleet) promoted(stage string, fr pipeline.Freight) {
	f.t.Helper()
	f.promotedBy(stage, fr, []pipeline.StepSpec{{Uses: "git-clone", As: "clone"}})
}

func (f *fleet) promotedBy(stage string, fr pipeline.Freight, steps []pipeline.StepSpec) {
	f.t.Helper()
	rec, err := f.db.Repo(f.t.Context(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	st, _ := rec.Config.Pipeline.Stage(stage)
	st.Steps = steps
	f.apply("", pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{Stage: st, Freight: fr, CreatedAt: f.now()})})
}

// say comments on an issue and returns the requests that came of it.
func (f *fleet) say(body string) []pipeline.Intent {
	f.t.Helper()
	return f.comment(body, map[string]any{"number": 5})
}

// comment comments on an issue or a pull request. Each comment has the next id.
func (f *fleet) comment(body string, issue map[string]any) []pipeline.Intent {
	f.t.Helper()
	f.said++
	payload := comment(f.said, "ana", body)
	payload["issue"] = issue
	f.send("issue_comment", payload)
	snap, err := f.db.Snapshot(f.t.Context(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	return slices.DeleteFunc(snap.Intents, func(in pipeline.Intent) bool { return in.Comment != int64(f.said) })
}

func (f *fleet) reply() string { return plain(reply(f.world, strconv.Itoa(f.said))) }

func (f *fleet) answer(intent string) string {
	return plain(answer(f.world, strconv.Itoa(f.said)+":"+intent))
}

func (f *fleet) reactions() []string { return f.people.reactions[int64(f.said)] }

// plain undoes what makes text safe.
func plain(s string) string { return strings.NewReplacer(`\`, "", "\u2060", "").Replace(s) }

// decided decides on what was asked for and answers.
func (f *fleet) decided() {
	f.t.Helper()
	rec, err := f.db.Repo(f.t.Context(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	snap, err := f.db.PipelineSnapshot(f.t.Context(), 1, "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.apply("", pipeline.Decide(*rec.Config.Pipeline, snap, f.now())...)
	resolved, err := f.db.ResolvedIntents(f.t.Context(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.comments.Answer(f.t.Context(), rec, resolved); err != nil {
		f.t.Fatal(err)
	}
}

// onPull comments on the pull request of a Promotion.
func (f *fleet) onPull(promotion, body string) []pipeline.Intent {
	f.t.Helper()
	all, err := f.db.StagePromotions(f.t.Context(), 1, "eu")
	if err != nil {
		f.t.Fatal(err)
	}
	f.due(store.WorkStage)
	if err := f.db.Enqueue(f.t.Context(), store.WorkStage, store.StageKey(1, "eu"), f.now()); err != nil {
		f.t.Fatal(err)
	}
	job, ok, err := f.db.Claim(f.t.Context(), []store.WorkKind{store.WorkStage}, f.now(), time.Hour)
	if err != nil || !ok {
		f.t.Fatalf("claim: %t, %v", ok, err)
	}
	for _, p := range all {
		if p.ID != promotion {
			continue
		}
		p.Start(f.now(), nil)
		p.Begin(0, f.now())
		p.Apply(0, pipeline.StepResult{
			Phase: pipeline.Running, Message: "1 of 2 approvals", WakeAt: f.now().Add(time.Hour),
			Output: []byte(`{"pr":{"id":5,"url":"https://github.com/acme/config/pull/5","head":"feedface","repo":"acme/config"}}`),
		}, f.now())
		if err := f.db.SavePromotion(f.t.Context(), job, p); err != nil {
			f.t.Fatal(err)
		}
	}
	return f.comment(body, map[string]any{"number": 5, "pull_request": map[string]any{}})
}
