package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// PushConfig configures git-push.
type PushConfig struct {
	Path                 string `json:"path" doc:"the path of a checkout"`
	TargetBranch         string `json:"targetBranch,omitempty" doc:"branch to push to; default the branch that was checked out"`
	GenerateTargetBranch bool   `json:"generateTargetBranch,omitempty" doc:"push to a branch of the Promotion's own, kargo/STAGE/PROMOTION"`
	Tag                  string `json:"tag,omitempty" doc:"not available in this version"`
	MaxAttempts          *int   `json:"maxAttempts,omitempty" doc:"how often a push that lost a race is tried; default 10"`
	Force                bool   `json:"force,omitempty" doc:"replace what the branch holds instead of adding to it"`
	Provider             string `json:"provider,omitempty" doc:"github, which is also the default"`
}

// PushOutput is the output of git-push.
type PushOutput struct {
	Commit    string `json:"commit" doc:"the newest commit of the branch"`
	Branch    string `json:"branch" doc:"the branch"`
	CommitURL string `json:"commitURL,omitempty" doc:"where to look at the commit"`
	Repo      string `json:"repo,omitempty" doc:"OWNER/NAME of the repository"`
}

func gitPush() Definition {
	return Define("git-push", Publish, Doc{
		Summary: `Publishes the commits of a checkout on a branch.

A generated branch belongs to the Promotion and is replaced. On any other branch
the commits go on top of what it holds by now, merged by line. When they do not
fit, the Promotion starts over from its first ` + "`git-clone`" + ` if the branch is the one
that was checked out, and fails if it is another. While a promotion window or a freeze
closes the Stage only the generated branch is pushed to. With nothing to push the step is
Skipped and its output names the newest commit.`,
		Example: `
uses: git-push
as: push
config:
  path: src
  generateTargetBranch: true
`,
	}, runGitPush)
}

const defaultPushAttempts = 10

// Validate implements the rules over several fields.
func (c PushConfig) Validate() error {
	switch {
	case c.Tag != "" && c.Force:
		return errors.New("force has no meaning for a tag")
	case c.Tag != "":
		return errors.New("pushing a tag is not available in this version")
	case c.TargetBranch != "" && c.GenerateTargetBranch:
		return errors.New("give only one of targetBranch and generateTargetBranch")
	case c.MaxAttempts != nil && *c.MaxAttempts < 1:
		return errors.New("maxAttempts must be at least 1")
	case c.TargetBranch != "" && plumbing.NewBranchReferenceName(c.TargetBranch).Validate() != nil:
		return fmt.Errorf("targetBranch %q is not a branch name", c.TargetBranch)
	}
	return checkProvider(c.Provider)
}

func runGitPush(ctx context.Context, env Env, c PushConfig) (PushOutput, error) {
	co, err := env.Workspace.Checkout(c.Path)
	if err != nil {
		return PushOutput{}, fmt.Errorf("push: %w", err)
	}
	branch := cmp.Or(c.TargetBranch, co.Branch)
	if c.GenerateTargetBranch {
		branch = pipeline.PromotionBranch(env.Promotion)
	}
	if branch == "" {
		return PushOutput{}, &PermanentError{fmt.Errorf("push: a tag or commit is checked out at %s: give targetBranch or generateTargetBranch", c.Path)}
	}
	out := PushOutput{Commit: commitName(co.Tip()), Branch: branch}
	if repo, err := repoOf(co.RepoURL); err == nil {
		out.Repo = repo.String()
	}
	if len(co.Pending()) == 0 {
		return out, &SkipError{Message: "nothing to push"}
	}
	attempts := defaultPushAttempts
	if c.MaxAttempts != nil {
		attempts = *c.MaxAttempts
	}
	own := branch == pipeline.PromotionBranch(env.Promotion) || c.Force
	res, err := env.Git.Push(ctx, co, PushRequest{
		Branch: branch, Own: own, Promotion: env.Promotion.ID,
		Again: env.Attempt > 1 || env.Prior != nil, Attempts: attempts,
	})
	var conflict *tree.ConflictError
	if errors.As(err, &conflict) && !own {
		if co.Branch == branch {
			return PushOutput{}, &RewindError{Reason: fmt.Sprintf("branch %s moved: %v", branch, conflict)}
		}
		// Another start would build the same commits from the same source.
		return PushOutput{}, &FailedError{Err: fmt.Errorf("push to %s: %w", branch, conflict), Terminal: true}
	}
	if err != nil {
		return PushOutput{}, fmt.Errorf("push to %s: %w", branch, err)
	}
	out.Commit, out.CommitURL = res.Commit, res.URL
	return out, nil
}

// checkProvider accepts the one Git host that there is. Kargo knows several.
func checkProvider(name string) error {
	if name != "" && name != "github" {
		return fmt.Errorf("provider %q: only github is available", name)
	}
	return nil
}
