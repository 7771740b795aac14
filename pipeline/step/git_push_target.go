package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// pushTarget is what the steps that push commits have in common.
type pushTarget struct {
	path, branch    string
	generate, force bool
	attempts        *int
}

const defaultPushAttempts = 10

func (t pushTarget) validate() error {
	switch {
	case t.branch != "" && t.generate:
		return errors.New("give only one of targetBranch and generateTargetBranch")
	case t.attempts != nil && *t.attempts < 1:
		return errors.New("maxAttempts must be at least 1")
	case t.branch != "" && plumbing.NewBranchReferenceName(t.branch).Validate() != nil:
		return fmt.Errorf("targetBranch %q is not a branch name", t.branch)
	}
	return nil
}

// push publishes what is pending after prepare, which may be nil, had its way with it.
func (t pushTarget) push(ctx context.Context, env Env, prepare func(*tree.Checkout) error) (PushOutput, error) {
	co, err := env.Workspace.Checkout(t.path)
	if err != nil {
		return PushOutput{}, fmt.Errorf("push: %w", err)
	}
	if env.Replaying {
		return replayPush(ctx, env, co)
	}
	branch := cmp.Or(t.branch, co.Branch)
	if t.generate {
		branch = pipeline.PromotionBranch(env.Promotion)
	}
	if branch == "" {
		return PushOutput{}, &PermanentError{fmt.Errorf("push: a tag or commit is checked out at %s: give targetBranch or generateTargetBranch", t.path)}
	}
	out := PushOutput{Commit: commitName(co.Tip()), Branch: branch, Repo: repoName(co.RepoURL)}
	if len(co.Pending()) == 0 {
		return out, &SkipError{Message: "nothing to push"}
	}
	if prepare != nil {
		if err := prepare(co); err != nil {
			return PushOutput{}, err
		}
	}
	attempts := defaultPushAttempts
	if t.attempts != nil {
		attempts = *t.attempts
	}
	own := ownBranch(env, branch) || t.force
	res, err := env.Git.Push(ctx, co, PushRequest{
		Branch: branch, Own: own, Promotion: env.Promotion.ID,
		Again: env.Attempt > 1 || env.Prior != nil, Attempts: attempts,
	})
	var conflict *tree.ConflictError
	switch {
	case errors.As(err, &conflict) && !own:
		return PushOutput{}, conflicted(co, branch, conflict)
	case err != nil:
		return PushOutput{}, fmt.Errorf("push to %s: %w", branch, err)
	}
	out.Commit, out.CommitURL = res.Commit, res.URL
	return out, nil
}

// replayPush leaves the checkout at the commits that were pushed, which may have
// been put on a newer base than the one that was checked out.
func replayPush(ctx context.Context, env Env, co *tree.Checkout) (PushOutput, error) {
	out, err := recorded[PushOutput](env)
	if err != nil || len(co.Pending()) == 0 || env.Promotion.Steps[env.Index].Phase != pipeline.Succeeded {
		return out, err
	}
	pushed, err := env.Git.Checkout(ctx, co.RepoURL, Ref{Commit: out.Commit})
	if err != nil {
		return out, fmt.Errorf("commit %s: %w", pipeline.Short(out.Commit), err)
	}
	if err := co.Adopt(ctx, pushed.Head, pushed.HeadTree()); err != nil {
		return out, fmt.Errorf("commit %s: %w", pipeline.Short(out.Commit), err)
	}
	return out, nil
}

// recorded is the output of the pass that is replayed.
func recorded[O any](env Env) (out O, err error) {
	if err := json.Unmarshal(env.Prior, &out); err != nil {
		return out, &PermanentError{fmt.Errorf("recorded output: %w", err)}
	}
	return out, nil
}
