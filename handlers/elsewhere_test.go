package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

const mergeCommit = "0123456789012345678901234567890123456789"

// application is a fleet whose Freight has an image that was built from another
// repository, which has no pipeline and whose pull request 9 is merged.
type application struct {
	*fleet
	built pipeline.Freight
	// private is what GitHub says of the application's repository.
	private bool
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{fleet: newFleet(t)}
	a.comments.Carriers = a.db
	a.put(store.RepoRecord{Repo: pipeline.Repo{ID: 2, Owner: "acme", Name: "shop"}, Installation: 7, DefaultBranch: "main"})
	if err := a.db.SaveConfig(t.Context(), 2, store.Config{SeenSHA: "c9"}, nil, a.now()); err != nil {
		t.Fatal(err)
	}
	a.people.merged[9] = mergeCommit
	a.built = image(a.world, "web", "wise-crow", "1.2.0", 90)
	a.built.Images[0].Annotations = map[string]string{
		"org.opencontainers.image.source": "https://github.com/acme/shop", "org.opencontainers.image.revision": mergeCommit,
	}
	a.built.ID = pipeline.FreightID(a.built)
	a.apply("", pipeline.CreateFreight{Freight: a.built})
	return a
}

func (a *application) put(r store.RepoRecord) {
	a.t.Helper()
	if err := a.db.PutRepo(a.t.Context(), r, a.now()); err != nil {
		a.t.Fatal(err)
	}
}

// ask comments on a pull request of the application and returns what is asked of the
// pipelines' repository.
func (a *application) ask(body string, number int) []pipeline.Intent {
	a.t.Helper()
	a.said++
	payload := comment(a.said, "ana", body)
	payload["issue"] = map[string]any{"number": number, "pull_request": map[string]any{}}
	payload["repository"] = map[string]any{
		"id": 2, "name": "shop", "full_name": "acme/shop", "private": a.private, "owner": map[string]any{"login": "acme"}, "default_branch": "main",
	}
	a.send("issue_comment", payload)
	snap, err := a.db.Snapshot(a.t.Context(), 1)
	if err != nil {
		a.t.Fatal(err)
	}
	return snap.Intents
}

func TestAnApplicationsPullRequestMeansThePipelineThatHasItsChange(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.ask("/kargo where", 9)
	if got := a.reply(); !strings.Contains(got, "wise-crow") {
		t.Errorf("where: %s", got)
	}
	asked := a.ask("/promote test", 9)
	if len(asked) != 1 {
		t.Fatalf("asked for %+v: %s", asked, a.reply())
	}
	got := pipeline.Intent{Kind: asked[0].Kind, Stage: asked[0].Stage, Freight: asked[0].Freight, Number: asked[0].Number, Elsewhere: asked[0].Elsewhere}
	want := pipeline.Intent{
		Kind: pipeline.IntentPromote, Stage: "test", Freight: a.built.ID,
		Elsewhere: pipeline.Place{Repo: pipeline.Repo{ID: 2, Owner: "acme", Name: "shop"}, Number: 9},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a.decided()
	if diff := cmp.Diff([]string{"eyes", "rocket"}, a.reactions()); diff != "" {
		t.Errorf("reactions (-want +got):\n%s", diff)
	}
	for marker, place := range a.people.places {
		if place != "acme/shop#9" {
			t.Errorf("%s: replied at %s", marker, place)
		}
	}
}

func TestAnApplicationsPullRequestIsToldWhyThereIsNothing(t *testing.T) {
	t.Parallel()
	public := store.RepoRecord{Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "config"}, Installation: 7, DefaultBranch: "main"}
	private, foreign := public, public
	private.Private, foreign.Installation = true, 8
	tests := map[string]struct {
		number int
		config store.RepoRecord
		want   string
	}{
		"not merged":                            {8, public, "this pull request is not merged"},
		"a private pipeline, a public question": {9, private, "no pipeline that you can see"},
		"a pipeline of another installation":    {9, foreign, "no pipeline that you can see"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApplication(t)
			a.put(tt.config)
			if asked := a.ask("/promote test", tt.number); len(asked) > 0 || !strings.Contains(a.reply(), tt.want) {
				t.Errorf("asked for %+v, told %q", asked, a.reply())
			}
			if diff := cmp.Diff([]string{"eyes", "confused"}, a.reactions()); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoMayNotSeeThePipelineIsNotToldOfIt(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	for id, name := range map[int64]string{1: "config", 2: "shop"} {
		a.put(store.RepoRecord{Repo: pipeline.Repo{ID: id, Owner: "acme", Name: name}, Installation: 7, DefaultBranch: "main", Private: true})
	}
	a.private = true
	if a.ask("/kargo status", 9); !strings.Contains(a.reply(), "test") {
		t.Errorf("who may see it is told %q", a.reply())
	}
	a.people.blind[1] = true
	if asked := a.ask("/kargo status", 9); len(asked) > 0 || !strings.Contains(a.reply(), "no pipeline that you can see") {
		t.Errorf("told %q", a.reply())
	}
}

func TestAStageTellsSeveralPipelinesApart(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.put(store.RepoRecord{Repo: pipeline.Repo{ID: 3, Owner: "acme", Name: "edge"}, Installation: 7, DefaultBranch: "main"})
	other := pipeline.Pipeline{
		Name: "edge", Warehouses: []pipeline.Warehouse{{Name: "web"}},
		Stages: []pipeline.Stage{{Name: "rim", Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}}},
	}
	if err := a.db.SaveConfig(t.Context(), 3, store.Config{SeenSHA: "c1", SeenBlob: "b1", Pipeline: &other}, nil, a.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.db.Apply(t.Context(), 3, []pipeline.Action{pipeline.CreateFreight{Freight: a.built}}, a.now()); err != nil {
		t.Fatal(err)
	}
	a.ask("/kargo where", 9)
	if got := a.reply(); !strings.Contains(got, "acme/config, acme/edge") {
		t.Errorf("where: %s", got)
	}
	if asked := a.ask("/promote eu", 9); len(asked) != 1 || asked[0].Stage != "eu" {
		t.Errorf("asked for %+v: %s", asked, a.reply())
	}
}
