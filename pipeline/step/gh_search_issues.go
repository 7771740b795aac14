package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// SearchIssuesConfig configures gh-search-issues.
type SearchIssuesConfig struct {
	RepoURL     string `json:"repoURL" doc:"the repository; it must belong to the owner of the pipeline's"`
	IssueNumber int    `json:"issueNumber,omitempty" doc:"number of the one issue to find"`
	Query       string `json:"query,omitempty" doc:"what to search for, in the language of GitHub's search, such as is:open label:release"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// SearchIssuesOutput is the output of gh-search-issues.
type SearchIssuesOutput struct {
	Issues []IssueOutput `json:"issues" doc:"what was found, at most 30, the best match first"`
}

const (
	maxFound = 30
	// maxFoundBody bounds the text of each issue that was found, in characters.
	maxFoundBody = 4_000
)

func ghSearchIssues() Definition {
	return Define("gh-search-issues", Remote, Doc{
		Summary: `Finds issues of one repository: the one with a number, or those that match a query. Exactly one of the two is
given. Finding nothing is a success with an empty list.

A query finds issues rather than pull requests, in this repository whatever else it names, and GitHub's index is
seconds to minutes behind: an issue that an earlier step created is found by its number. Of each text the first
4,000 characters are kept. Texts of issues are written by anybody: wrap what you use of them in ` + "`quote()`" + `.`,
		Example: `
uses: gh-search-issues
as: blockers
config:
  repoURL: https://github.com/acme/gitops.git
  query: is:open label:blocks-release
`,
	}, runSearchIssues)
}

// Validate implements the rules beyond types.
func (c SearchIssuesConfig) Validate() error {
	err := checkRepoURL(c.RepoURL)
	switch {
	case (c.IssueNumber != 0) == (strings.TrimSpace(c.Query) != ""):
		err = errors.Join(err, errors.New("give exactly one of issueNumber and query"))
	case c.IssueNumber < 0:
		err = errors.Join(err, errors.New("issueNumber must be at least 1"))
	case len(c.Query) > 256:
		err = errors.Join(err, errors.New("query: GitHub takes 256 characters at most"))
	}
	return err
}

func runSearchIssues(ctx context.Context, env Env, c SearchIssuesConfig) (SearchIssuesOutput, error) {
	out := SearchIssuesOutput{Issues: []IssueOutput{}}
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return out, err
	}
	if env.Issues == nil {
		return out, errNoHost
	}
	var found []Issue
	if c.IssueNumber != 0 {
		one, getErr := env.Issues.Issue(ctx, repo, c.IssueNumber)
		if errors.Is(getErr, ErrNotFound) {
			return out, nil
		}
		found, err = []Issue{one}, getErr
	} else {
		found, err = env.Issues.SearchIssues(ctx, repo, oneLine(c.Query), maxFound)
	}
	if err != nil {
		return out, fmt.Errorf("search issues of %s: %w", repo, final(err))
	}
	for _, i := range found[:min(len(found), maxFound)] {
		out.Issues = append(out.Issues, showIssue(i, maxFoundBody))
	}
	return out, nil
}
