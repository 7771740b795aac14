package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// MergePRConfig configures git-merge-pr.
type MergePRConfig struct {
	PullConfig
	Wait        bool   `json:"wait,omitempty" doc:"wait until the pull request can be merged; otherwise one that cannot is a failure"`
	MergeMethod string `json:"mergeMethod,omitempty" doc:"squash, merge or rebase; default the Stage's method, else squash"`
}

func gitMergePR() Definition {
	return Define("git-merge-pr", Remote, Doc{
		Summary: `Merges a pull request once everything that guards it allows it.

These are looked at in order: that it is no draft; that its base and its head
are still what the Promotion opened and pushed; that it does not conflict with its base; that
neither a promotion window nor a freeze closes the Stage; the
checks that the repository requires; the approvals that the Stage demands; what
the Git host says. The App never merges past branch protection, even where it
could. A conflict, or a base that must be caught up with, makes the Promotion start
over from its first ` + "`git-clone`" + `. Somebody else merging it is as good; closing it
unmerged aborts the Promotion.

Where a ruleset of the base wants a merge queue, or the Stage says ` + "`merge: queue`" + `, the pull
request is put into the queue instead of being merged, bound to the head that was pushed, and
the step waits for what comes of it; the queue decides the method and the message then. One
that the queue gives back unmerged is not put there again: the step waits, or without ` + "`wait`" + `
fails, with the host's reason. What a branch's rules still want, such as a review by code
owners, is said while it is waited for.

A state that lasts for moments, such as the host still computing, is always waited
out, and so is a closed Stage, which costs no time of the step's timeout.`,
		Example: `
uses: git-merge-pr
as: merge-pr
config:
  repoURL: https://github.com/acme/gitops.git
  prNumber: ${{ outputs['open-pr'].pr.id }}
  wait: true
`,
	}, runGitMergePR)
}

const defaultMergeMethod = "squash"

// Validate implements the rules beyond types.
func (c MergePRConfig) Validate() error {
	err := c.PullConfig.Validate()
	switch c.MergeMethod {
	case "", "squash", "merge", "rebase":
		return err
	}
	return errors.Join(err, fmt.Errorf("mergeMethod %q: want squash, merge or rebase", c.MergeMethod))
}

func runGitMergePR(ctx context.Context, env Env, c MergePRConfig) (PullOutput, error) {
	pr, err := env.Pulls.Get(ctx, c.RepoURL, c.PRNumber)
	if err != nil {
		return PullOutput{}, fmt.Errorf("read pull request #%d: %w", c.PRNumber, err)
	}
	p, out, err := c.look(env, pr)
	if err != nil || pr.Merged {
		return out, err
	}
	if err := p.gates(ctx, c, &out); err != nil {
		return out, c.verdict(err)
	}
	queue, err := p.queues(ctx, c.RepoURL)
	if err != nil {
		return out, err
	}
	if queue && p.prior.Queue != nil && p.prior.Queue.Head == p.expected {
		return out, c.verdict(p.throughQueue(ctx, c, &out))
	}
	if err := p.readiness(ctx, c.RepoURL, queue, &out); err != nil {
		return out, c.verdict(err)
	}
	if queue {
		return out, c.verdict(p.throughQueue(ctx, c, &out))
	}
	return p.merge(ctx, c, out)
}

// verdict turns waiting into failure where the config says so. Unsettled states
// and closed Stages are no verdict.
func (c MergePRConfig) verdict(err error) error {
	var (
		wait      *WaitError
		unsettled *unsettledError
		closed    *closedError
	)
	if c.Wait || !errors.As(err, &wait) || errors.As(err, &unsettled) || errors.As(err, &closed) {
		return err
	}
	return &FailedError{Err: fmt.Errorf("pull request #%d cannot be merged: %s", c.PRNumber, wait.Message), Terminal: true}
}

// readiness judges what the host says of the pull request.
func (p *pull) readiness(ctx context.Context, repoURL string, queue bool, out *PullOutput) error {
	switch {
	case p.Mergeable == nil || p.State == "unknown":
		return p.settle(out, "the Git host is computing whether #%d can be merged", p.Number)
	case p.State == "blocked":
		return p.blocked(ctx, repoURL, out)
	case p.State == "behind" && !queue:
		return &RewindError{Reason: fmt.Sprintf("#%d must be up to date with %s", p.Number, p.Base)}
	case p.State == "draft":
		return p.wait("#%d is a draft", p.Number)
	}
	return nil
}

func (p *pull) merge(ctx context.Context, c MergePRConfig, out PullOutput) (PullOutput, error) {
	title, message := report.MergeMessage(p.env.Promotion, p.Number)
	commit, err := p.env.Pulls.Merge(ctx, c.RepoURL, p.Number, MergeRequest{
		SHA: p.expected, Base: p.Base, Method: c.method(p.env.Promotion.Stage), Title: title, Message: message,
	})
	var refused *NotMergeableError
	switch {
	case errors.Is(err, ErrHeadMoved):
		err = p.settle(&out, "#%d moved while it was being merged", p.Number)
		return out, err
	case errors.As(err, &refused) && refused.Retry:
		err = p.settle(&out, "#%d could not be merged yet: %s", p.Number, refused.Message)
		return out, err
	case errors.As(err, &refused) && p.env.Queues != nil && strings.Contains(refused.Message, "merge queue"):
		// Classic branch protection tells of its queue only so.
		return out, c.verdict(p.throughQueue(ctx, c, &out))
	case errors.As(err, &refused):
		return out, c.verdict(p.wait("the Git host refuses to merge #%d: %s", p.Number, refused.Message))
	case err != nil:
		// It may have happened all the same; the next pass will see.
		return out, fmt.Errorf("merge #%d: %w", p.Number, err)
	}
	out.PR.Open, out.PR.Merged, out.Commit = false, true, commit
	out.UnsettledSince = time.Time{}
	return out, nil
}

func (c MergePRConfig) method(s pipeline.Stage) string {
	switch {
	case c.MergeMethod != "":
		return c.MergeMethod
	case s.PullRequest.Method != "":
		return s.PullRequest.Method
	default:
		return defaultMergeMethod
	}
}
