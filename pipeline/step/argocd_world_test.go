package step_test

import (
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

// newArgo puts an Argo CD into a World. Its Applications web and api let the Stage prod
// of the pipeline web change them, and lone does not.
func newArgo(t *testing.T, w *steptest.World) *argocdtest.Server {
	t.Helper()
	s := argocdtest.New("value-of-ARGOCD_TOKEN", func() time.Time { return w.Now })
	for _, manifest := range []string{`
metadata: {name: web, labels: {app: shop}, annotations: {kargo.akuity.io/authorized-stage: "web:prod"}}
spec: {source: {repoURL: "https://github.com/acme/gitops", targetRevision: main}}
`, `
metadata: {name: api, labels: {app: shop, tier: back}, annotations: {kargo.akuity.io/authorized-stage: "other:test, web:prod"}}
spec:
  sources:
    - {repoURL: "https://charts.example", chart: api, targetRevision: 1.0.0, helm: {parameters: [{name: image.tag, value: "1"}]}}
    - {repoURL: "https://github.com/acme/gitops", targetRevision: main}
`, `
metadata: {name: lone, labels: {app: shop, tier: back}}
spec: {source: {repoURL: "https://github.com/acme/gitops", targetRevision: main}}
`} {
		if err := s.Add(manifest); err != nil {
			t.Fatal(err)
		}
	}
	s.SetRevision("https://github.com/acme/gitops", "main", "old")
	w.Web.Serve("argocd.example", s.ServeHTTP)
	return s
}

// argoBench is a bench with one step, whose Argo CD stands still.
func argoBench(t *testing.T, uses string, c config) *bench {
	t.Helper()
	b := newBench(t, use(uses, c))
	b.argo.Held = true
	return b
}

// apps is a config with one entry.
func apps(entry config) config { return config{"apps": []any{entry}} }

// web is a config with the Application web, which shall be synced to a revision.
func web(revision string) config {
	return apps(config{"name": "web", "sources": []any{config{"repoURL": repoURL, "desiredRevision": revision}}})
}

// sync has Argo CD end what it has under way.
func (b *bench) sync() {
	b.argo.Advance()
	b.argo.Advance()
}

// reconcile has Argo CD look at an Application.
func (b *bench) reconcile(name string) {
	b.t.Helper()
	b.argo.Set(name, "status.reconciledAt", b.world.Now.Add(time.Minute).Format(time.RFC3339))
}

// look asks the health check that the last step registered.
func (b *bench) look() pipeline.HealthFinding {
	b.t.Helper()
	check := b.p.Steps[len(b.p.Steps)-1].Health
	if check == nil {
		b.t.Fatal("no health check is registered")
	}
	def, _ := b.steps.Lookup(check.Kind)
	return def.CheckHealth(b.t.Context(), step.HealthEnv{Ports: b.env(0).Ports, Promotion: b.p, Secret: b.secret}, check.Input)
}
