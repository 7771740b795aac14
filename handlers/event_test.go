package handlers_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// watching stores a repository whose Warehouse watches an image and its own code.
func watching(t *testing.T, w *world) {
	t.Helper()
	rec := store.RepoRecord{Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "config"}, Installation: 7, DefaultBranch: "main"}
	if err := w.db.PutRepo(t.Context(), rec, w.now()); err != nil {
		t.Fatal(err)
	}
	p := pipeline.Pipeline{
		Name:       "config",
		Warehouses: []pipeline.Warehouse{{Name: "web", Subscriptions: []pipeline.Subscription{{Image: &pipeline.ImageSubscription{RepoURL: "ghcr.io/acme/web"}}}}},
		Stages: []pipeline.Stage{{
			Name: "test", Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}},
			Steps: []pipeline.StepSpec{{Uses: "git-clone", As: "clone"}},
		}},
	}
	err := w.db.SaveConfig(t.Context(), 1, store.Config{SHA: "c1", Blob: "b1", SeenSHA: "c1", SeenBlob: "b1", Pipeline: &p}, []store.Subscription{
		{Kind: pipeline.ImageArtifact, URL: "ghcr.io/acme/web", Warehouse: "web"},
		{Kind: pipeline.GitArtifact, URL: "https://github.com/acme/app", Warehouse: "web"},
		{Kind: pipeline.ChartArtifact, URL: "ghcr.io/acme/charts/site", Warehouse: "web"},
	}, w.now())
	if err != nil {
		t.Fatal(err)
	}
	w.due(store.WorkReconcile)
	states, err := w.db.Warehouses(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		s.Due = w.now().Add(time.Hour)
		if err := w.db.SaveDiscovery(t.Context(), 1, s); err != nil {
			t.Fatal(err)
		}
	}
}

func warehouseDue(t *testing.T, w *world) bool {
	t.Helper()
	states, err := w.db.Warehouses(t.Context(), 1)
	if err != nil || len(states) != 1 {
		t.Fatalf("warehouses: %v, %v", states, err)
	}
	return !states[0].Due.After(w.now())
}

func TestEventsHint(t *testing.T) {
	t.Parallel()
	appRepo := map[string]any{"id": 2, "name": "app", "full_name": "acme/app", "default_branch": "main"}
	tests := []struct {
		name, event   string
		payload       map[string]any
		wantReconcile []string
		wantDue       bool
	}{
		{"push to the default branch: look at the repository", "push", event(map[string]any{"ref": "refs/heads/main"}), []string{"1"}, false},
		{"push to a feature branch: nothing", "push", event(map[string]any{"ref": "refs/heads/feature"}), nil, false},
		{"push to a Promotion's branch: nothing", "push", event(map[string]any{"ref": "refs/heads/kargo/test/test-1"}), nil, false},
		{"push to a merge queue's branch: nothing", "push", event(map[string]any{"ref": "refs/heads/gh-readonly-queue/main/pr-1-abc"}), nil, false},
		{"tag of a watched repository: discover", "push", event(map[string]any{"ref": "refs/tags/v1", "repository": appRepo}), []string{"1"}, true},
		{"push to a watched repository: discover, and look at it too", "push", event(map[string]any{"ref": "refs/heads/main", "repository": appRepo}), []string{"1", "2"}, true},
		{
			"registry_package with a package URL: discover", "registry_package", event(map[string]any{
				"registry_package": map[string]any{"name": "web", "package_version": map[string]any{"package_url": "ghcr.io/acme/web:1.2.3"}},
			}),
			[]string{"1"},
			true,
		},
		{
			"package without a URL: discover by owner and name", "package", event(map[string]any{
				"package": map[string]any{"name": "Web", "owner": map[string]any{"login": "ACME"}},
			}),
			[]string{"1"},
			true,
		},
		{
			"package that is a chart in an OCI repository: discover", "package", event(map[string]any{
				"package": map[string]any{"name": "charts/site", "owner": map[string]any{"login": "acme"}},
			}),
			[]string{"1"},
			true,
		},
		{
			"package nobody watches: nothing", "package", event(map[string]any{
				"package": map[string]any{"name": "other", "owner": map[string]any{"login": "acme"}},
			}),
			nil, false,
		},
		{
			"package outside any repository: discover all the same", "package",
			map[string]any{
				"installation": map[string]any{"id": 7},
				"package":      map[string]any{"name": "web", "namespace": "acme"},
			},
			[]string{"1"},
			true,
		},
		{
			"package of another owner with the name of a watched image: discover, its registry may have another name", "package", event(map[string]any{
				"package": map[string]any{"name": "web", "owner": map[string]any{"login": "mirror"}},
			}),
			[]string{"1"},
			true,
		},
		{
			"the same in another installation: nothing", "package",
			map[string]any{
				"installation": map[string]any{"id": 8},
				"package":      map[string]any{"name": "web", "owner": map[string]any{"login": "mirror"}},
			},
			nil, false,
		},
		{"renamed default branch: look at the repository", "repository", event(map[string]any{"action": "edited"}), []string{"1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			watching(t, w)
			w.send(tt.event, tt.payload)
			if diff := cmp.Diff(tt.wantReconcile, w.due(store.WorkReconcile)); diff != "" {
				t.Errorf("reconcile (-want +got):\n%s", diff)
			}
			if got := warehouseDue(t, w); got != tt.wantDue {
				t.Errorf("warehouse due = %v, want %v", got, tt.wantDue)
			}
		})
	}
}

func TestRepositoriesComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	watching(t, w)
	w.send("installation", event(map[string]any{"action": "created"}))
	w.send("installation_repositories", event(map[string]any{"action": "added"}))
	if diff := cmp.Diff([]int64{7, 7}, w.people.refreshed); diff != "" {
		t.Errorf("refreshed (-want +got):\n%s", diff)
	}
	w.send("repository", event(map[string]any{"action": "renamed", "repository": map[string]any{
		"id": 1, "name": "gitops", "full_name": "acme/gitops", "default_branch": "trunk",
	}}))
	rec, err := w.db.RepoByName(t.Context(), "ACME", "GitOps")
	if err != nil {
		t.Fatal(err)
	}
	if rec.DefaultBranch != "trunk" || rec.Config.Pipeline == nil {
		t.Errorf("after the rename: %+v", rec)
	}
	w.send("installation_repositories", event(map[string]any{
		"action": "removed", "repositories_removed": []any{map[string]any{"id": 1, "full_name": "acme/gitops"}},
	}))
	if rec, err = w.db.Repo(t.Context(), 1); err != nil || !rec.Removed {
		t.Errorf("removed = %v, %v", rec.Removed, err)
	}
}

func TestPullRequestEventsCheckProposedConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	watching(t, w)
	pull := func(action, ref, sha string) map[string]any {
		return event(map[string]any{"action": action, "number": 3, "pull_request": map[string]any{
			"number": 3, "head": map[string]any{"ref": ref, "sha": sha},
		}})
	}
	w.send("pull_request", pull("opened", "feature", "a"))
	w.send("pull_request", pull("synchronize", "feature", "b"))
	w.send("pull_request", pull("labeled", "feature", "b"))
	w.send("pull_request", pull("opened", "kargo/test/test-1", "c"))
	if diff := cmp.Diff([]string{"a", "b"}, w.people.checked); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
}

func TestPullRequestEventsWakeWhoWaits(t *testing.T) {
	t.Parallel()
	pull := map[string]any{"number": 3, "head": map[string]any{"ref": "kargo/test/test-1", "sha": "a"}}
	for _, tt := range []struct {
		name, event, action string
		want                []string
	}{
		{"its own opening is no news", "pull_request", "opened", nil},
		{"a push to its branch is", "pull_request", "synchronize", []string{store.StageKey(1, "test")}},
		{"its end is", "pull_request", "closed", []string{store.StageKey(1, "test")}},
		{"a review is", "pull_request_review", "submitted", []string{store.StageKey(1, "test")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			park(t, w, withFreight(t, w), 3)
			w.send(tt.event, event(map[string]any{"action": tt.action, "number": 3, "pull_request": pull}))
			if diff := cmp.Diff(tt.want, w.due(store.WorkStage)); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
		})
	}
}

// park leaves a Promotion of the Stage test waiting for a pull request.
func park(t *testing.T, w *world, f pipeline.Freight, number int) {
	t.Helper()
	rec, err := w.db.Repo(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	stage, _ := rec.Config.Pipeline.Stage("test")
	stage.Steps = []pipeline.StepSpec{{Uses: "git-merge-pr", As: "merge"}}
	p := pipeline.NewPromotion(pipeline.Promotion{Repo: rec.Repo, Stage: stage, Freight: f, CreatedAt: w.now()})
	if _, err := w.db.Apply(t.Context(), 1, []pipeline.Action{pipeline.StartPromotion{Promotion: p}}, w.now()); err != nil {
		t.Fatal(err)
	}
	job, ok, err := w.db.Claim(t.Context(), []store.WorkKind{store.WorkStage}, w.now(), time.Hour)
	if err != nil || !ok {
		t.Fatalf("claimed = %v, %v", ok, err)
	}
	all, err := w.db.StagePromotions(t.Context(), 1, "test")
	if err != nil || len(all) != 1 {
		t.Fatalf("promotions: %v, %v", all, err)
	}
	p = all[0]
	p.Start(w.now(), nil)
	p.Begin(0, w.now())
	p.Apply(0, pipeline.StepResult{
		Phase: pipeline.Running, WakeAt: w.now().Add(time.Hour), WakeOn: []string{pipeline.PullEvent(rec.Repo, number)},
	}, w.now())
	if err := w.db.SavePromotion(t.Context(), job, p); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Finish(t.Context(), job, w.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}
