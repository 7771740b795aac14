package step_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
)

func TestArgoCDHealth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set   func(b *bench)
		state pipeline.HealthState
		issue string
		// soon is true if it is looked at again before the usual time.
		soon bool
	}{
		"healthy at its revision": {state: pipeline.HealthHealthy},
		"at another revision": {
			set: func(b *bench) { b.argo.Set("web", "status.sync.revision", "newer") }, state: pipeline.HealthUnhealthy, issue: "Application argocd/web is at newer, not at old",
		},
		"with another number of sources": {
			set: func(b *bench) { b.argo.Set("web", "status.sync.revisions", []any{"old", "1"}) }, state: pipeline.HealthUnknown, issue: "had 1 sources when it was synced and has 2 now", soon: true,
		},
		"progressing":         {set: health("Progressing"), state: pipeline.HealthProgressing, issue: "Application argocd/web is progressing", soon: true},
		"of no health yet":    {set: health(""), state: pipeline.HealthProgressing, issue: "is progressing", soon: true},
		"suspended":           {set: health("Suspended"), state: pipeline.HealthProgressing, issue: "is suspended", soon: true},
		"degraded":            {set: health("Degraded"), state: pipeline.HealthUnhealthy, issue: "is Degraded"},
		"missing":             {set: health("Missing"), state: pipeline.HealthUnhealthy, issue: "is Missing"},
		"of an invented kind": {set: health("x\n@y"), state: pipeline.HealthUnhealthy, issue: "is x @y"},
		"with an error": {
			set: func(b *bench) {
				b.argo.Set("web", "status.conditions", []any{map[string]any{"type": "InvalidSpecError", "message": "m"}})
			},
			state: pipeline.HealthUnhealthy, issue: "Application argocd/web: InvalidSpecError: m",
		},
		"with a warning": {
			set: func(b *bench) {
				b.argo.Set("web", "status.conditions", []any{map[string]any{"type": "OrphanedResourceWarning"}})
			},
			state: pipeline.HealthHealthy,
		},
		"while somebody syncs it": {
			set:   func(b *bench) { b.argo.Begin("web", "ana"); b.argo.Advance() },
			state: pipeline.HealthUnknown, issue: "its health is not relied on, because its last operation is Running", soon: true,
		},
		"after a sync that failed": {
			set:   func(b *bench) { b.argo.EndWith("web", "Failed", "Healthy"); b.argo.Begin("web", "ana"); b.sync() },
			state: pipeline.HealthUnknown, issue: "last operation is Failed", soon: true,
		},
		"that is gone":   {set: func(b *bench) { b.argo.Deny("get") }, state: pipeline.HealthUnknown, issue: "Argo CD answered 403", soon: true},
		"that is silent": {set: func(b *bench) { b.argo.Fail(argocdtest.Fault{Method: "GET", Status: 502}) }, state: pipeline.HealthUnknown, issue: "Argo CD answered 502", soon: true},
		"whose token went": {
			set: func(b *bench) { b.argo.Token = "new" }, state: pipeline.HealthUnknown, issue: "401", soon: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := argoBench(t, "argocd-update", web("old"))
			b.run(0)
			b.sync()
			b.want(0, pipeline.Succeeded)
			b.reconcile("web")
			if tt.set != nil {
				tt.set(b)
			}
			f := b.look()
			if f.State != tt.state || (len(f.Issues) > 0) != (tt.issue != "") || !strings.Contains(strings.Join(f.Issues, "\n"), tt.issue) {
				t.Errorf("%s %q, want %s %s", f.State, f.Issues, tt.state, tt.issue)
			}
			if tt.soon == f.WakeAt.IsZero() {
				t.Errorf("looked at again at %v", f.WakeAt)
			}
		})
	}
}

func health(status string) func(b *bench) {
	return func(b *bench) { b.argo.Set("web", "status.health.status", status) }
}

func TestArgoCDHealthHasArgoCDLookFirst(t *testing.T) {
	t.Parallel()
	b := argoBench(t, "argocd-update", config{"apps": []any{config{"name": "web"}, config{"name": "api"}}})
	b.argo.EndWith("api", "Succeeded", "Degraded")
	b.run(0)
	b.sync()
	b.want(0, pipeline.Succeeded)
	// Both were healthy before the sync, and that is all that Argo CD knows.
	f := b.look()
	if f.State != pipeline.HealthUnhealthy || !slices.Equal(f.Issues, []string{"Application argocd/api is Degraded"}) {
		t.Errorf("%s %q: the worst counts", f.State, f.Issues)
	}
}
