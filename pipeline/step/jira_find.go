package step

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/jira"
)

// JiraSearchIssue says what issue to find.
type JiraSearchIssue struct {
	JQL            string   `json:"jql" empty:"no" doc:"query in JQL"`
	ExpectMultiple bool     `json:"expectMultiple,omitempty" doc:"take the first of several; otherwise more than one is a failure"`
	Fields         []string `json:"fields,omitempty" doc:"fields that are wanted; default those that Jira shows in lists"`
	Expands        []string `json:"expands,omitempty" doc:"what else is wanted, such as changelog"`
}

// JiraWaitForStatus says what status to wait for.
type JiraWaitForStatus struct {
	IssueKey       string            `json:"issueKey" empty:"no" doc:"the issue, such as OPS-7"`
	ExpectedStatus string            `json:"expectedStatus" empty:"no" doc:"name of the status, in any case"`
	PollInterval   pipeline.Duration `json:"pollInterval,omitempty" doc:"time until Jira is asked again, at least 10s; default the server's setting"`
}

// maxJiraIssue bounds the issue that is kept, in bytes.
const maxJiraIssue = 256 << 10

// Validate implements the rules beyond types.
func (c *JiraSearchIssue) Validate() error {
	if strings.TrimSpace(c.JQL) == "" {
		return errors.New("jql must not be empty")
	}
	return nil
}

// Validate implements the rules beyond types.
func (c *JiraWaitForStatus) Validate() error {
	err := checkJiraKey(c.IssueKey)
	if c.PollInterval < 0 {
		err = errors.Join(err, errors.New("pollInterval must not be negative"))
	}
	return err
}

func (c *JiraSearchIssue) run(ctx context.Context, _ Env, client *jira.Client) (*JiraOutput, error) {
	wanted := 2 // to see that there are more
	if c.ExpectMultiple {
		wanted = 1
	}
	found, err := client.Find(ctx, jira.Search{JQL: c.JQL, Fields: c.Fields, Expand: c.Expands, Max: wanted})
	switch {
	case err != nil:
		return nil, fmt.Errorf("search: %w", err)
	case len(found) == 0:
		return nil, &FailedError{Err: fmt.Errorf("search: no issue matches %s", c.JQL)}
	case len(found) > 1 && !c.ExpectMultiple:
		return nil, &FailedError{
			Err: fmt.Errorf("search: %s, %s and maybe more match; expectMultiple takes the first", jira.Key(found[0]), jira.Key(found[1])), Terminal: true,
		}
	case len(found[0]) > maxJiraIssue:
		return nil, &PermanentError{fmt.Errorf("search: the issue has %d bytes, and %d is the most that is kept; name fewer fields", len(found[0]), maxJiraIssue)}
	}
	return &JiraOutput{Key: jira.Key(found[0]), Issue: found[0]}, nil
}

func (c *JiraWaitForStatus) run(ctx context.Context, env Env, client *jira.Client) (*JiraOutput, error) {
	status, err := client.Status(ctx, c.IssueKey)
	if err != nil {
		err = fmt.Errorf("status of %s: %w", c.IssueKey, err)
		if _, said := errors.AsType[*jira.Error](err); !said && ctx.Err() == nil && !errors.Is(err, ErrRefusedAddress) {
			err = &pipeline.TransientError{RetryAfter: jiraAgain, Err: err} // a wait of days is not to end by a fault
		}
		return nil, err
	}
	if strings.EqualFold(status, c.ExpectedStatus) {
		return nil, nil
	}
	return nil, &WaitError{
		Message: fmt.Sprintf("waiting for %s to be %s; it is %s", c.IssueKey, c.ExpectedStatus, status),
		Until:   env.Now().Add(env.poll(c.PollInterval)),
	}
}
