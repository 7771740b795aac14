package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// PushConfig configures git-push.
type PushConfig struct {
	Path                 string `json:"path" doc:"the path of a checkout"`
	TargetBranch         string `json:"targetBranch,omitempty" doc:"branch to push to; default the branch that was checked out"`
	GenerateTargetBranch bool   `json:"generateTargetBranch,omitempty" doc:"push to a branch of the Promotion's own, kargo/STAGE/PROMOTION"`
	Tag                  string `json:"tag,omitempty" doc:"push this tag, which git-tag made, and no branch"`
	MaxAttempts          *int   `json:"maxAttempts,omitempty" doc:"how often a push that lost a race is tried; default 10"`
	Force                bool   `json:"force,omitempty" doc:"replace what the branch holds instead of adding to it; not with tag"`
	Provider             string `json:"provider,omitempty" doc:"github, which is also the default"`
}

// PushOutput is the output of git-push and github-push.
type PushOutput struct {
	Commit    string `json:"commit" doc:"the newest of the pushed commits; the tagged one for a tag"`
	Branch    string `json:"branch" doc:"the branch; for a tag the one that is checked out"`
	CommitURL string `json:"commitURL,omitempty" doc:"where to look at the commit"`
	Repo      string `json:"repo,omitempty" doc:"OWNER/NAME of the repository"`
}

func gitPush() Definition {
	return Define("git-push", Publish, Doc{
		Summary: `Publishes the commits of a checkout on a branch, or a tag.

A generated branch belongs to the Promotion and is replaced. On any other branch
the commits go on top of what it holds by now, merged by line. That is Kargo's
` + "`RebaseOrMerge`" + `: commits are made in the App's name when they are published, so putting
them on another base misrepresents nobody's signature and a merge is never needed. When
they do not fit, the Promotion starts over from its first ` + "`git-clone`" + ` if the branch is the
one that was checked out, so that the change is made again on what is there now, where
Kargo fails; if it is another branch, the step fails for good. Either names the files.

Only a lost race is tried again. Promotions that push to one branch at the same time do not
race each other: they take turns within one server, and those that wait share one update of
the branch, each with commits of its own. While a promotion window or a freeze closes the Stage
only the generated branch is pushed to. With nothing to push the step is Skipped and its
output names the newest commit.

A tag that exists with the same commit and message was pushed before, which is success.
Any other tag of that name is an error unless ` + "`git-tag`" + ` was told ` + "`force`" + `.`,
		Example: `
uses: git-push
as: push
config:
  path: src
  generateTargetBranch: true
`,
	}, runGitPush).andReplayed()
}

// Validate implements the rules over several fields.
func (c PushConfig) Validate() error {
	if c.Tag != "" {
		switch {
		case c.Force:
			return errors.New("force has no meaning for a tag; see force of git-tag")
		case c.TargetBranch != "" || c.GenerateTargetBranch:
			return errors.New("give only one of targetBranch, generateTargetBranch and tag")
		}
		return errors.Join(checkTag(c.Tag), checkProvider(c.Provider))
	}
	return errors.Join(c.target().validate(), checkProvider(c.Provider))
}

func (c PushConfig) target() pushTarget {
	return pushTarget{path: c.Path, branch: c.TargetBranch, generate: c.GenerateTargetBranch, force: c.Force, attempts: c.MaxAttempts}
}

func runGitPush(ctx context.Context, env Env, c PushConfig) (PushOutput, error) {
	if c.Tag != "" {
		return pushTag(ctx, env, c)
	}
	return c.target().push(ctx, env, nil)
}

// pushTag publishes a tag. Branches stay as they are, so that there is nothing to
// replay.
func pushTag(ctx context.Context, env Env, c PushConfig) (PushOutput, error) {
	co, err := env.Workspace.Checkout(c.Path)
	if err != nil {
		return PushOutput{}, fmt.Errorf("push tag: %w", err)
	}
	if env.Replaying {
		return recorded[PushOutput](env)
	}
	t, ok := co.Tag(c.Tag)
	switch {
	case !ok:
		return PushOutput{}, &PermanentError{fmt.Errorf("push tag: no git-tag step made %s at %s", c.Tag, c.Path)}
	case env.Tags == nil:
		return PushOutput{}, &PermanentError{errors.New("push tag: tags cannot be published here")}
	}
	out := PushOutput{Commit: commitName(t.Commit), Branch: co.Branch, Repo: repoName(co.RepoURL)}
	out.CommitURL, err = env.Tags.PushTag(ctx, co.RepoURL, t)
	var exists *TagExistsError
	switch {
	case errors.As(err, &exists):
		return PushOutput{}, exists
	case err != nil:
		return PushOutput{}, fmt.Errorf("push tag %s: %w", c.Tag, err)
	}
	return out, nil
}

// checkProvider accepts the one Git host that there is. Kargo knows several.
func checkProvider(name string) error {
	if name != "" && name != "github" {
		return fmt.Errorf("provider %q: only github is available", name)
	}
	return nil
}

// repoName is OWNER/NAME, empty for a URL that does not end so.
func repoName(repoURL string) string {
	repo, err := repoOf(repoURL)
	if err != nil {
		return ""
	}
	return repo.String()
}

// conflicted translates commits that do not fit their branch.
func conflicted(co *tree.Checkout, branch string, err error) error {
	if co.Branch == branch {
		return &RewindError{Reason: fmt.Sprintf("branch %s moved: %v", branch, err)}
	}
	// Another start would build the same commits from the same source.
	return &FailedError{Err: fmt.Errorf("push to %s: %w", branch, err), Terminal: true}
}

// ownBranch reports whether a branch belongs to the Promotion alone.
func ownBranch(env Env, branch string) bool { return branch == pipeline.PromotionBranch(env.Promotion) }
