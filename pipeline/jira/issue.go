package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Fields are what an issue is to say; empty ones are left as they are.
type Fields struct {
	Summary, IssueType string
	Description        Text
	// Assignee is the mail address of who it is assigned to.
	Assignee string
	// Custom are fields by their ids, with values as the API takes them.
	Custom map[string]json.RawMessage
}

// NewIssue is an issue to create.
type NewIssue struct {
	Fields
	Project string
	Labels  []string
}

// Create creates an issue and returns its key.
func (c *Client) Create(ctx context.Context, n NewIssue) (string, error) {
	fields, api, err := c.fields(ctx, n.Fields, "project="+url.QueryEscape(n.Project))
	if err != nil {
		return "", err
	}
	fields["project"] = map[string]string{"key": n.Project}
	fields["labels"] = n.Labels
	var made struct {
		Key string `json:"key"`
	}
	if err := c.call(ctx, http.MethodPost, api+"/issue", map[string]any{"fields": fields}, &made); err != nil {
		return "", err
	}
	return made.Key, nil
}

// Change is what becomes of an issue.
type Change struct {
	Fields
	AddLabels, RemoveLabels []string
}

// Update changes an issue. Doing it twice changes nothing more.
func (c *Client) Update(ctx context.Context, key string, ch Change) error {
	fields, api, err := c.fields(ctx, ch.Fields, "issueKey="+url.QueryEscape(key))
	if err != nil {
		return err
	}
	body := map[string]any{}
	if len(fields) > 0 {
		body["fields"] = fields
	}
	var labels []map[string]string
	for _, l := range ch.RemoveLabels {
		if !slices.Contains(ch.AddLabels, l) {
			labels = append(labels, map[string]string{"remove": l})
		}
	}
	for _, l := range ch.AddLabels {
		labels = append(labels, map[string]string{"add": l})
	}
	if len(labels) > 0 {
		body["update"] = map[string]any{"labels": labels}
	}
	if len(body) == 0 {
		return nil
	}
	return c.call(ctx, http.MethodPut, api+issuePath(key), body, nil)
}

// fields are Fields as the API takes them, with its path. where says for which issues an
// assignee is looked for.
func (c *Client) fields(ctx context.Context, f Fields, where string) (map[string]any, string, error) {
	cloud, err := c.Cloud(ctx)
	if err != nil {
		return nil, "", err
	}
	api, _ := c.api(ctx)
	out := map[string]any{}
	for id, value := range f.Custom {
		out[id] = value
	}
	if f.Summary != "" {
		out["summary"] = f.Summary
	}
	if f.IssueType != "" {
		out["issuetype"] = map[string]string{"name": f.IssueType}
	}
	if !f.Description.Empty() {
		if out["description"], err = f.Description.value(cloud); err != nil {
			return nil, "", err
		}
	}
	if f.Assignee != "" {
		if out["assignee"], err = c.assignee(ctx, api, cloud, f.Assignee, where); err != nil {
			return nil, "", err
		}
	}
	return out, api, nil
}

// NoUserError means that a mail address is not that of one person who can be assigned.
type NoUserError struct {
	Email string
	Found int
}

// Error implements error.
func (e *NoUserError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("nobody with the address %s can be assigned here", e.Email)
	}
	return fmt.Sprintf("%d people match %s, and Jira shows the address of none", e.Found, e.Email)
}

// assignee finds who has a mail address. Accounts may hide theirs; then the only match
// counts.
func (c *Client) assignee(ctx context.Context, api string, cloud bool, email, where string) (map[string]string, error) {
	query := "username"
	if cloud {
		query = "query"
	}
	var users []struct {
		AccountID string `json:"accountId"`
		Name      string `json:"name"`
		Email     string `json:"emailAddress"`
	}
	path := api + "/user/assignable/search?" + where + "&maxResults=20&" + query + "=" + url.QueryEscape(email)
	if err := c.call(ctx, http.MethodGet, path, nil, &users); err != nil {
		return nil, fmt.Errorf("look for %s: %w", email, err)
	}
	at := -1
	for i, u := range users {
		if strings.EqualFold(u.Email, email) {
			at = i
			break
		}
	}
	if at < 0 && len(users) == 1 && users[0].Email == "" {
		at = 0
	}
	if at < 0 {
		return nil, &NoUserError{Email: email, Found: len(users)}
	}
	if cloud {
		return map[string]string{"accountId": users[at].AccountID}, nil
	}
	return map[string]string{"name": users[at].Name}, nil
}

// Delete deletes an issue; its subtasks too, or Jira refuses where there are any.
func (c *Client) Delete(ctx context.Context, key string, subtasks bool) error {
	api, err := c.api(ctx)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodDelete, api+issuePath(key)+"?deleteSubtasks="+strconv.FormatBool(subtasks), nil, nil)
}

// Status returns the name of an issue's status.
func (c *Client) Status(ctx context.Context, key string) (string, error) {
	api, err := c.api(ctx)
	if err != nil {
		return "", err
	}
	var issue struct {
		Fields struct {
			Status struct {
				Name string `json:"name"`
			} `json:"status"`
		} `json:"fields"`
	}
	if err := c.call(ctx, http.MethodGet, api+issuePath(key)+"?fields=status", nil, &issue); err != nil {
		return "", err
	}
	return issue.Fields.Status.Name, nil
}

// NoTransitionError means that the workflow has no way to a status.
type NoTransitionError struct {
	From, To string
	// Ways are the statuses that there is a way to.
	Ways []string
}

// Error implements error.
func (e *NoTransitionError) Error() string {
	ways := "there is none to any other"
	if len(e.Ways) > 0 {
		ways = "there is one to " + strings.Join(e.Ways, ", ")
	}
	return fmt.Sprintf("the workflow has no transition from %q to %q: %s", e.From, e.To, ways)
}

// Move brings an issue to a status, whose name is compared without regard to case, by
// one transition. One that is there already stays.
func (c *Client) Move(ctx context.Context, key, status string) error {
	now, err := c.Status(ctx, key)
	if err != nil || strings.EqualFold(now, status) {
		return err
	}
	api, _ := c.api(ctx)
	var all struct {
		Transitions []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
			To   struct {
				Name string `json:"name"`
			} `json:"to"`
		} `json:"transitions"`
	}
	if err := c.call(ctx, http.MethodGet, api+issuePath(key)+"/transitions", nil, &all); err != nil {
		return err
	}
	ways := map[string]bool{}
	for _, t := range all.Transitions {
		ways[t.To.Name] = true
		if strings.EqualFold(t.To.Name, status) {
			return c.call(ctx, http.MethodPost, api+issuePath(key)+"/transitions", map[string]any{"transition": map[string]string{"id": t.ID}}, nil)
		}
	}
	return &NoTransitionError{From: now, To: status, Ways: slices.Sorted(maps.Keys(ways))}
}

func issuePath(key string) string { return "/issue/" + url.PathEscape(key) }
