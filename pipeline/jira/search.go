package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Search is a query in JQL.
type Search struct {
	JQL string
	// Fields are those that are wanted of each issue; those that Jira shows in lists when
	// it is empty. Expand names what else is wanted.
	Fields, Expand []string
	// Max bounds the issues that are returned.
	Max int
}

// Find returns issues as Jira describes them. They come from an index that lags behind
// by seconds, in the cloud now and then by more.
func (c *Client) Find(ctx context.Context, s Search) ([]json.RawMessage, error) {
	cloud, err := c.Cloud(ctx)
	if err != nil {
		return nil, err
	}
	fields := s.Fields
	if len(fields) == 0 {
		fields = []string{"*navigable"}
	}
	body := map[string]any{"jql": s.JQL, "fields": fields, "maxResults": s.Max}
	path := "/rest/api/2/search"
	if len(s.Expand) > 0 {
		body["expand"] = s.Expand
	}
	if cloud {
		// Where the older one is gone; it takes a text and answers ids only unless asked.
		path = "/rest/api/3/search/jql"
		if len(s.Expand) > 0 {
			body["expand"] = strings.Join(s.Expand, ",")
		}
	}
	var found struct {
		Issues []json.RawMessage `json:"issues"`
	}
	if err := c.call(ctx, http.MethodPost, path, body, &found); err != nil {
		return nil, err
	}
	return found.Issues, nil
}

// Key returns the key of an issue as Jira describes it.
func Key(issue json.RawMessage) string {
	var i struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(issue, &i) != nil {
		return ""
	}
	return i.Key
}
