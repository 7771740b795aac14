package bind_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kargo-app/kargo/handlers/bind"
	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// id is a whole Freight id that begins with a letter.
func id(letter string) string { return strings.Repeat(letter, 40) }

func stage(name, origin string) pipeline.Stage {
	return pipeline.Stage{Name: name, Requests: []pipeline.FreightRequest{{Origin: origin, Direct: true}}}
}

// scene has a root pipeline with test and prod, and one called shop with a Stage test.
// Freight a and b are of web, c is of shop/cart; prod runs prod-2 and has ended prod-1.
func scene() *bind.Scene {
	image := func(tag string) []pipeline.Image {
		return []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: tag, Digest: "sha256:" + id("d")}}
	}
	a := pipeline.Freight{ID: id("a"), Alias: "old-owl", Warehouse: "web", DiscoveredAt: noon.Add(-2 * time.Hour), Images: image("1.0.0")}
	b := pipeline.Freight{ID: id("b"), Alias: "new-newt", Warehouse: "web", DiscoveredAt: noon.Add(-time.Hour), Images: image("1.1.0")}
	c := pipeline.Freight{ID: id("c"), Alias: "cool-cat", Warehouse: "shop/cart", DiscoveredAt: noon.Add(-time.Minute)}
	web := pipeline.DiscoveredSubscription{Kind: pipeline.ImageArtifact, RepoURL: "ghcr.io/acme/web", Images: append(image("1.1.0"), image("1.0.0")...)}
	return &bind.Scene{
		Pipelines: []pipeline.Pipeline{
			{Name: "root", Warehouses: []pipeline.Warehouse{{Name: "web"}}, Stages: []pipeline.Stage{stage("test", "web"), stage("prod", "web")}},
			{Name: "shop", Warehouses: []pipeline.Warehouse{{Name: "shop/cart"}}, Stages: []pipeline.Stage{stage("shop/qa", "shop/cart")}},
		},
		Snapshot: pipeline.Snapshot{
			Freight:     []pipeline.Freight{a, b, c},
			Discoveries: map[string]pipeline.Discovery{"web": {Warehouse: "web", Subscriptions: []pipeline.DiscoveredSubscription{web}}},
			Promotions: []pipeline.Promotion{
				{ID: "prod-1", Seq: 1, Stage: stage("prod", "web"), Freight: a, Phase: pipeline.Failed},
				{ID: "prod-2", Seq: 2, Stage: stage("prod", "web"), Freight: b, Phase: pipeline.Running},
			},
		},
		Comment: 7, Number: 3, Received: noon, Now: noon,
		Pull: func(context.Context) (*pipeline.Promotion, string, error) { return nil, "", nil },
	}
}

// bound is what the first command of a comment is bound to.
func bound(t *testing.T, s *bind.Scene, text string) ([]pipeline.Intent, error) {
	t.Helper()
	parsed := command.Parse(text)
	if err := parsed.Err(); err != nil {
		t.Fatal(err)
	}
	c, err := s.Resolve(parsed.Commands[0])
	if err != nil {
		return nil, err
	}
	return s.Bind(t.Context(), c)
}

func TestCommandsAreBoundToWhatThePersonSaw(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]pipeline.Intent{
		"/promote test":                 {{ID: "7:1:test", Kind: pipeline.IntentPromote, Stage: "test"}},
		"/promote test latest":          {{ID: "7:1:test", Kind: pipeline.IntentPromote, Stage: "test"}},
		"/promote qa":                   {{ID: "7:1:shop/qa", Kind: pipeline.IntentPromote, Stage: "shop/qa"}},
		"/promote test old-owl":         {{ID: "7:1:test", Kind: pipeline.IntentPromote, Stage: "test", Freight: id("a")}},
		"/promote test web@1.1.0":       {{ID: "7:1:test", Kind: pipeline.IntentPromote, Stage: "test", Freight: id("b")}},
		"/promote test aaaaaaa":         {{ID: "7:1:test", Kind: pipeline.IntentPromote, Stage: "test", Freight: id("a")}},
		"/promote test prod -- release": {{ID: "7:1:test", Batch: "7:1", Kind: pipeline.IntentPromote, Stage: "test", Reason: "release"}, {ID: "7:1:prod", Batch: "7:1", Kind: pipeline.IntentPromote, Stage: "prod", Reason: "release"}},
		"/rollback prod":                {{ID: "7:1:prod", Kind: pipeline.IntentRollback, Stage: "prod"}},
		"/rollback prod old-owl":        {{ID: "7:1:prod", Kind: pipeline.IntentRollback, Stage: "prod", Freight: id("a")}},
		"/kargo approve prod":           {{ID: "7:1:prod", Kind: pipeline.IntentApprove, Stage: "prod", Promotion: "prod-2", Freight: id("b")}},
		"/kargo approve prod old-owl":   {{ID: "7:1:prod", Kind: pipeline.IntentApprove, Stage: "prod", Promotion: "prod-1", Freight: id("a")}},
		"/kargo reject prod -- no":      {{ID: "7:1:prod", Kind: pipeline.IntentReject, Stage: "prod", Promotion: "prod-2", Reason: "no"}},
		"/kargo answer prod size=3":     {{ID: "7:1:prod", Kind: pipeline.IntentAnswer, Stage: "prod", Promotion: "prod-2", Values: map[string]string{"size": "3"}}},
		"/kargo abort prod":             {{ID: "7:1", Kind: pipeline.IntentAbort, Promotion: "prod-2"}},
		"/kargo abort prod-2":           {{ID: "7:1", Kind: pipeline.IntentAbort, Promotion: "prod-2"}},
		"/kargo retry prod":             {{ID: "7:1", Kind: pipeline.IntentRetry, Promotion: "prod-1"}},
		"/kargo retry prod --from-start": {
			{ID: "7:1", Kind: pipeline.IntentRetry, Promotion: "prod-1", FromStart: true},
		},
		"/kargo verify test":                      {{ID: "7:1:test", Kind: pipeline.IntentVerify, Stage: "test"}},
		"/kargo verify test --abort":              {{ID: "7:1:test", Kind: pipeline.IntentStopVerify, Stage: "test"}},
		"/kargo hold test -- wait":                {{ID: "7:1:test", Kind: pipeline.IntentHold, Stage: "test", Reason: "wait"}},
		"/kargo resume test":                      {{ID: "7:1:test", Kind: pipeline.IntentResume, Stage: "test"}},
		"/kargo freeze shop --until 2h -- a sale": {{ID: "7:1", Kind: pipeline.IntentFreeze, Pipeline: "shop", Until: noon.Add(2 * time.Hour), Reason: "a sale"}},
		"/kargo thaw root":                        {{ID: "7:1", Kind: pipeline.IntentThaw}},
		"/kargo alias old-owl stable":             {{ID: "7:1", Kind: pipeline.IntentAlias, Freight: id("a"), Alias: "stable"}},
		"/kargo delete cool-cat":                  {{ID: "7:1", Kind: pipeline.IntentDelete, Freight: id("c")}},
		"/kargo create web:1.0.0": {{ID: "7:1", Kind: pipeline.IntentCreate, New: &pipeline.Freight{
			Warehouse: "web", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:" + id("d")}},
		}}},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			for i := range want {
				want[i].Number, want[i].Comment, want[i].ReceivedAt = 3, 7, noon
			}
			got, err := bound(t, scene(), text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeBoundIsRefusedWithTheNextCommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/promote tset":             `did you mean "test"`,
		"/promote test no-such":     "there is no Freight",
		"/promote test previous":    "no Freight was verified in test",
		"/promote test this":        "no Freight holds the change of this pull request",
		"/rollback prod latest":     "/promote prod",
		"/kargo abort":              "not the pull request of a Promotion",
		"/kargo abort test":         "no Promotion into test to abort",
		"/kargo abort prod-9":       `did you mean "prod-`,
		"/kargo freeze -- why":      "several pipelines",
		"/kargo alias old-owl prod": "is the name of a Stage",
		"/kargo delete latest":      "only where a Stage is named",
		"/kargo create web:9.9.9":   "discovered no 9.9.9",
		"/kargo create web:1.0.0 ghcr.io/acme/other:1 --warehouse web": "needs a digest",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := bound(t, scene(), text)
			var refusal *pipeline.UserError
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Error(), want) {
				t.Errorf("got %v, want a refusal with %q", err, want)
			}
		})
	}
}

func TestPullRequestsOfPromotionsStandForTheirFreight(t *testing.T) {
	t.Parallel()
	s := scene()
	s.Pull = func(context.Context) (*pipeline.Promotion, string, error) { return &s.Snapshot.Promotions[0], "", nil }
	for text, want := range map[string]pipeline.Intent{
		"/promote test":       {Kind: pipeline.IntentPromote, Stage: "test", Freight: id("a")},
		"/kargo retry":        {Kind: pipeline.IntentRetry, Promotion: "prod-1"},
		"/kargo freeze -- it": {Kind: pipeline.IntentFreeze, Reason: "it"},
	} {
		got, err := bound(t, s, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		ignore := cmpopts.IgnoreFields(pipeline.Intent{}, "ID", "Number", "Comment", "ReceivedAt")
		if diff := cmp.Diff([]pipeline.Intent{want}, got, ignore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestRegistriesAreAskedOnlyForWhatNobodySubscribesTo(t *testing.T) {
	t.Parallel()
	s := scene()
	asked := ""
	s.Image = func(_ context.Context, warehouse string, i pipeline.Image) (pipeline.Image, error) {
		asked += warehouse + " " + i.RepoURL + ":" + i.Tag
		i.Digest = "sha256:" + id("e")
		return i, nil
	}
	got, err := bound(t, s, "/kargo create web:1.0.0 ghcr.io/acme/other:2 --warehouse web")
	if err != nil {
		t.Fatal(err)
	}
	if want := "web ghcr.io/acme/other:2"; asked != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if n := len(got[0].New.Images); n != 2 {
		t.Errorf("Freight has %d images, want 2", n)
	}
}
