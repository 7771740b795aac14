package step_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestArgoCDUpdateSyncsAndWaits(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-update", web("new"))
	b.argo.SetRevision("https://github.com/acme/gitops", "main", "new")
	first := b.want(0, pipeline.Running)
	if want := b.world.Now.Add(3 * time.Second); !first.WakeAt.Equal(want) || !strings.Contains(first.Message, "Application argocd/web is being synced") {
		t.Errorf("parked until %v: %s", first.WakeAt, first.Message)
	}
	b.world.Now = b.world.Now.Add(time.Minute)
	if res := b.want(0, pipeline.Running); !res.WakeAt.Equal(b.world.Now.Add(20 * time.Second)) {
		t.Errorf("parked until %v", res.WakeAt)
	}
	b.sync()
	b.want(0, pipeline.Succeeded)
	want := step.ArgoCDUpdateOutput{Apps: []step.ArgoCDAppOutput{{Name: "web", Namespace: "argocd", URL: "https://argocd.example/applications/argocd/web", Revisions: []string{"new"}}}}
	if diff := cmp.Diff(want, output[step.ArgoCDUpdateOutput](b, 0)); diff != "" {
		t.Error(diff)
	}
	if b.argo.Syncs("web") != 1 {
		t.Errorf("%d syncs", b.argo.Syncs("web"))
	}
	for _, note := range []string{`"value": "prod-142"`, `"name": "kargo.akuity.io/promotion"`, `"Promotion prod-142 of acme/gitops"`} {
		if !strings.Contains(b.argo.Application("web"), note) {
			t.Errorf("the operation does not carry %s", note)
		}
	}
	if slices.ContainsFunc(b.argo.Calls(), func(c string) bool { return strings.HasPrefix(c, "PATCH") }) {
		t.Error("an Application is patched whose sources do not change")
	}
	input := string(b.p.Steps[0].Health.Input)
	if input != `{"serverSecret":"ARGOCD_SERVER","tokenSecret":"ARGOCD_TOKEN","apps":[{"name":"web","namespace":"argocd","revisions":["new"]}]}` {
		t.Errorf("health check %s", input)
	}
}

func TestArgoCDUpdateChangesSources(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-update", config{"server": "https://argocd.example/", "token": "ARGOCD_TOKEN", "apps": []any{
		config{"name": "api", "namespace": "argocd", "sources": []any{
			config{"repoURL": "https://charts.example", "chart": "api", "desiredRevision": "1.1.0", "updateTargetRevision": true, "helm": config{"images": []any{config{"key": "image.tag", "value": "2"}, config{"key": "x", "value": ""}}}},
		}},
		config{"name": "api", "sources": []any{config{"repoURL": "git@github.com:acme/gitops.git", "kustomize": config{"images": []any{
			config{"repoURL": "a", "tag": "1"}, config{"repoURL": "b", "digest": "sha256:2", "newName": "c"}, config{"repoURL": "d", "newName": "e"},
		}}}}},
	}})
	b.want(0, pipeline.Running)
	var app struct {
		Spec struct{ Sources []map[string]any }
	}
	if err := json.Unmarshal([]byte(b.argo.Application("api")), &app); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"repoURL": "https://charts.example", "chart": "api", "targetRevision": "1.1.0", "helm": map[string]any{"parameters": []any{
			map[string]any{"name": "image.tag", "value": "2"}, map[string]any{"name": "x", "value": ""},
		}}},
		{"repoURL": "https://github.com/acme/gitops", "targetRevision": "main", "kustomize": map[string]any{"images": []any{"a:1", "b=c@sha256:2", "d=e"}}},
	}
	if diff := cmp.Diff(want, app.Spec.Sources); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if b.argo.Syncs("api") != 1 {
		t.Errorf("%d syncs of what two entries name", b.argo.Syncs("api"))
	}
	b.sync()
	b.want(0, pipeline.Succeeded)
}

func TestArgoCDUpdateEndsAndWaits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		set    func(b *bench)
		// twice runs the step again after what was begun has ended.
		twice    bool
		phase    pipeline.Phase
		terminal bool
		message  string
		syncs    int
	}{
		"an Application that is named needs the annotation": {
			config: apps(config{"name": "lone"}), phase: pipeline.Errored, message: "Application argocd/lone does not let Stage prod of web change it; its owner allows that with the annotation kargo.akuity.io/authorized-stage: web:prod",
		},
		"one that is selected is passed over": {
			config: apps(config{"selector": config{"matchLabels": config{"app": "shop"}}}), twice: true, phase: pipeline.Succeeded, syncs: 1,
		},
		"that no selected one may be changed is an error": {
			config: apps(config{"selector": config{"matchExpressions": []any{config{"key": "tier", "operator": "Exists"}, config{"key": "app", "operator": "NotIn", "values": []any{"x"}}}}}),
			set:    func(b *bench) { b.argo.Set("api", "metadata.annotations", nil) }, phase: pipeline.Errored, message: "none of the 2 Applications that the selector finds lets Stage prod of web",
		},
		"that nothing is selected is an error": {
			config: apps(config{"selector": config{"matchLabels": config{"app": "none"}}}), phase: pipeline.Errored, message: "there is no Application with the labels app=none",
		},
		"an Application that is not there": {config: apps(config{"name": "gone"}), phase: pipeline.Errored, message: "answered 403: permission denied (there is none of that name"},
		"a source that is not there changes nothing anywhere": {
			config: config{"apps": []any{config{"name": "web"}, config{"name": "api", "sources": []any{config{"repoURL": "https://x.example/y"}}}}},
			phase:  pipeline.Errored, message: "nothing was changed: Application argocd/api has no source with repoURL https://x.example/y",
		},
		"a sync that failed is an error": {
			config: web("old"), set: func(b *bench) { b.argo.EndWith("web", "Failed", "Degraded") }, twice: true,
			phase: pipeline.Errored, message: "Application argocd/web: the sync ended with Failed: one or more objects failed to apply", syncs: 1,
		},
		"a sync that ended elsewhere is run again": {
			config: web("new"), twice: true, phase: pipeline.Running, message: "Application argocd/web was synced to old, not to new, and is being synced again", syncs: 2,
		},
		"somebody else's operation is waited for": {
			config: web("old"), set: func(b *bench) { b.argo.Begin("web", "ana") }, phase: pipeline.Running, message: "waiting for what ana does to Application argocd/web", syncs: 1,
		},
		"and then a sync of its own begins": {
			config: web("old"), set: func(b *bench) { b.argo.Begin("web", "ana") }, twice: true, phase: pipeline.Running, message: "is being synced", syncs: 2,
		},
		"a closed sync window is waited for": {
			config: web("old"), set: func(b *bench) { b.argo.Deny("window") }, phase: pipeline.Running, message: "waiting for a sync window of Argo CD that lets Application argocd/web be synced",
		},
		"a token without the right to sync": {
			config: web("old"), set: func(b *bench) { b.argo.Deny("sync") }, phase: pipeline.Errored, message: "sync: Application argocd/web: Argo CD answered 403",
		},
		"a token without the right to change": {
			config: apps(config{"name": "web", "sources": []any{config{"repoURL": repoURL, "desiredRevision": "new", "updateTargetRevision": true}}}),
			set:    func(b *bench) { b.argo.Deny("update") }, phase: pipeline.Errored, message: "change the sources: Application argocd/web: Argo CD answered 403",
		},
		"a race that Argo CD refuses is waited out": {
			config: web("old"), set: func(b *bench) {
				b.argo.Fail(argocdtest.Fault{Method: "POST", Status: 400, Body: `{"code":9,"message":"another operation is already in progress"}`})
			},
			phase: pipeline.Running, message: "waiting for another operation on Application argocd/web",
		},
		"an Argo CD that is down is waited for": {
			config: web("old"), set: func(b *bench) { b.argo.Fail(argocdtest.Fault{Method: "GET", Status: 503}) },
			phase: pipeline.Running, message: "waiting out a fault: Application web: Argo CD answered 503",
		},
		"but not forever": {
			config: web("old"), set: func(b *bench) {
				b.p.Begin(0, b.world.Now)
				b.world.Now = b.world.Now.Add(5 * time.Minute)
				b.argo.Fail(argocdtest.Fault{Method: "GET", Status: 503})
			},
			phase: pipeline.Errored, message: "Application web: Argo CD answered 503",
		},
		"an answer that was lost is looked for": {
			config: web("old"), set: func(b *bench) { b.argo.Fail(argocdtest.Fault{Method: "POST", Status: 504, After: true}) }, twice: true,
			phase: pipeline.Succeeded, syncs: 1,
		},
		"a page in the place of an answer": {
			config: web("old"), set: func(b *bench) { b.argo.Fail(argocdtest.Fault{Method: "GET", Status: 200, Body: "<html>sign in"}) },
			phase: pipeline.Errored, message: "Application web: the answer is not Argo CD's",
		},
		"an answer without end": {
			config: web("old"), set: func(b *bench) {
				b.argo.Fail(argocdtest.Fault{Method: "GET", Status: 200, Body: strings.Repeat(" ", 8<<20+1)})
			},
			phase: pipeline.Errored, terminal: true, message: "an answer of more than 8 MiB is not read",
		},
		"a name that leads elsewhere": {
			config: apps(config{"name": "../../session?x=y"}), phase: pipeline.Errored, message: "Application ../../session?x=y: Argo CD answered 403",
		},
		"an address that may not be reached": {
			config: config{"server": "https://refused.example", "apps": []any{config{"name": "web"}}}, phase: pipeline.Errored, terminal: true, message: "loopback",
		},
		"a server that is no address": {
			config: config{"server": "argocd.example", "apps": []any{config{"name": "web"}}}, phase: pipeline.Errored, terminal: true, message: "server must begin with https://",
		},
		"a token that is not there": {
			config: config{"token": "MISSING", "apps": []any{config{"name": "web"}}}, phase: pipeline.Errored, message: "token is not given: there is no secret MISSING; store it with kargo secrets set MISSING",
		},
		"a token that is not taken": {
			config: config{"token": "a.b.c", "apps": []any{config{"name": "web"}}}, phase: pipeline.Errored, message: "401",
		},
		"neither a name nor a selector": {config: apps(config{"namespace": "x"}), phase: pipeline.Failed, terminal: true, message: "apps[0]: give one of name and selector"},
		"an empty selector":             {config: apps(config{"selector": config{}}), phase: pipeline.Failed, terminal: true, message: "apps[0].selector: matchLabels or matchExpressions must not be empty"},
		"a label that is none":          {config: apps(config{"selector": config{"matchLabels": config{"a": "b,c=d"}}}), phase: pipeline.Failed, terminal: true, message: "apps[0].selector: matchLabels"},
		"an operator that is none":      {config: apps(config{"selector": config{"matchExpressions": []any{config{"key": "a", "operator": "Gt"}}}}), phase: pipeline.Failed, terminal: true, message: `"Gt" is none of In, NotIn, Exists, DoesNotExist`},
		"In without values":             {config: apps(config{"selector": config{"matchExpressions": []any{config{"key": "a", "operator": "In"}}}}), phase: pipeline.Failed, terminal: true, message: "apps[0].selector: matchExpressions[0]"},
		"a target without a revision": {
			config: apps(config{"name": "web", "sources": []any{config{"repoURL": repoURL, "updateTargetRevision": true}}}), phase: pipeline.Failed, terminal: true, message: "apps[0].sources[0]: updateTargetRevision needs desiredRevision",
		},
		"an image with a tag and a digest": {
			config: apps(config{"name": "web", "sources": []any{config{"repoURL": repoURL, "kustomize": config{"images": []any{config{"repoURL": "a", "tag": "1", "digest": "d"}}}}}}),
			phase:  pipeline.Failed, terminal: true, message: "apps[0].sources[0].kustomize.images[0]: tag and digest exclude each other",
		},
		"no Application": {config: config{"apps": []any{}}, phase: pipeline.Failed, terminal: true, message: "apps must not be empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := argoBench(t, "argocd-update", tt.config)
			if tt.set != nil {
				tt.set(b)
			}
			res := b.run(0)
			if tt.twice {
				b.sync()
				b.crash(0)
				res = b.run(0)
			}
			if res.Phase != tt.phase || res.Terminal != tt.terminal || !strings.Contains(res.Message, tt.message) {
				t.Errorf("%s, terminal %v: %s; want %s: %s", res.Phase, res.Terminal, res.Message, tt.phase, tt.message)
			}
			for _, call := range b.argo.Calls() {
				if _, path, _ := strings.Cut(call, " "); !strings.HasPrefix(path, "/api/v1/applications") || strings.Contains(path, "..") && !strings.Contains(path, "..%2F..%2Fsession%3Fx=y") {
					t.Errorf("called %s", call)
				}
			}
			if got := b.argo.Syncs("web"); got != tt.syncs {
				t.Errorf("%d syncs of web, want %d", got, tt.syncs)
			}
		})
	}
}

// TestArgoCDUpdateKilledAnywhere stops the step before and after each of its requests.
func TestArgoCDUpdateKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n := range 12 {
			b := argoBench(t, "argocd-update", apps(config{"name": "web", "sources": []any{config{"repoURL": repoURL, "desiredRevision": "new", "updateTargetRevision": true}}}))
			b.argo.Held = false
			killed, requests := errors.New("killed"), 0
			b.world.Fault = func(op string, a bool) error {
				if op != "web" || a != after {
					return nil
				}
				if requests++; requests == n+1 {
					return killed
				}
				return nil
			}
			for pass := 0; !b.p.Steps[0].Phase.Terminal() && pass < 20; pass++ {
				b.world.Now = b.world.Now.Add(time.Second)
				res, err := b.try(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(res.Message, killed.Error()) {
					continue // nothing is recorded
				}
				b.p.Apply(0, res, b.world.Now)
			}
			if s := b.p.Steps[0]; s.Phase != pipeline.Succeeded || b.argo.Syncs("web") != 1 {
				t.Errorf("killed at request %d, after %v: %s (%s), %d syncs", n+1, after, s.Phase, s.Message, b.argo.Syncs("web"))
			}
		}
	}
}

func TestArgoCDUpdateRunsAFailedSyncAgain(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-update", web("old"))
	b.p.Stage.Steps[0].Retry.ErrorThreshold = 2
	b.argo.EndWith("web", "Failed", "Healthy")
	b.run(0)
	b.sync()
	b.run(0) // counts as an error
	b.argo.EndWith("web", "Succeeded", "Healthy")
	b.want(0, pipeline.Running)
	b.sync()
	b.want(0, pipeline.Succeeded)
	if b.argo.Syncs("web") != 2 {
		t.Errorf("%d syncs", b.argo.Syncs("web"))
	}
}

func TestArgoCDUpdateSyncsAnewWhenThePromotionIsRetried(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-update", web("old"))
	b.run(0)
	b.sync()
	b.p.Retries++
	b.want(0, pipeline.Running)
	if b.argo.Syncs("web") != 2 {
		t.Errorf("%d syncs", b.argo.Syncs("web"))
	}
}

func TestArgoCDStepsGiveUpAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	for limit, retry := range map[time.Duration]pipeline.Retry{5 * time.Minute: {}, time.Hour: {Timeout: pipeline.Duration(time.Hour)}} {
		b := argoBench(t, "argocd-update", web("old"))
		b.p.Stage.Steps[0].Retry = retry
		b.run(0)
		b.world.Now = b.world.Now.Add(limit - time.Second)
		b.run(0)
		if s := b.p.Steps[0]; s.Phase != pipeline.Running || !s.WakeAt.Equal(b.world.Now.Add(time.Second)) {
			t.Errorf("before %v: %s until %v", limit, s.Phase, s.WakeAt)
		}
		b.world.Now = b.world.Now.Add(time.Second)
		b.run(0)
		if s := b.p.Steps[0]; s.Phase != pipeline.Errored || !strings.Contains(s.Message, "timed out after") {
			t.Errorf("after %v: %s %s", limit, s.Phase, s.Message)
		}
	}
}

// TestArgoCDTokensAreNamedNotStored: what is stored with a Promotion leads to secrets and
// holds none.
func TestArgoCDTokensAreNamedNotStored(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-update", web("old"))
	run := func(template, value string) pipeline.StepResult {
		t.Helper()
		b.p.Stage.Steps[0].Config["token"] = template
		def, _ := b.steps.Lookup("argocd-update")
		b.p.Begin(0, b.world.Now)
		c := config{"apps": b.p.Stage.Steps[0].Config["apps"], "token": value}
		res, err := def.Run(t.Context(), b.env(0), c)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	run("${{ secrets.ARGOCD_TOKEN }}", "value-of-ARGOCD_TOKEN")
	b.sync()
	res := run("${{ secrets.ARGOCD_TOKEN }}", "value-of-ARGOCD_TOKEN")
	if res.Phase != pipeline.Succeeded || !strings.Contains(string(res.Health.Input), `"tokenSecret":"ARGOCD_TOKEN"`) {
		t.Errorf("%s %s: %s", res.Phase, res.Message, res.Health.Input)
	}
	if res := run("x${{ secrets.ARGOCD_TOKEN }}", "xvalue-of-ARGOCD_TOKEN"); !res.Terminal || !strings.Contains(res.Message, "token must be one secret by itself, such as ${{ secrets.ARGOCD_TOKEN }}") {
		t.Errorf("%s %s", res.Phase, res.Message)
	}
}
