package step

import (
	"context"
	"fmt"
)

// WaitForPRConfig configures git-wait-for-pr.
type WaitForPRConfig struct {
	PullConfig
}

func gitWaitForPR() Definition {
	return Define("git-wait-for-pr", Remote, Doc{
		Summary: `Waits until somebody merges a pull request, whoever that is.

Closing it unmerged aborts the Promotion. A pull request of the Promotion's own that
conflicts with its base makes it start over from its first ` + "`git-clone`" + `.`,
		Example: `
uses: git-wait-for-pr
as: wait-for-pr
config:
  repoURL: https://github.com/acme/gitops.git
  prNumber: ${{ outputs['open-pr'].pr.id }}
`,
	}, runGitWaitForPR)
}

func runGitWaitForPR(ctx context.Context, env Env, c WaitForPRConfig) (PullOutput, error) {
	pr, err := env.Pulls.Get(ctx, c.RepoURL, c.PRNumber)
	if err != nil {
		return PullOutput{}, fmt.Errorf("read pull request #%d: %w", c.PRNumber, err)
	}
	p, out, err := c.look(env, pr)
	switch {
	case err != nil:
		return out, err
	case pr.Merged:
		return out, nil
	case pr.Draft:
		return out, p.wait("pull request #%d is a draft", pr.Number)
	case p.base == p.Base && p.Head == p.expected && p.conflicts():
		return out, &RewindError{Reason: fmt.Sprintf("#%d conflicts with %s", pr.Number, pr.Base)}
	}
	return out, p.soon(&out, p.byHand(ctx, c.RepoURL))
}
