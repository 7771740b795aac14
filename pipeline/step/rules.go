package step

import (
	"context"
	"fmt"
	"strings"
)

// BranchRules is what rulesets demand of a branch beyond checks.
type BranchRules struct {
	// MergeQueue wants merges to go through a queue.
	MergeQueue bool
	// Signatures wants verified commits.
	Signatures bool
	// CodeOwners wants an approval by code owners.
	CodeOwners bool
	// Reviews is how many approvals are wanted.
	Reviews int
	// OwnChecks are required checks that this App itself reports.
	OwnChecks []string
}

// ReviewState is what the host says about the reviews of a pull request.
type ReviewState struct {
	// Decision is APPROVED, CHANGES_REQUESTED, REVIEW_REQUIRED or empty where none is
	// required.
	Decision string
	// CodeOwners are those whose review is still asked for because they own what
	// changes, as "@user" or "@org/team".
	CodeOwners []string
}

// Rules tells what stands in the way of a merge.
type Rules interface {
	// BranchRules returns what rulesets demand of a branch. Classic branch protection is
	// not shown to Apps beyond its checks.
	BranchRules(ctx context.Context, repoURL, branch string) (BranchRules, error)
	// ReviewState returns which reviews are missing.
	ReviewState(ctx context.Context, repoURL string, number int) (ReviewState, error)
}

func (p *pull) rules(ctx context.Context, repoURL string) (BranchRules, error) {
	if p.env.Rules == nil {
		return BranchRules{}, nil
	}
	rules, err := p.env.Rules.BranchRules(ctx, repoURL, p.Base)
	if err != nil {
		return rules, fmt.Errorf("read the rules of %s: %w", p.Base, err)
	}
	return rules, nil
}

// blocked says what the host waits for, as far as it tells.
func (p *pull) blocked(ctx context.Context, repoURL string, out *PullOutput) error {
	const unknown = "#%d is blocked by branch protection"
	if p.env.Rules == nil {
		return p.wait(unknown, p.Number)
	}
	review, err := p.env.Rules.ReviewState(ctx, repoURL, p.Number)
	if err != nil {
		return fmt.Errorf("read the reviews of #%d: %w", p.Number, err)
	}
	rules, err := p.rules(ctx, repoURL)
	if err != nil {
		return err
	}
	var why []string
	switch {
	case len(review.CodeOwners) > 0 && review.Decision != "APPROVED":
		why = append(why, "waits for a review by code owners "+oneLine(strings.Join(review.CodeOwners, ", ")))
	case review.Decision == "CHANGES_REQUESTED":
		why = append(why, "changes were requested in a review")
	case review.Decision == "REVIEW_REQUIRED" && rules.Reviews > 1:
		why = append(why, fmt.Sprintf("waits for %d approving reviews", rules.Reviews))
	case review.Decision == "REVIEW_REQUIRED":
		why = append(why, "waits for an approving review")
	}
	if len(why) == 0 && rules.Signatures {
		why = append(why, p.Base+" takes only verified commits: push with github-push, or name no author in git-clone and git-commit")
	}
	if len(why) == 0 && len(rules.OwnChecks) > 0 && (review.Decision == "" || review.Decision == "APPROVED") {
		// What is left may be our own report, which says that all is done only once it
		// is: it says so now.
		out.Ready = true
		return p.settle(out, unknown+" until %s has passed", p.Number, strings.Join(rules.OwnChecks, ", "))
	}
	if len(why) == 0 {
		return p.wait(unknown, p.Number)
	}
	return p.wait(unknown+": %s", p.Number, strings.Join(why, "; "))
}
