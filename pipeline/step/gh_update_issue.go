package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/report"
)

// UpdateIssueConfig configures gh-update-issue.
type UpdateIssueConfig struct {
	IssueConfig
	Title        *string   `json:"title,omitempty" doc:"new title; at most 256 characters are kept"`
	Body         *string   `json:"body,omitempty" doc:"new text, in Markdown; an empty one clears it"`
	State        *string   `json:"state,omitempty" doc:"open or closed"`
	AddLabels    []string  `json:"addLabels,omitempty" doc:"labels to add"`
	RemoveLabels []string  `json:"removeLabels,omitempty" doc:"labels to remove; * removes all that are not added"`
	Assignees    *[]string `json:"assignees,omitempty" doc:"logins of all assignees from now on; an empty list leaves none"`
}

func ghUpdateIssue() Definition {
	return Define("gh-update-issue", Remote, Doc{
		Summary: `Changes an issue or a pull request. At least one of the fields after ` + "`issueNumber`" + ` is needed.

A label that is both added and removed is added. The mark by which ` + "`gh-create-issue`" + ` recognises its
issue stays, whatever the text. About mentions see ` + "`gh-create-issue`" + `.`,
		Example: `
uses: gh-update-issue
config:
  repoURL: https://github.com/acme/gitops.git
  issueNumber: ${{ outputs.ticket.number }}
  state: closed
  addLabels: [released]
  removeLabels: ["*"]
`,
	}, runUpdateIssue)
}

// Validate implements the rules beyond types.
func (c UpdateIssueConfig) Validate() error {
	err := c.IssueConfig.Validate()
	if c.Title == nil && c.Body == nil && c.State == nil && c.Assignees == nil && len(c.AddLabels)+len(c.RemoveLabels) == 0 {
		err = errors.Join(err, errors.New("nothing to change: give at least one of title, body, state, addLabels, removeLabels, assignees"))
	}
	if c.Title != nil && strings.TrimSpace(*c.Title) == "" {
		err = errors.Join(err, errors.New("title must not be empty"))
	}
	if c.State != nil && *c.State != "open" && *c.State != "closed" {
		err = errors.Join(err, fmt.Errorf("state %q: want open or closed", *c.State))
	}
	return err
}

func runUpdateIssue(ctx context.Context, env Env, c UpdateIssueConfig) (none, error) {
	repo, issue, err := c.find(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := env.Issues.UpdateIssue(ctx, repo, issue.Number, c.change(env, issue)); err != nil {
		return nil, fmt.Errorf("update issue #%d of %s: %w", issue.Number, repo, final(err))
	}
	return nil, nil
}

func (c UpdateIssueConfig) change(env Env, issue Issue) IssueChange {
	change := IssueChange{State: c.State, Assignees: c.Assignees}
	if c.Title != nil {
		title := truncate(oneLine(*c.Title), maxPullTitle)
		change.Title = &title
	}
	if c.Body != nil {
		body := env.body(*c.Body)
		if mark := report.FindStepMarker(issue.Body); mark != "" && issue.Own {
			body = withMarker(body, mark)
		}
		body = truncate(body, maxPullBody)
		change.Body = &body
	}
	has := func(labels []string, name string) bool {
		return slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, name) })
	}
	for _, name := range c.AddLabels {
		if !has(issue.Labels, name) && !has(change.AddLabels, name) {
			change.AddLabels = append(change.AddLabels, name)
		}
	}
	for _, name := range issue.Labels {
		if !has(c.AddLabels, name) && (has(c.RemoveLabels, "*") || has(c.RemoveLabels, name)) {
			change.RemoveLabels = append(change.RemoveLabels, name)
		}
	}
	if c.Assignees != nil {
		kept := (*c.Assignees)[:min(len(*c.Assignees), maxAssignees)]
		change.Assignees = &kept
	}
	return change
}
