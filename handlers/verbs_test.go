package handlers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

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

func (s *shelf) Image(_ context.Context, _ store.RepoRecord, repoURL, ref string) (pipeline.Image, error) {
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
