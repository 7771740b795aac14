package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// WaitForIssueConfig configures gh-wait-for-issue-state.
type WaitForIssueConfig struct {
	IssueConfig
	SuccessExpression string            `json:"successExpression" doc:"when to go on: an expression over issue, without delimiters, such as issue.state == 'closed'"`
	FailureExpression string            `json:"failureExpression,omitempty" doc:"when to fail; looked at first"`
	PollInterval      pipeline.Duration `json:"pollInterval,omitempty" doc:"when to look again if no event arrives, such as 30s; at least 10s; default the server's setting"`
}

func ghWaitForIssueState() Definition {
	return Define("gh-wait-for-issue-state", Remote, Doc{
		Summary: `Waits until an issue is as an expression wants it. GitHub's event wakes the step at once.

The expressions see ` + "`issue.number`, `.title`, `.body`, `.state`" + ` (open or closed), ` + "`.labels`, `.assignees`" + ` (lists of names)
and ` + "`.url`" + `, and must give true or false.`,
		Example: `
uses: gh-wait-for-issue-state
config:
  repoURL: https://github.com/acme/gitops.git
  issueNumber: ${{ outputs.ticket.number }}
  successExpression: issue.state == 'closed'
  failureExpression: "'rejected' in issue.labels"
`,
	}, runWaitForIssue)
}

// Validate implements the rules beyond types.
func (c WaitForIssueConfig) Validate() error {
	err := c.IssueConfig.Validate()
	for _, e := range []struct{ field, text string }{{"successExpression", c.SuccessExpression}, {"failureExpression", c.FailureExpression}} {
		if e.text == "" && e.field == "failureExpression" {
			continue
		}
		if bad := expr.CheckBare(e.text); bad != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", e.field, bad))
		}
	}
	if c.PollInterval < 0 {
		err = errors.Join(err, errors.New("pollInterval must not be negative"))
	}
	return err
}

func runWaitForIssue(ctx context.Context, env Env, c WaitForIssueConfig) (none, error) {
	repo, issue, err := c.find(ctx, env)
	if err != nil {
		return nil, err
	}
	i := showIssue(issue, maxPullBody)
	sees := expr.Env{Now: env.Now, Extra: map[string]any{"issue": map[string]any{
		"number": i.Number, "title": i.Title, "body": i.Body, "state": i.State, "labels": list(i.Labels), "assignees": list(i.Assignees), "url": i.URL,
	}}}
	holds := func(name, text string) (bool, error) {
		if text == "" {
			return false, nil
		}
		value, err := expr.EvaluateBare(text, sees)
		if err != nil {
			return false, &PermanentError{fmt.Errorf("%s: %w", name, err)}
		}
		ok, isBool := value.(bool)
		if !isBool {
			return false, &PermanentError{fmt.Errorf("%s %q gives %v, neither true nor false", name, text, value)}
		}
		return ok, nil
	}
	failed, err := holds("failureExpression", c.FailureExpression)
	if err != nil {
		return nil, err
	}
	if failed {
		return nil, &FailedError{Err: fmt.Errorf("issue #%d of %s: failureExpression holds: %s", i.Number, repo, c.FailureExpression), Terminal: true}
	}
	succeeded, err := holds("successExpression", c.SuccessExpression)
	if err != nil || succeeded {
		return nil, err
	}
	return nil, &WaitError{
		Message: fmt.Sprintf("waiting for issue #%d of %s: %s", i.Number, repo, c.SuccessExpression),
		Until:   env.Now().Add(env.poll(c.PollInterval)),
		// Numbers are shared with pull requests, whose events have another name.
		On: []string{pipeline.IssueEvent(repo, i.Number), pipeline.PullEvent(repo, i.Number)},
	}
}

func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
