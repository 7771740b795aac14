package app

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

func TestNotesAboutFreight(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	repo := pipeline.Repo{ID: 42, Owner: "acme", Name: "gitops"}
	one := pipeline.Freight{ID: "f1", Alias: "one", Warehouse: "shop/web", DiscoveredAt: now}
	two := pipeline.Freight{ID: "f2", Alias: "two", Warehouse: "shop/web", DiscoveredAt: now}
	gone := pipeline.Freight{ID: "f3", Alias: "three", Warehouse: "shop/web"}
	ok(db.PutRepo(t.Context(), store.RepoRecord{Repo: repo}, now))
	_, err = db.ApplyPipeline(t.Context(), repo.ID, "shop", []pipeline.Action{pipeline.CreateFreight{Freight: one}, pipeline.CreateFreight{Freight: two}}, now)
	ok(err)
	n := notes{db: db, now: func() time.Time { return now }}

	ok(n.SetMetadata(t.Context(), repo, one, map[string]any{"ticket": "OPS-7", "gone": 1}))
	ok(n.SetMetadata(t.Context(), repo, one, map[string]any{"gone": nil}))
	got, err := n.Metadata(t.Context(), repo, one)
	ok(err)
	if diff := cmp.Diff(map[string]any{"ticket": "OPS-7"}, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if got, err := n.Metadata(t.Context(), repo, gone); got != nil || err != nil {
		t.Errorf("metadata of what is gone: %v, %v", got, err)
	}
	_, err = db.ApplyPipeline(t.Context(), repo.ID, "shop", []pipeline.Action{
		pipeline.AdoptFreight{Stage: "shop/test", Freight: one.ID}, pipeline.ApproveFreight{Stage: "shop/prod", Freight: one.ID},
	}, now)
	ok(err)
	status, err := n.Status(t.Context(), repo, "shop/prod", one.ID)
	ok(err)
	if diff := cmp.Diff(&step.FreightStatus{
		CurrentlyIn: map[string]step.CurrentStage{"test": {Since: now}}, VerifiedIn: map[string]step.VerifiedStage{},
		ApprovedFor: map[string]step.ApprovedStage{"prod": {ApprovedAt: now}}, Metadata: map[string]any{"ticket": "OPS-7"},
	}, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	for _, stage := range []string{"prod", "other/prod"} {
		if status, err := n.Status(t.Context(), repo, stage, one.ID); status != nil || err != nil {
			t.Errorf("another pipeline is told %+v, %v", status, err)
		}
	}
	if status, err := n.Status(t.Context(), repo, "shop/prod", gone.ID); status != nil || err != nil {
		t.Errorf("status of what is gone: %+v, %v", status, err)
	}
	for range 2 { // a second time it is called so already
		ok(n.SetAlias(t.Context(), repo, one, "release-42"))
	}
	var refused *pipeline.UserError
	if err := n.SetAlias(t.Context(), repo, two, "release-42"); !errors.As(err, &refused) {
		t.Errorf("a name that is taken: %v", err)
	}
	snap, err := db.PipelineSnapshot(t.Context(), repo.ID, "shop")
	ok(err)
	if f, _ := snap.FreightByID("f1"); f.Alias != "release-42" {
		t.Errorf("alias %q", f.Alias)
	}
	for what, err := range map[string]error{
		"metadata": n.SetMetadata(t.Context(), repo, gone, map[string]any{"a": 1}),
		"alias":    n.SetAlias(t.Context(), repo, gone, "four"),
	} {
		if !errors.Is(err, step.ErrNotFound) {
			t.Errorf("%s of what is gone: %v", what, err)
		}
	}
}
