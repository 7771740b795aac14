package promotion_test

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
)

// deployedProd is a Stage whose Promotions end with a sync by Argo CD, and whose
// verification waits for the health of what was synced.
func deployedProd() pipeline.Stage {
	s := verifiedProd()
	s.Steps = append(s.Steps, use("argocd-update", config{
		"server": "https://argocd.example", "token": "a.b.c",
		"apps": []any{config{"name": "web", "sources": []any{config{"repoURL": repoURL, "desiredRevision": "v2", "updateTargetRevision": true}}}},
	}))
	return s
}

// deployed puts an Argo CD into the world. Nothing is left to do once what it deployed
// was found healthy and is verified.
func (c *town) deployed() {
	c.argo = argocdtest.New("a.b.c", func() time.Time { return c.world.Now })
	c.ok(c.argo.Add(`
metadata: {name: web, annotations: {kargo.akuity.io/authorized-stage: "web:prod"}}
spec: {source: {repoURL: "https://github.com/acme/gitops.git", targetRevision: v1}}
`))
	c.world.Web.Serve("argocd.example", c.argo.ServeHTTP)
	c.over = func(due time.Time) bool {
		if due.Sub(c.world.Now) < 4*time.Minute || !c.promotion("prod-1").Phase.Terminal() {
			return false
		}
		s, err := c.db.Snapshot(context.Background(), repo.ID)
		c.ok(err)
		return len(s.Health) == 1 && s.Health[0].State == pipeline.HealthHealthy &&
			len(s.Verifications) == 1 && s.Verifications[0].Phase.Terminal()
	}
}

// judgeDeployed requires one sync and the reading of a health that came of it.
func (c *town) judgeDeployed() {
	c.t.Helper()
	if n := c.argo.Syncs("web"); n != 1 {
		c.t.Errorf("%d syncs", n)
	}
	if r := c.health(); r.Promotion != "prod-1" || r.State != pipeline.HealthHealthy {
		c.t.Errorf("health %+v", r)
	}
}
