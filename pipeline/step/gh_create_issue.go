package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// CreateIssueConfig configures gh-create-issue.
type CreateIssueConfig struct {
	RepoURL    string   `json:"repoURL" doc:"the repository; it must belong to the owner of the pipeline's"`
	Title      string   `json:"title" doc:"title; at most 256 characters are kept"`
	Body       string   `json:"body,omitempty" doc:"text, in Markdown; at most 65,536 characters are kept"`
	Labels     []string `json:"labels,omitempty" doc:"labels; those that do not exist are created"`
	Assignees  []string `json:"assignees,omitempty" doc:"logins of assignees; the first ten count"`
	IssueAlias string   `json:"issueAlias,omitempty" doc:"key under which the number is noted about the Freight; default github-issue-number"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// CreateIssueOutput is the output of gh-create-issue.
type CreateIssueOutput struct {
	Number int    `json:"number,omitempty" doc:"number of the issue"`
	URL    string `json:"url,omitempty" doc:"where to look at it"`
	lookup
}

const (
	defaultIssueAlias = "github-issue-number"
	// maxAssignees is GitHub's limit.
	maxAssignees = 10
)

func ghCreateIssue() Definition {
	return Define("gh-create-issue", Remote, Doc{
		Summary: `Creates an issue and notes its number about the Freight, where ` + "`freightMetadata(name)`" + ` finds it in later
steps and in the Stages that the Freight reaches next.

A Promotion creates one issue by each such step, however often the step runs: a hidden mark in the text is looked for
among the issues that the App created since, before another one is created. If somebody removes the mark, a retry creates
another one.

Mentions: a person or a team is mentioned if the ` + "`body`" + ` names it outside of expressions. What expressions
bring in, such as a commit message, was written by anybody, and mentions nobody else. The same is true of
` + "`gh-update-issue`" + ` and of comments.`,
		Example: `
uses: gh-create-issue
as: ticket
config:
  repoURL: https://github.com/acme/gitops.git
  title: Release ${{ ctx.targetFreight.alias }} into ${{ ctx.stage }}
  body: "@acme/release-managers: close this issue to go on."
  labels: [release]
`,
	}, runCreateIssue)
}

// Validate implements the rules beyond types.
func (c CreateIssueConfig) Validate() error {
	err := checkRepoURL(c.RepoURL)
	if strings.TrimSpace(c.Title) == "" {
		err = errors.Join(err, errors.New("title must not be empty"))
	}
	if len(c.IssueAlias) > 100 {
		err = errors.Join(err, errors.New("issueAlias: at most 100 bytes"))
	}
	return err
}

func runCreateIssue(ctx context.Context, env Env, c CreateIssueConfig) (CreateIssueOutput, error) {
	var out, prior CreateIssueOutput
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return out, err
	}
	switch {
	case env.Issues == nil:
		return out, errNoHost
	case env.Notes == nil:
		return out, errNoNotes
	case env.Prior != nil && json.Unmarshal(env.Prior, &prior) != nil:
		return out, &PermanentError{errors.New("recorded output makes no sense")}
	}
	issue, err := c.findOwn(ctx, env, repo)
	if errors.Is(err, ErrNotFound) {
		if out.unsure(env, prior.lookup) {
			return out, lookAgain(env, "the issue")
		}
		issue, err = env.Issues.CreateIssue(ctx, repo, c.issue(env))
	}
	if err != nil {
		return out, fmt.Errorf("create issue in %s: %w", repo, final(err))
	}
	out.Number, out.URL = issue.Number, issue.URL
	alias := cmp.Or(c.IssueAlias, defaultIssueAlias)
	if err := env.Notes.SetMetadata(ctx, env.Promotion.Repo, env.Promotion.Freight, map[string]any{alias: issue.Number}); err != nil {
		return out, fmt.Errorf("note issue #%d about %s: %w", issue.Number, env.Promotion.Freight.Alias, err)
	}
	return out, nil
}

// findOwn returns the issue that this step created on an earlier pass. Anybody can
// copy the mark, so that only the App's own issues count.
func (c CreateIssueConfig) findOwn(ctx context.Context, env Env, repo pipeline.Repo) (Issue, error) {
	all, err := env.Issues.OwnIssues(ctx, repo, env.Promotion.CreatedAt.Add(-ghost))
	if err != nil {
		return Issue{}, err
	}
	mark := env.marker()
	for _, i := range all {
		if i.Own && strings.Contains(i.Body, mark) {
			return i, nil
		}
	}
	return Issue{}, ErrNotFound
}

func (c CreateIssueConfig) issue(env Env) NewIssue {
	return NewIssue{
		Title:     truncate(oneLine(c.Title), maxPullTitle),
		Body:      withMarker(env.body(c.Body), env.marker()),
		Labels:    c.Labels,
		Assignees: c.Assignees[:min(len(c.Assignees), maxAssignees)],
	}
}
