package ghapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// graphQLError is what GitHub says with status 200 about a query that it did not carry
// out, or not whole.
type graphQLError struct {
	kind     string
	messages []string
}

// Error joins GitHub's messages.
func (e *graphQLError) Error() string { return strings.Join(e.messages, "; ") }

// graphQL performs a query. A mutation must not be told apart from a read by who
// repeats requests: every POST is sent once.
func (r *rest) graphQL(ctx context.Context, query string, variables map[string]any, out any) error {
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	// github.com has it at /graphql, a GitHub Enterprise Server beside /api/v3.
	path := "graphql"
	if strings.HasSuffix(r.gh.BaseURL.Path, "/api/v3/") {
		path = strings.TrimSuffix(r.gh.BaseURL.Path, "v3/") + "graphql"
	}
	body := map[string]any{"query": query, "variables": variables}
	if _, err := r.do(ctx, http.MethodPost, path, body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		e := &graphQLError{kind: answer.Errors[0].Type}
		for _, one := range answer.Errors {
			e.messages = append(e.messages, one.Message)
		}
		return e
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fmt.Errorf("decode the answer to a query: %w", err)
	}
	return nil
}

// refusedQuery returns what GitHub said about a query that it understood and refused.
func refusedQuery(err error) (*graphQLError, bool) {
	var e *graphQLError
	return e, errors.As(err, &e)
}
