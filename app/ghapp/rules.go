package ghapp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline/step"
)

var _ step.Rules = (*Gates)(nil)

// BranchRules implements step.Rules.
func (s *Gates) BranchRules(ctx context.Context, repoURL, branch string) (step.BranchRules, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return step.BranchRules{}, fmt.Errorf("rules of %s: %w", branch, err)
	}
	memo, err := s.rulesOf(ctx, r, branch)
	if err != nil {
		return step.BranchRules{}, fmt.Errorf("rules of %s: %w", branch, err)
	}
	out := memo.rules
	for _, need := range memo.needs {
		if s.isOwn(need) {
			out.OwnChecks = append(out.OwnChecks, need.name)
		}
	}
	return out, nil
}

// rulesets reads the rulesets that apply to a branch.
func (r *rest) rulesets(ctx context.Context, base string) (needs []requirement, rules step.BranchRules, err error) {
	type rule struct {
		Type       string `json:"type"`
		Parameters struct {
			Checks []struct {
				Context     string `json:"context"`
				Integration int64  `json:"integration_id"`
			} `json:"required_status_checks"`
			CodeOwners bool `json:"require_code_owner_review"`
			Reviews    int  `json:"required_approving_review_count"`
		} `json:"parameters"`
	}
	err = each(ctx, r, r.path("/rules/branches/%s", base), nil, func(page []rule) bool {
		for _, ru := range page {
			switch ru.Type {
			case "required_status_checks":
				for _, c := range ru.Parameters.Checks {
					needs = append(needs, requirement{c.Context, max(c.Integration, 0)})
				}
			case "pull_request":
				rules.CodeOwners = rules.CodeOwners || ru.Parameters.CodeOwners
				rules.Reviews = max(rules.Reviews, ru.Parameters.Reviews)
			case "required_signatures":
				rules.Signatures = true
			case "merge_queue":
				rules.MergeQueue = true
			}
		}
		return true
	})
	if status(err) == http.StatusNotFound {
		// Servers before rulesets, and plans without them, have no such endpoint.
		return nil, step.BranchRules{}, nil
	}
	return needs, rules, err
}

const reviewQuery = `query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewDecision
      reviewRequests(first: 100) { nodes { asCodeOwner requestedReviewer { ... on User { login } ... on Team { combinedSlug } } } }
    }
  }
}`

// ReviewState implements step.Rules.
func (s *Gates) ReviewState(ctx context.Context, repoURL string, number int) (step.ReviewState, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return step.ReviewState{}, fmt.Errorf("reviews of pull request %d: %w", number, err)
	}
	var out struct {
		Repository struct {
			Pull struct {
				Decision string `json:"reviewDecision"`
				Requests struct {
					Nodes []struct {
						Owner    bool `json:"asCodeOwner"`
						Reviewer struct {
							Login string `json:"login"`
							Slug  string `json:"combinedSlug"`
						} `json:"requestedReviewer"`
					} `json:"nodes"`
				} `json:"reviewRequests"`
			} `json:"pullRequest"`
		} `json:"repository"`
	}
	vars := map[string]any{"owner": r.owner, "name": r.name, "number": number}
	if err := r.graphQL(ctx, reviewQuery, vars, &out); err != nil {
		return step.ReviewState{}, fmt.Errorf("reviews of pull request %d: %w", number, err)
	}
	state := step.ReviewState{Decision: out.Repository.Pull.Decision}
	for _, n := range out.Repository.Pull.Requests.Nodes {
		if name := n.Reviewer.Slug + n.Reviewer.Login; n.Owner && name != "" {
			state.CodeOwners = append(state.CodeOwners, "@"+name)
		}
	}
	return state, nil
}
