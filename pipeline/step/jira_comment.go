package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/pipeline/jira"
)

// JiraComment says what to comment.
type JiraComment struct {
	IssueKey string `json:"issueKey" empty:"no" doc:"the issue, such as OPS-7"`
	Body     string `json:"body,omitempty" doc:"text"`
	ADFBody  Values `json:"adfBody,omitempty" doc:"document instead of body; one of the two"`
}

// JiraDeleteComment says what comment to delete.
type JiraDeleteComment struct {
	IssueKey  string          `json:"issueKey" empty:"no" doc:"the issue, such as OPS-7"`
	CommentID json.RawMessage `json:"commentID" doc:"id of the comment, a string or a number"`
}

var jiraIDForm = regexp.MustCompile(`^[0-9]+$`)

// Validate implements the rules beyond types.
func (c *JiraComment) Validate() error {
	err := errors.Join(checkJiraKey(c.IssueKey), checkJiraText("body", c.Body, c.ADFBody))
	if c.Body == "" && len(c.ADFBody) == 0 {
		err = errors.Join(err, errors.New("body: want it, or adfBody"))
	}
	return err
}

// Validate implements the rules beyond types.
func (c *JiraDeleteComment) Validate() error {
	err := checkJiraKey(c.IssueKey)
	if !jiraIDForm.MatchString(c.id()) {
		err = errors.Join(err, fmt.Errorf("commentID: %s is no id of a comment", c.CommentID))
	}
	return err
}

// id is the comment's; an expression may have made it a number.
func (c *JiraDeleteComment) id() string { return strings.Trim(string(c.CommentID), `"`) }

func (c *JiraComment) run(ctx context.Context, env Env, client *jira.Client) (*JiraOutput, error) {
	body, err := jiraText(c.Body, c.ADFBody)
	if err != nil {
		return nil, err
	}
	mark := env.identity(0)
	id, err := client.OwnComment(ctx, c.IssueKey, mark)
	if err == nil && id == "" {
		id, err = client.Comment(ctx, c.IssueKey, body, mark)
	}
	if err != nil {
		return nil, fmt.Errorf("comment on %s: %w", c.IssueKey, err)
	}
	return &JiraOutput{CommentID: id}, nil
}

func (c *JiraDeleteComment) run(ctx context.Context, env Env, client *jira.Client) (*JiraOutput, error) {
	err := client.DeleteComment(ctx, c.IssueKey, c.id())
	if err != nil && (!jira.IsNotFound(err) || !env.ranBefore()) {
		return nil, fmt.Errorf("delete comment %s of %s: %w", c.id(), c.IssueKey, err)
	}
	return nil, nil
}
