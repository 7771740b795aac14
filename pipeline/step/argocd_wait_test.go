package step_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestArgoCDWait(t *testing.T) {
	t.Parallel()
	waitFor := func(words ...any) config { return apps(config{"name": "web", "waitFor": words}) }
	for name, tt := range map[string]struct {
		config   config
		set      func(b *bench)
		phase    pipeline.Phase
		terminal bool
		message  string
	}{
		"by default for health": {
			config: apps(config{"name": "web"}), set: func(b *bench) {
				b.argo.Set("web", "status.sync.status", "Synced")
				b.argo.Set("web", "status.health.status", "Progressing")
			}, phase: pipeline.Running, message: "Application argocd/web is Progressing",
		},
		"by default for sync":      {config: apps(config{"name": "web"}), phase: pipeline.Running, message: "Application argocd/web is OutOfSync"},
		"by default for operation": {config: apps(config{"name": "web"}), set: func(b *bench) { b.argo.Begin("web", "ana") }, phase: pipeline.Running, message: "waiting for what ana does to Application argocd/web"},
		"all three hold":           {config: apps(config{"name": "web"}), set: func(b *bench) { b.argo.Set("web", "status.sync.status", "Synced") }, phase: pipeline.Succeeded},
		"no annotation is needed":  {config: apps(config{"name": "lone", "waitFor": []any{"health"}}), phase: pipeline.Succeeded},
		"one of the healths will do": {
			config: waitFor("health", "suspended"), set: func(b *bench) { b.argo.Set("web", "status.health.status", "Suspended") }, phase: pipeline.Succeeded,
		},
		"even degraded": {
			config: waitFor("degraded"), set: func(b *bench) { b.argo.Set("web", "status.health.status", "Degraded") }, phase: pipeline.Succeeded,
		},
		"a health that is not asked for": {
			config: waitFor("suspended"), phase: pipeline.Running, message: "is Healthy",
		},
		"sync beside a health must hold": {config: waitFor("health", "sync"), phase: pipeline.Running, message: "OutOfSync"},
		"an operation alone does not care for the rest": {
			config: waitFor("operation"), set: func(b *bench) { b.argo.Set("web", "status.health.status", "Missing") }, phase: pipeline.Succeeded,
		},
		"health without asking for operations": {
			config: waitFor("health"), set: func(b *bench) { b.argo.Begin("web", "ana") }, phase: pipeline.Succeeded,
		},
		"all that are selected": {
			config: apps(config{"selector": config{"matchLabels": config{"app": "shop"}}, "waitFor": []any{"sync"}}), set: func(b *bench) { b.argo.Set("api", "status.sync.status", "Synced") },
			phase: pipeline.Running, message: "Application argocd/web is OutOfSync; Application argocd/lone is OutOfSync",
		},
		"an error of the sources ends it": {
			config: waitFor("operation"), set: func(b *bench) {
				b.argo.Set("web", "status.conditions", []any{map[string]any{"type": "ComparisonError", "message": "no such\nbranch"}, map[string]any{"type": "SharedResourceWarning"}})
			}, phase: pipeline.Errored, terminal: true, message: "Application argocd/web: ComparisonError: no such branch",
		},
		"a word that is none":  {config: waitFor("healthy"), phase: pipeline.Failed, terminal: true, message: `apps[0].waitFor[0]: "healthy" is none of health, sync, operation, suspended, degraded`},
		"a word that is twice": {config: waitFor("sync", "sync"), phase: pipeline.Failed, terminal: true, message: "twice"},
		"name and selector":    {config: apps(config{"name": "a", "selector": config{"matchLabels": config{"a": "b"}}}), phase: pipeline.Failed, terminal: true, message: "one of name and selector"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := argoBench(t, "argocd-wait", tt.config)
			if tt.set != nil {
				tt.set(b)
			}
			res := b.run(0)
			if res.Phase != tt.phase || res.Terminal != tt.terminal || !strings.Contains(res.Message, tt.message) {
				t.Errorf("%s, terminal %v: %s; want %s: %s", res.Phase, res.Terminal, res.Message, tt.phase, tt.message)
			}
			if res.Health != nil {
				t.Error("a health check is registered")
			}
		})
	}
}

func TestArgoCDWaitEndsWithASlideIntoDegraded(t *testing.T) {
	t.Parallel()
	for before, ends := range map[string]bool{"Healthy": true, "Progressing": true, "Missing": true, "Unknown": false, "Degraded": false, "": false} {
		b := argoBench(t, "argocd-wait", apps(config{"name": "web", "waitFor": []any{"health", "sync"}}))
		if before != "" {
			b.argo.Set("web", "status.health.status", before)
			b.want(0, pipeline.Running)
		}
		b.argo.Set("web", "status.health", map[string]any{"status": "Degraded", "message": "it crashes"})
		res := b.run(0)
		if res.Terminal != ends || ends && !strings.Contains(res.Message, "Application argocd/web turned from "+before+" to Degraded: it crashes") {
			t.Errorf("from %q: %s %s", before, res.Phase, res.Message)
		}
		out := output[step.ArgoCDWaitOutput](b, 0)
		if diff := cmp.Diff(map[string]string{"argocd/web": "Degraded"}, out.HealthStatus); diff != "" || len(out.Apps) != 1 || out.Apps[0].Name != "web" {
			t.Errorf("output %+v", out)
		}
	}
}

func TestArgoCDWaitForgetsWhatWasBeforeARetry(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-wait", apps(config{"name": "web", "waitFor": []any{"health", "sync"}}))
	b.want(0, pipeline.Running)
	b.argo.Set("web", "status.health.status", "Degraded")
	b.p.Retries++
	if res := b.want(0, pipeline.Running); !strings.Contains(res.Message, "is Degraded") {
		t.Error(res.Message)
	}
}

func TestArgoCDWaitDoesNotTrustOldHealth(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-wait", apps(config{"name": "web", "waitFor": []any{"health"}}))
	b.argo.Begin("web", "ana")
	b.sync()
	b.argo.EndWith("web", "Succeeded", "Progressing")
	if res := b.want(0, pipeline.Running); res.Message != "Application argocd/web is Progressing" {
		t.Errorf("%s: Argo CD looks before it answers", res.Message)
	}
	b.argo.Set("web", "status.operationState.finishedAt", b.world.Now.Add(time.Hour).Format(time.RFC3339))
	b.argo.EndWith("web", "Succeeded", "Healthy")
	b.want(0, pipeline.Succeeded)
}
