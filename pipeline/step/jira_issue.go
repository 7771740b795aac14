package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/kargo-app/kargo/pipeline/jira"
)

// JiraCreateIssue says what issue to create.
type JiraCreateIssue struct {
	ProjectKey     string   `json:"projectKey" empty:"no" doc:"key of the project"`
	Summary        string   `json:"summary" empty:"no" doc:"one line; at most 255 characters are kept"`
	Description    string   `json:"description,omitempty" doc:"text"`
	ADFDescription Values   `json:"adfDescription,omitempty" doc:"document instead of description"`
	IssueType      string   `json:"issueType,omitempty" doc:"such as Bug; default Task"`
	AssigneeEmail  string   `json:"assigneeEmail,omitempty" doc:"mail address of who it is assigned to"`
	Labels         []string `json:"labels,omitempty" doc:"labels"`
	CustomFields   Values   `json:"customFields,omitempty" doc:"fields by their ids, with values as Jira's API takes them"`
	IssueAlias     string   `json:"issueAlias,omitempty" doc:"key under which the issue is noted about the Freight; default jira-issue-key"`
}

// JiraUpdateIssue says what becomes of an issue.
type JiraUpdateIssue struct {
	IssueKey       string   `json:"issueKey" empty:"no" doc:"the issue, such as OPS-7"`
	Summary        string   `json:"summary,omitempty" doc:"one line; at most 255 characters are kept"`
	Description    string   `json:"description,omitempty" doc:"text"`
	ADFDescription Values   `json:"adfDescription,omitempty" doc:"document instead of description"`
	IssueType      string   `json:"issueType,omitempty" doc:"such as Bug"`
	AssigneeEmail  string   `json:"assigneeEmail,omitempty" doc:"mail address of who it is assigned to"`
	Status         string   `json:"status,omitempty" doc:"status to move it to, after everything else"`
	AddLabels      []string `json:"addLabels,omitempty" doc:"labels to add"`
	RemoveLabels   []string `json:"removeLabels,omitempty" doc:"labels to remove"`
	CustomFields   Values   `json:"customFields,omitempty" doc:"fields by their ids, with values as Jira's API takes them"`
}

// JiraDeleteIssue says what issue to delete.
type JiraDeleteIssue struct {
	IssueKey       string `json:"issueKey" empty:"no" doc:"the issue, such as OPS-7"`
	DeleteSubtasks bool   `json:"deleteSubtasks,omitempty" doc:"delete its subtasks, too; otherwise one that has any is an error"`
}

const (
	defaultJiraAlias = "jira-issue-key"
	defaultIssueType = "Task"
	maxJiraSummary   = 255
	maxJiraText      = 32 << 10
	// jiraAppears is how long an issue may take to appear in Jira's index.
	jiraAppears = 30 * time.Second
)

var (
	jiraKeyForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*-[0-9]+$|^[0-9]+$`)
	jiraProjectForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

func checkJiraKey(key string) error {
	if !jiraKeyForm.MatchString(key) {
		return fmt.Errorf("issueKey: %q is no issue such as OPS-7", key)
	}
	return nil
}

// checkJiraText checks a text and the document that may stand in its place.
func checkJiraText(field, text string, document Values) error {
	size := len(text)
	for key, value := range document {
		size += len(key) + len(value)
	}
	switch {
	case text != "" && len(document) > 0:
		return fmt.Errorf("%s: text and document exclude each other", field)
	case size > maxJiraText:
		return fmt.Errorf("%s: %d bytes, and Jira takes %d", field, size, maxJiraText)
	}
	return nil
}

func checkJiraLabels(field string, labels []string) error {
	for _, l := range labels {
		if l == "" || len(l) > 255 || strings.ContainsFunc(l, unicode.IsSpace) {
			return fmt.Errorf("%s: %q is no label: at least one character and no blanks", field, l)
		}
	}
	return nil
}

// Validate implements the rules beyond types.
func (c *JiraCreateIssue) Validate() error {
	var err error
	if !jiraProjectForm.MatchString(c.ProjectKey) {
		err = fmt.Errorf("projectKey: %q is no project such as OPS", c.ProjectKey)
	}
	if len(c.IssueAlias) > 100 {
		err = errors.Join(err, errors.New("issueAlias: at most 100 bytes"))
	}
	return errors.Join(err, checkJiraText("description", c.Description, c.ADFDescription), checkJiraLabels("labels", c.Labels))
}

// Validate implements the rules beyond types.
func (c *JiraUpdateIssue) Validate() error {
	return errors.Join(checkJiraKey(c.IssueKey), checkJiraText("description", c.Description, c.ADFDescription),
		checkJiraLabels("addLabels", c.AddLabels), checkJiraLabels("removeLabels", c.RemoveLabels))
}

// Validate implements the rules beyond types.
func (c *JiraDeleteIssue) Validate() error { return checkJiraKey(c.IssueKey) }

func jiraText(text string, document Values) (jira.Text, error) {
	t := jira.Text{Plain: text}
	if len(document) > 0 {
		raw, err := json.Marshal(document)
		if err != nil {
			return t, &PermanentError{err}
		}
		t.Document = raw
	}
	return t, nil
}

func jiraSummary(s string) string { return truncate(strings.TrimSpace(oneLine(s)), maxJiraSummary) }

func (c *JiraCreateIssue) run(ctx context.Context, env Env, client *jira.Client) (*JiraOutput, error) {
	var prior JiraOutput
	switch {
	case env.Notes == nil:
		return nil, errNoNotes
	case env.Prior != nil && json.Unmarshal(env.Prior, &prior) != nil:
		return nil, &PermanentError{errors.New("recorded output makes no sense")}
	}
	out := &JiraOutput{Key: prior.Key}
	if out.Key == "" {
		label := "kargo-" + env.identity(0)
		found, err := client.Find(ctx, jira.Search{JQL: fmt.Sprintf(`labels = "%s" ORDER BY created ASC`, label), Fields: []string{"key"}, Max: 1})
		switch {
		case err != nil:
			return nil, fmt.Errorf("look for the issue: %w", err)
		case len(found) > 0:
			out.Key = jira.Key(found[0])
		case out.unsure(env, prior.lookup):
			return out, &WaitError{Message: "making sure that the issue was not created before", Until: env.Now().Add(jiraAppears)}
		default:
			if out.Key, err = c.create(ctx, client, label); err != nil {
				return out, fmt.Errorf("create issue in %s: %w", c.ProjectKey, err)
			}
		}
	}
	alias := cmp.Or(c.IssueAlias, defaultJiraAlias)
	if err := env.Notes.SetMetadata(ctx, env.Promotion.Repo, env.Promotion.Freight, map[string]any{alias: out.Key}); err != nil {
		return out, fmt.Errorf("note issue %s about %s: %w", out.Key, env.Promotion.Freight.Alias, err)
	}
	return out, nil
}

func (c *JiraCreateIssue) create(ctx context.Context, client *jira.Client, label string) (string, error) {
	description, err := jiraText(c.Description, c.ADFDescription)
	if err != nil {
		return "", err
	}
	return client.Create(ctx, jira.NewIssue{
		Project: c.ProjectKey, Labels: append(c.Labels[:len(c.Labels):len(c.Labels)], label),
		Fields: jira.Fields{
			Summary: jiraSummary(c.Summary), IssueType: cmp.Or(c.IssueType, defaultIssueType), Description: description,
			Assignee: c.AssigneeEmail, Custom: c.CustomFields,
		},
	})
}

func (c *JiraUpdateIssue) run(ctx context.Context, _ Env, client *jira.Client) (*JiraOutput, error) {
	description, err := jiraText(c.Description, c.ADFDescription)
	if err != nil {
		return nil, err
	}
	err = client.Update(ctx, c.IssueKey, jira.Change{
		Fields: jira.Fields{
			Summary: jiraSummary(c.Summary), IssueType: c.IssueType, Description: description, Assignee: c.AssigneeEmail, Custom: c.CustomFields,
		},
		AddLabels: c.AddLabels, RemoveLabels: c.RemoveLabels,
	})
	if err == nil && c.Status != "" {
		err = client.Move(ctx, c.IssueKey, c.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("update issue %s: %w", c.IssueKey, err)
	}
	return nil, nil
}

func (c *JiraDeleteIssue) run(ctx context.Context, env Env, client *jira.Client) (*JiraOutput, error) {
	err := client.Delete(ctx, c.IssueKey, c.DeleteSubtasks)
	if err != nil && (!jira.IsNotFound(err) || !env.ranBefore()) {
		return nil, fmt.Errorf("delete issue %s: %w", c.IssueKey, err)
	}
	return nil, nil
}

// ranBefore reports whether an earlier pass may have had its effect, whether or not
// somebody had the Promotion go on since.
func (e Env) ranBefore() bool { return e.Attempt > 1 || e.Promotion.Retries > 0 }
