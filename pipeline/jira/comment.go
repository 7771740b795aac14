package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// property is where a comment says who left it, which people do not see.
const property = "kargo"

type mark struct {
	Step string `json:"step"`
}

// lookback is how many comments of an issue are looked through, newest first.
const lookback = 200

// OwnComment returns the id of the comment that carries a mark, empty for none. Jira
// reads comments from its database, which does not lag.
func (c *Client) OwnComment(ctx context.Context, key, step string) (string, error) {
	api, err := c.api(ctx)
	if err != nil {
		return "", err
	}
	for start := 0; start < lookback; {
		var page struct {
			Total    int `json:"total"`
			Comments []struct {
				ID         string `json:"id"`
				Properties []struct {
					Key   string          `json:"key"`
					Value json.RawMessage `json:"value"`
				} `json:"properties"`
			} `json:"comments"`
		}
		path := fmt.Sprintf("%s%s/comment?expand=properties&orderBy=-created&maxResults=100&startAt=%d", api, issuePath(key), start)
		if err := c.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return "", err
		}
		for _, comment := range page.Comments {
			for _, p := range comment.Properties {
				var m mark
				if p.Key == property && json.Unmarshal(p.Value, &m) == nil && m.Step == step {
					return comment.ID, nil
				}
			}
		}
		start += len(page.Comments)
		if len(page.Comments) == 0 || start >= page.Total {
			break
		}
	}
	return "", nil
}

// Comment comments on an issue under a mark and returns the comment's id.
func (c *Client) Comment(ctx context.Context, key string, t Text, step string) (string, error) {
	cloud, err := c.Cloud(ctx)
	if err != nil {
		return "", err
	}
	body, err := t.value(cloud)
	if err != nil {
		return "", err
	}
	api, _ := c.api(ctx)
	var made struct {
		ID string `json:"id"`
	}
	in := map[string]any{"body": body, "properties": []any{map[string]any{"key": property, "value": mark{step}}}}
	if err := c.call(ctx, http.MethodPost, api+issuePath(key)+"/comment", in, &made); err != nil {
		return "", err
	}
	return made.ID, nil
}

// DeleteComment deletes a comment of an issue.
func (c *Client) DeleteComment(ctx context.Context, key, id string) error {
	api, err := c.api(ctx)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodDelete, api+issuePath(key)+"/comment/"+url.PathEscape(id), nil, nil)
}
