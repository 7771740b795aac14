package promotion_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/promotion"
)

func TestWhatArgumentsOfAVerificationSee(t *testing.T) {
	t.Parallel()
	run := &pipeline.VerificationRun{
		ID: "shop/prod-v3", Repo: pipeline.Repo{Owner: "acme", Name: "gitops"}, Pipeline: "shop", Commit: "abc",
		Vars: []pipeline.Var{{Name: "region", Value: "eu"}, {Name: "host", Value: "${{ ctx.stage }}.acme.dev"}},
		Stage: pipeline.Stage{
			Name: "shop/prod", Vars: []pipeline.Var{{Name: "region", Value: "us"}}, TemplateVars: []pipeline.Var{{Name: "only", Value: "template"}},
		},
		Collection: []pipeline.Freight{{
			ID: "f", Warehouse: "shop/web", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.20"}},
		}},
	}
	env, err := promotion.VerificationEnv(run, promotion.Site{
		ServerURL: "https://github.com", DefaultBranch: "main", Stages: map[string]map[string]any{"prod": {"ticket": "CHG-7"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ source, want string }{
		"the Stage's name without its pipeline's": {"${{ ctx.stage }}", "prod"},
		"the project":                               {"${{ ctx.project }}", "shop"},
		"the Stage's vars over the pipeline's":      {"${{ vars.region }}", "us"},
		"vars that hold expressions":                {"${{ vars.host }}", "prod.acme.dev"},
		"no vars of the promotion template":         {"${{ vars.only ?? 'none' }}", "none"},
		"the Freight":                               {"${{ quote(imageFrom('ghcr.io/acme/web').Tag) }}", "1.20"},
		"the Freight of one Warehouse":              {"v${{ imageFrom('ghcr.io/acme/web', warehouse('web')).Tag }}", "v1.20"},
		"what steps noted about a Stage":            {"${{ stageMetadata('prod').ticket }}", "CHG-7"},
		"the repository":                            {"${{ github.repository }}", "acme/gitops"},
		"the commit that the Promotion left behind": {"${{ ctx.commit }}", "abc"},
	} {
		if got, err := expr.Evaluate(tt.source, env); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, tt.want)
		}
	}
	run.Vars = []pipeline.Var{{Name: "bad", Value: "${{ nope() }}"}}
	if _, err := promotion.VerificationEnv(run, promotion.Site{}); err == nil {
		t.Error("a bad variable is no error")
	}
}
