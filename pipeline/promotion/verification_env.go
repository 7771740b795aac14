package promotion

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// VerificationEnv builds what the arguments of a VerificationRun see: ctx with
// project and stage, the variables of the pipeline and of the Stage (not those of the
// promotion template, as in Kargo), the Freight that is verified, what steps noted about
// it and about Stages, and what has become of Freight. Its errors are about the variables'
// own expressions.
func VerificationEnv(run *pipeline.VerificationRun, site Site) (expr.Env, error) {
	env := expr.Env{
		Ctx: map[string]any{
			"uiBaseUrl":    site.PublicURL,
			"project":      run.Pipeline,
			"pipeline":     run.Pipeline,
			"stage":        run.Stage.LocalName(),
			"promotion":    run.Promotion,
			"verification": run.ID,
			"commit":       run.Commit,
		},
		Vars:    map[string]any{},
		Freight: freight(run.Collection), FreightMetadata: metadata(run.Collection), StageMetadata: site.Stages,
		FreightStatus: site.FreightStatus,
		Extra:         map[string]any{"github": githubContext(&pipeline.Promotion{Repo: run.Repo}, site)},
	}
	for _, vars := range [][]pipeline.Var{run.Vars, run.Stage.Vars} {
		if err := evaluateVars(&env, vars); err != nil {
			return expr.Env{}, err
		}
	}
	return env, nil
}
