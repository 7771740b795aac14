package handlers_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
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

func TestCommandsBecomeRequests(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	at := f.now()
	tests := map[string][]pipeline.Intent{
		"/promote eu bold-otter":          {{ID: "1:eu", Kind: pipeline.IntentPromote, Stage: "eu", Freight: f.young.ID}},
		"/promote eu us calm-owl -- both": {{ID: "1:eu", Kind: pipeline.IntentPromote, Stage: "eu", Freight: f.old.ID, Batch: "1", Reason: "both"}, {ID: "1:us", Kind: pipeline.IntentPromote, Stage: "us", Freight: f.old.ID, Batch: "1", Reason: "both"}},
		"/promote us latest":              {{ID: "1:us", Kind: pipeline.IntentPromote, Stage: "us"}},
		"/promote test previous":          {{ID: "1:test", Kind: pipeline.IntentPromote, Stage: "test", Freight: f.old.ID}},
		"/promote gate --downstream":      {{ID: "1:eu", Kind: pipeline.IntentPromote, Stage: "eu", Batch: "1"}, {ID: "1:us", Kind: pipeline.IntentPromote, Stage: "us", Batch: "1"}},
		"/promote gate web@1.0.0 --downstream": {
			{ID: "1:eu", Kind: pipeline.IntentPromote, Stage: "eu", Batch: "1", Freight: f.old.ID},
			{ID: "1:us", Kind: pipeline.IntentPromote, Stage: "us", Batch: "1", Freight: f.old.ID},
		},
		"/promote live":                              {{ID: "1:shop/live", Kind: pipeline.IntentPromote, Stage: "shop/live"}},
		"/promote shop/live cart@2.0.0":              {{ID: "1:shop/live", Kind: pipeline.IntentPromote, Stage: "shop/live", Freight: f.shop.ID}},
		"/rollback eu":                               {{ID: "1:eu", Kind: pipeline.IntentRollback, Stage: "eu"}},
		"/rollback eu previous":                      {{ID: "1:eu", Kind: pipeline.IntentRollback, Stage: "eu"}},
		"/rollback eu calm-owl -- broken":            {{ID: "1:eu", Kind: pipeline.IntentRollback, Stage: "eu", Freight: f.old.ID, Reason: "broken"}},
		"/kargo approve eu":                          {{ID: "1:eu", Kind: pipeline.IntentApprove, Stage: "eu"}},
		"/kargo approve eu --bypass -- hotfix":       {{ID: "1:eu", Kind: pipeline.IntentApprove, Stage: "eu", Bypass: true, Freight: f.young.ID, Reason: "hotfix"}},
		"/kargo approve us calm-owl --bypass -- fix": {{ID: "1:us", Kind: pipeline.IntentApprove, Stage: "us", Bypass: true, Freight: f.old.ID, Reason: "fix"}},
		"/kargo approve test --bypass -- no need":    {{ID: "1:test", Kind: pipeline.IntentApprove, Stage: "test", Bypass: true, Reason: "no need"}},
		"/kargo reject eu -- no":                     {{ID: "1:eu", Kind: pipeline.IntentReject, Stage: "eu", Reason: "no"}},
		"/kargo verify test":                         {{ID: "1:test", Kind: pipeline.IntentVerify, Stage: "test"}},
		"/kargo verify test --abort":                 {{ID: "1:test", Kind: pipeline.IntentStopVerify, Stage: "test"}},
		"/kargo hold eu -- audit":                    {{ID: "1:eu", Kind: pipeline.IntentHold, Stage: "eu", Reason: "audit"}},
		"/kargo resume eu":                           {{ID: "1:eu", Kind: pipeline.IntentResume, Stage: "eu"}},
		"/kargo freeze config --until 2h -- sale":    {{ID: "1", Kind: pipeline.IntentFreeze, Until: at.Add(2 * time.Hour), Reason: "sale"}},
		"/kargo freeze shop -- sale":                 {{ID: "1", Kind: pipeline.IntentFreeze, Pipeline: "shop", Reason: "sale"}},
		"/kargo thaw shop":                           {{ID: "1", Kind: pipeline.IntentThaw, Pipeline: "shop"}},
		"/kargo alias calm-owl night-owl":            {{ID: "1", Kind: pipeline.IntentAlias, Freight: f.old.ID, Alias: "night-owl"}},
		"/kargo delete bold-otter":                   {{ID: "1", Kind: pipeline.IntentDelete, Freight: f.young.ID}},
		"/kargo create web@0.9.0":                    {{ID: "1", Kind: pipeline.IntentCreate, New: &pipeline.Freight{Warehouse: "web", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "0.9.0", Digest: "sha256:" + strings.Repeat("9", 64)}}}}},
		"/kargo hold us -- a\n/kargo hold eu -- b":   {{ID: "1:us", Kind: pipeline.IntentHold, Stage: "us", Reason: "a"}, {ID: "2:eu", Kind: pipeline.IntentHold, Stage: "eu", Reason: "b"}},
	}
	for body, want := range tests {
		got := f.say(body)
		for i := range want {
			want[i].ID = fmt.Sprintf("%d:%s", f.said, want[i].ID)
			if want[i].Batch != "" {
				want[i].Batch = fmt.Sprintf("%d:%s", f.said, want[i].Batch)
			}
			want[i].Actor, want[i].Number, want[i].Comment, want[i].ReceivedAt = pipeline.Actor{Login: "ana", Role: "admin"}, 5, int64(f.said), at
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s\nreply %q", body, diff, f.reply())
		}
		if diff := cmp.Diff([]string{"eyes"}, f.reactions()); diff != "" {
			t.Errorf("%s: reactions before the decision (-want +got):\n%s", body, diff)
		}
	}
}

func TestRequestsAreBoundToThePromotionThatWaitsNow(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.promoted("eu", f.young)
	for body, want := range map[string]pipeline.Intent{
		"/kargo approve eu":            {Kind: pipeline.IntentApprove, Stage: "eu", Promotion: "eu-1"},
		"/kargo approve eu bold-otter": {Kind: pipeline.IntentApprove, Stage: "eu", Promotion: "eu-1"},
		"/kargo reject eu -- no":       {Kind: pipeline.IntentReject, Stage: "eu", Promotion: "eu-1"},
		"/kargo abort eu-1":            {Kind: pipeline.IntentAbort, Promotion: "eu-1"},
		"/kargo abort eu":              {Kind: pipeline.IntentAbort, Promotion: "eu-1"},
		"/kargo retry eu-1 --from-start": {
			Kind: pipeline.IntentRetry, Promotion: "eu-1", FromStart: true,
		},
	} {
		got := f.say(body)
		if len(got) != 1 || got[0].Kind != want.Kind || got[0].Stage != want.Stage || got[0].Promotion != want.Promotion || got[0].FromStart != want.FromStart {
			t.Errorf("%s: requests = %+v, want %+v; reply %q", body, got, want, f.reply())
		}
	}
}

func TestCommandsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"previous of a Stage that had one Freight", "/promote eu previous", "no Freight was verified in eu before"},
		{"this on an issue", "/promote eu this", "no Freight holds the change"},
		{"downstream of the last Stage", "/promote eu --downstream", "no Stage takes this Freight from eu"},
		{"downstream of an empty Stage", "/promote us --downstream", "there is no Freight in us"},
		{"a rollback to the latest", "/rollback eu latest", "nothing to go back to"},
		{"an abort that names nothing on an issue", "/kargo abort", "not the pull request of a Promotion"},
		{"an unknown Promotion", "/kargo retry eu-7", "there is no Promotion"},
		{"a Stage without a Promotion", "/kargo retry us", "no Promotion into us to retry"},
		{"a freeze of one of several pipelines", "/kargo freeze -- sale", "config, shop"},
		{"a freeze of an unknown pipeline", "/kargo thaw shp", "did you mean \"shop\""},
		{"an alias that is a Stage's name", "/kargo alias calm-owl eu", "name of a Stage"},
		{"an alias for what is not named", "/kargo alias latest x", "only where a Stage is named"},
		{"an unknown Warehouse", "/kargo refresh wbe", "did you mean \"web\""},
		{"a missing artifact", "/kargo create --warehouse web other/image:1@sha256:" + strings.Repeat("b", 64), "an artifact of ghcr.io/acme/web is missing"},
		{"artifacts that several Warehouses may have", "/kargo create other/image:1@sha256:" + strings.Repeat("b", 64), "add --warehouse web"},
		{"an undiscovered version", "/kargo create web@3.0.0", "it offers 1.1.0, 1.0.0, 0.9.0"},
		{"two artifacts of one subscription", "/kargo create web@1.1.0 web@1.0.0", "gives one artifact"},
		{"a repository without a host", "/kargo create web@1.1.0 db@1", "no Warehouse subscribes to db"},
		{"a standalone image without a digest", "/kargo create web@1.1.0 acme/db:1", "needs a digest"},
		{"a diff for a Stage that only routes", "/kargo diff gate", "only routes"},
		{"a dry run into a Stage that only routes", "/promote gate --dry-run", "only routes"},
	}
	f := newFleet(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := f.say(tt.body); len(got) != 0 {
				t.Errorf("requests = %+v, want none", got)
			}
			if diff := cmp.Diff([]string{"eyes", "confused"}, f.reactions()); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if got := f.reply(); !strings.Contains(got, tt.want) {
				t.Errorf("reply %q does not say %q", got, tt.want)
			}
		})
	}
}

// plain undoes what makes text safe.
func plain(s string) string { return strings.NewReplacer(`\`, "", "\u2060", "").Replace(s) }

func TestReadCommandsAnswerAboutTheRightPipeline(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"status of all", "/kargo status", "**Pipeline shop**"},
		{"status of a Stage", "/kargo status eu", "acme/web 1.0.0"},
		{"status of an included Stage", "/kargo status live", "**shop/live**"},
		{"why", "/kargo why eu", "never promoted there"},
		{"where", "/kargo where", "| eu |"},
		{"freight", "/kargo freight", "keen-fox"},
		{"freight of a Warehouse", "/kargo freight web", "no semantic version"},
		{"status of a Warehouse", "/kargo status cart", "**Warehouse shop/cart**"},
		{"diff", "/kargo diff us calm-owl", "1.0.0"},
	}
	f := newFleet(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.TrimPrefix(tt.want, "acme/")
			if got := f.say(tt.body); len(got) != 0 {
				t.Errorf("requests = %+v, want none", got)
			}
			if diff := cmp.Diff([]string{"eyes", "rocket"}, f.reactions()); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if got := f.reply(); !strings.Contains(got, want) {
				t.Errorf("reply %q does not say %q", got, want)
			}
		})
	}
}

func TestFrozenPipelineIsShownAsThatAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.apply("shop", pipeline.FreezePipeline{Freeze: pipeline.Freeze{Reason: "sale", Actor: "zoe", Since: f.now()}})
	f.say("/kargo why live")
	if got := f.reply(); !strings.Contains(got, "frozen by zoe") {
		t.Errorf("reply %q does not say that shop is frozen", got)
	}
	g := newFleet(t)
	g.apply("shop", pipeline.FreezePipeline{Freeze: pipeline.Freeze{Reason: "sale", Actor: "zoe", Since: g.now()}})
	g.say("/kargo why test")
	if got := g.reply(); strings.Contains(got, "frozen") {
		t.Errorf("reply %q says that the root pipeline is frozen", got)
	}
}

// preview answers what a Promotion would change.
type preview struct {
	effect report.Effect
	err    error
	asked  []pipeline.Promotion
}

func (p *preview) Preview(_ context.Context, _ store.RepoRecord, pr pipeline.Promotion) (report.Effect, error) {
	p.asked = append(p.asked, pr)
	return p.effect, p.err
}

func TestDryRunSaysWhatDecideWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	effect := report.Effect{Files: []report.FileChange{{Path: "env/us/kustomization.yaml", Added: 1, Deleted: 1}}, Diff: "-a\n+b\n"}
	tests := []struct {
		name, body string
		want       []string
	}{
		{"what may enter", "/promote us calm-owl --dry-run", []string{"would start at once", "env/us/kustomization.yaml", "✓ verified in gate"}},
		{"what may not", "/promote us bold-otter --dry-run", []string{"would be refused: web 1.1.0 cannot enter us yet", "✗ verified in gate"}},
		{"several Stages, one of which refuses", "/promote us eu calm-owl --dry-run", []string{"already current in eu", "not done, because"}},
		{"downstream", "/promote gate calm-owl --downstream --dry-run", []string{"**us**", "**eu**"}},
		{"a Stage of an included pipeline", "/promote live --dry-run", []string{"Promoting **cart 2.0.0** (keen-fox) to **shop/live** would start"}},
		{"without Freight", "/promote us --dry-run", []string{"Promoting **web 1.0.0** (calm-owl) to **us** would start"}},
	}
	f := newFleet(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &preview{effect: effect}
			f.comments.Previewer = p
			if got := f.say(tt.body); len(got) != 0 {
				t.Errorf("requests = %+v, want none", got)
			}
			got := f.reply()
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("reply does not say %q:\n%s", want, got)
				}
			}
			if len(p.asked) == 0 || p.asked[0].Stage.Name == "" || len(p.asked[0].Steps) == 0 {
				t.Errorf("previewed %+v", p.asked)
			}
			if got := f.due(store.WorkStage); len(got) != 0 {
				t.Errorf("stages due: %v", got)
			}
		})
	}
}

func TestDiffSaysWhyFilesAreNotKnown(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"no such directory": &pipeline.UserError{Message: "no such directory"},
		"internal error":    fmt.Errorf("secret detail"),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.comments.Previewer = &preview{err: err}
			f.say("/kargo diff us")
			if got := f.reply(); !strings.Contains(got, want) || strings.Contains(got, "secret detail") {
				t.Errorf("reply %q, want %q", got, want)
			}
		})
	}
}

func TestRefreshLooksNowAndTakesTheRightToPromote(t *testing.T) {
	t.Parallel()
	due := func(f *fleet) []string {
		states, err := f.db.Warehouses(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range states {
			if !s.Due.After(f.now()) {
				names = append(names, s.Name)
			}
		}
		return names
	}
	for body, want := range map[string][]string{"/kargo refresh": {"shop/cart", "web"}, "/kargo refresh cart": {"shop/cart"}} {
		f := newFleet(t)
		f.say(body)
		if diff := cmp.Diff(want, due(f)); diff != "" {
			t.Errorf("%s: due (-want +got):\n%s", body, diff)
		}
		if diff := cmp.Diff([]string{"eyes", "rocket"}, f.reactions()); diff != "" {
			t.Errorf("%s: reactions (-want +got):\n%s", body, diff)
		}
	}
	f := newFleet(t)
	f.people.roles["ana"] = "read"
	f.say("/kargo refresh")
	if got := due(f); len(got) != 0 || !strings.Contains(f.reply(), "may not promote") {
		t.Errorf("due %v, reply %q; want a refusal", got, f.reply())
	}
}

// shelf is a registry of one image.
type shelf struct{ asked int }

func (s *shelf) Image(_ context.Context, repoURL, ref string) (pipeline.Image, error) {
	s.asked++
	if ref != "1.2" {
		return pipeline.Image{}, &pipeline.UserError{Message: "there is no " + ref}
	}
	return pipeline.Image{RepoURL: repoURL, Digest: "sha256:cc", Annotations: map[string]string{"a": "b"}}, nil
}

func TestStandaloneImagesAreResolvedForThoseWhoMayPromote(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), &shelf{}
	f.comments.Registry = s
	got := f.say("/kargo create web@1.1.0 ghcr.io/acme/other:1.2")
	if len(got) != 1 {
		t.Fatalf("requests = %+v; reply %q", got, f.reply())
	}
	want := []pipeline.Image{f.young.Images[0], {RepoURL: "ghcr.io/acme/other", Tag: "1.2", Digest: "sha256:cc", Annotations: map[string]string{"a": "b"}}}
	if diff := cmp.Diff(want, got[0].New.Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	for _, tt := range []struct{ role, body, want string }{
		{"admin", "/kargo create web@1.1.0 ghcr.io/acme/other:9", "there is no 9"},
		{"read", "/kargo create web@1.1.0 ghcr.io/acme/other:1.2", "may not promote"},
	} {
		f, s := newFleet(t), &shelf{}
		f.comments.Registry, f.people.roles["ana"] = s, tt.role
		if got := f.say(tt.body); len(got) != 0 || !strings.Contains(f.reply(), tt.want) {
			t.Errorf("%s: requests %+v, reply %q, want %q", tt.role, got, f.reply(), tt.want)
		}
		if tt.role == "read" && s.asked != 0 {
			t.Error("a registry was asked for somebody who may not promote")
		}
	}
}

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

func TestGrantedRequestsSayWhatThereIsToSay(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, intent, want string }{
		{"promote", "/promote us calm-owl", "1:us", ""},
		{"create", "/kargo create web@0.9.0", "1", "This is **web 0.9.0** ("},
		{"freeze", "/kargo freeze config --until 2h -- sale", "1", "Nothing is promoted until 2026-05-01 15:00 UTC"},
		{"hold", "/kargo hold eu -- audit", "1:eu", "takes no Freight by itself: audit"},
		{"rollback", "/rollback test", "1:test", "test-1 brings it back"},
		{"bypass", "/kargo approve us bold-otter --bypass -- hotfix", "1:us", "without upstream verification: hotfix"},
		{"alias", "/kargo alias calm-owl night-owl", "1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			if len(f.say(tt.body)) == 0 {
				t.Fatalf("no request; reply %q", f.reply())
			}
			f.decided()
			if diff := cmp.Diff([]string{"eyes", "rocket"}, f.reactions()); diff != "" {
				t.Errorf("reactions (-want +got):\n%s\n%s", diff, f.answer(tt.intent))
			}
			got := f.answer(tt.intent)
			if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRequestsOfOneCommentGetOneReply(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.say("/promote us eu calm-owl")
	f.decided()
	got := f.answer("1:us")
	if !strings.Contains(got, "us: not done, because") || !strings.Contains(got, "eu: web 1.0.0 is already current in eu") || len(f.people.replies) != 1 {
		t.Errorf("replies %q", f.people.replies)
	}
	if diff := cmp.Diff([]string{"eyes", "confused"}, f.reactions()); diff != "" {
		t.Errorf("reactions (-want +got):\n%s", diff)
	}
	g := newFleet(t)
	g.say("/kargo hold us -- a\n/promote eu calm-owl")
	g.decided()
	if diff := cmp.Diff([]string{"eyes", "rocket", "confused"}, g.reactions()); diff != "" {
		t.Errorf("reactions to one granted and one refused (-want +got):\n%s", diff)
	}
}

func TestAliasOfSeveralPipelinesIsAmbiguous(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.apply("shop", pipeline.RenameFreight{Freight: f.shop.ID, Alias: "calm-owl"})
	if got := f.say("/kargo delete calm-owl"); len(got) != 0 || !strings.Contains(f.reply(), "use an id") {
		t.Errorf("requests %+v, reply %q", got, f.reply())
	}
	g := newFleet(t)
	g.apply("shop", pipeline.RenameFreight{Freight: g.shop.ID, Alias: "calm-owl"})
	if got := g.say("/promote us calm-owl"); len(got) != 1 || got[0].Freight != g.old.ID {
		t.Errorf("a Stage means Freight that it takes: %+v", got)
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

func TestOnThePullRequestOfAPromotionThatOneIsMeant(t *testing.T) {
	t.Parallel()
	tests := map[string]func(in pipeline.Intent, f *fleet) bool{
		"/kargo approve eu": func(in pipeline.Intent, f *fleet) bool {
			return in.Promotion == "eu-1" && in.Head == "feedface" && in.Freight == f.young.ID
		},
		"/kargo reject eu -- no":   func(in pipeline.Intent, _ *fleet) bool { return in.Promotion == "eu-1" && in.Stage == "eu" },
		"/kargo abort":             func(in pipeline.Intent, _ *fleet) bool { return in.Promotion == "eu-1" },
		"/kargo retry":             func(in pipeline.Intent, _ *fleet) bool { return in.Promotion == "eu-1" },
		"/promote us":              func(in pipeline.Intent, f *fleet) bool { return in.Freight == f.young.ID },
		"/kargo alias this fresh":  func(in pipeline.Intent, f *fleet) bool { return in.Freight == f.young.ID },
		"/kargo freeze -- release": func(in pipeline.Intent, _ *fleet) bool { return in.Pipeline == "" },
	}
	for body, meant := range tests {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			steps := []pipeline.StepSpec{{Uses: "git-merge-pr", As: "merge"}}
			f.promotedBy("eu", f.young, steps)
			got := f.onPull("eu-1", body)
			if len(got) != 1 || !meant(got[0], f) {
				t.Errorf("requests = %+v; reply %q", got, f.reply())
			}
		})
	}
}
