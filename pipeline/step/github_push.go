package step

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// GitHubPushConfig configures github-push.
type GitHubPushConfig struct {
	Path                  string `json:"path" doc:"the path of a checkout"`
	TargetBranch          string `json:"targetBranch,omitempty" doc:"branch to push to; default the branch that was checked out"`
	GenerateTargetBranch  bool   `json:"generateTargetBranch,omitempty" doc:"push to a branch of the Promotion's own, kargo/STAGE/PROMOTION"`
	MaxAttempts           *int   `json:"maxAttempts,omitempty" doc:"how often a push that lost a race is tried; default 10"`
	Force                 bool   `json:"force,omitempty" doc:"replace what the branch holds instead of adding to it"`
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// maxVerified is how many commits github-push makes at most: every one costs
// several requests.
const maxVerified = 10

func githubPush() Definition {
	return Define("github-push", Publish, Doc{
		Summary: `Publishes the commits of a checkout so that GitHub signs every one of them and shows it as verified.

It is ` + "`git-push`" + `, which publishes through the same API, with one difference: commits for
which an author was named are made in the App's name nevertheless, because GitHub signs no
others, and the author becomes a ` + "`Co-authored-by`" + ` trailer. Branches, conflicts, races and
outputs are those of ` + "`git-push`" + `. Kargo pushes to a staging reference first and removes it
again; here there is none. More than 10 commits are a failure for good: squash them into
fewer ` + "`git-commit`" + ` steps, or use ` + "`git-push`" + `.`,
		Example: `
uses: github-push
as: push
config:
  path: src
  targetBranch: main
`,
	}, runGitHubPush).andReplayed()
}

// Validate implements the rules over several fields.
func (c GitHubPushConfig) Validate() error { return c.target().validate() }

func (c GitHubPushConfig) target() pushTarget {
	return pushTarget{path: c.Path, branch: c.TargetBranch, generate: c.GenerateTargetBranch, force: c.Force, attempts: c.MaxAttempts}
}

func runGitHubPush(ctx context.Context, env Env, c GitHubPushConfig) (PushOutput, error) {
	return c.target().push(ctx, env, func(co *tree.Checkout) error {
		if n := len(co.Pending()); n > maxVerified {
			return &FailedError{Terminal: true, Err: fmt.Errorf("push: %d commits are pending at %s, and at most %d are made verified at once; use fewer git-commit steps, or git-push", n, c.Path, maxVerified)}
		}
		co.Rewrite(func(message string, author *tree.Person) (string, *tree.Person) {
			if author == nil {
				return message, nil
			}
			return asCoAuthor(message, author), nil
		})
		return nil
	})
}
