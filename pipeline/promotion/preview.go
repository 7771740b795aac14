package promotion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Preview is what a Promotion would change.
type Preview struct {
	// Workspace holds the files as the steps would leave them, with the commits
	// that they would make pending.
	Workspace *tree.Workspace
	// Promotion carries the phases and outputs of the steps that ran.
	Promotion *pipeline.Promotion
	// Commits is the number of git-commit steps that ran, Changes that of those
	// which found something to commit.
	Commits, Changes int
	// Skipped names the steps that were left out because they reach outside.
	Skipped []string
}

// Unchanged reports whether the files hold already what the Freight asks for.
// Without a git-commit step nothing is known, and the answer is no.
func (p Preview) Unchanged() bool { return p.Commits > 0 && p.Changes == 0 }

// placeholder stands for any secret: a preview shows what it finds to everybody, and may
// be of a pipeline that anybody proposed.
func placeholder(string) (string, error) { return secret.Placeholder, nil }

// DryRun executes the Workspace steps of a Promotion and nothing that reaches
// outside. git.Commit must have no effect beyond naming a commit.
func DryRun(ctx context.Context, steps *step.Registry, ports step.Ports, p pipeline.Promotion, site Site, log *slog.Logger) (Preview, error) {
	pr := pipeline.NewPromotion(p)
	pr.Start(ports.Now(), p.Previous)
	view := Preview{Workspace: tree.NewWorkspace(), Promotion: &pr}
	for i := range pr.Steps {
		spec := pr.Stage.Steps[i]
		def, ok := steps.Lookup(spec.Uses)
		if !ok {
			return view, fmt.Errorf("step %s: unknown step %q", spec.As, spec.Uses)
		}
		if def.Kind() != step.Workspace {
			pr.Skip(i, ports.Now(), "left out of a preview")
			view.Skipped = append(view.Skipped, spec.As)
			continue
		}
		env, err := newExprEnv(&pr, i, site)
		if err != nil {
			return view, fmt.Errorf("step %s: %w", spec.As, err)
		}
		run, why, err := condition(&pr, i, env)
		if err != nil {
			return view, fmt.Errorf("step %s: if: %w", spec.As, err)
		}
		if !run {
			pr.Skip(i, ports.Now(), why)
			continue
		}
		if err := def.CheckSecrets(spec.Config); err != nil {
			return view, fmt.Errorf("step %s: %w", spec.As, err)
		}
		env, err = env.withSecrets(spec.Config, placeholder)
		if err != nil {
			return view, fmt.Errorf("step %s: config: %w", spec.As, err)
		}
		config, err := env.config(spec)
		if err != nil {
			return view, fmt.Errorf("step %s: %w", spec.As, err)
		}
		pr.Begin(i, ports.Now())
		res, err := def.Run(ctx, step.Env{
			Ports: ports, Promotion: &pr, Index: i, Workspace: view.Workspace, Attempt: 1, Log: log,
		}, config)
		if err != nil {
			return view, fmt.Errorf("step %s: %w", spec.As, err)
		}
		pr.Apply(i, res, ports.Now())
		switch {
		case res.Phase != pipeline.Succeeded && res.Phase != pipeline.Skipped:
			if spec.ContinueOnError {
				continue
			}
			return view, fmt.Errorf("step %s: %w", spec.As, errors.New(res.Message))
		case spec.Uses == "git-commit":
			view.Commits++
			if res.Phase == pipeline.Succeeded {
				view.Changes++
			}
		}
	}
	return view, nil
}
