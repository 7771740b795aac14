package jira_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/jira"
	"github.com/kargo-app/kargo/pipeline/jira/jiratest"
)

// ask returns a Client of a server.
func ask(t *testing.T, s *jiratest.Server, username, password string) *jira.Client {
	t.Helper()
	site := httptest.NewServer(s)
	t.Cleanup(site.Close)
	c, err := jira.New(jira.Login{Domain: site.URL + "/", Username: username, Password: password}, site.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// both runs a test against each kind of Jira.
func both(t *testing.T, f func(t *testing.T, c *jira.Client, s *jiratest.Server)) {
	t.Helper()
	for name, dataCenter := range map[string]bool{"cloud": false, "data center": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &jiratest.Server{DataCenter: dataCenter}
			f(t, ask(t, s, jiratest.Username, jiratest.Password), s)
		})
	}
}

func TestIssuesOfBothKindsOfJira(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *jira.Client, s *jiratest.Server) {
		t.Helper()
		ctx := t.Context()
		key, err := c.Create(ctx, jira.NewIssue{
			Project: "OPS", Labels: []string{"a", "kargo-1"},
			Fields: jira.Fields{
				Summary: "Release", IssueType: "Task", Description: jira.Text{Plain: "one\ntwo\n\nthree [~ana]"}, Assignee: "ana@acme.dev",
				Custom: map[string]json.RawMessage{"customfield_1": json.RawMessage(`{"value": "x"}`)},
			},
		})
		if err != nil || key != "OPS-1" {
			t.Fatal(key, err)
		}
		fields := s.Issues()[0].Fields
		who, _ := fields["assignee"].(map[string]any)
		if who["accountId"] != "5b10" && who["name"] != "ana" || fields["customfield_1"].(map[string]any)["value"] != "x" { //nolint:forcetypeassert // a test
			t.Errorf("%v", fields)
		}
		if text, ok := fields["description"].(string); ok && strings.Contains(text, "[~ana]") {
			t.Errorf("wiki text mentions somebody: %q", text)
		}
		found, err := c.Find(ctx, jira.Search{JQL: `labels = "kargo-1" ORDER BY created ASC`, Fields: []string{"summary"}, Expand: []string{"names", "changelog"}, Max: 1})
		if err != nil || len(found) != 1 || jira.Key(found[0]) != key {
			t.Errorf("%s, %v", found, err)
		}
		ch := jira.Change{Fields: jira.Fields{Summary: "Released", IssueType: "Bug"}, AddLabels: []string{"b", "c"}, RemoveLabels: []string{"a", "c"}}
		for range 2 {
			if err := c.Update(ctx, key, ch); err != nil {
				t.Fatal(err)
			}
		}
		fields = s.Issues()[0].Fields
		if diff := cmp.Diff([]any{"kargo-1", "b", "c"}, fields["labels"]); diff != "" || fields["summary"] != "Released" {
			t.Errorf("%v\n%s", fields, diff)
		}
		for range 2 {
			if err := c.Move(ctx, key, "in progress"); err != nil {
				t.Fatal(err)
			}
		}
		if status, err := c.Status(ctx, key); status != "In Progress" || err != nil {
			t.Error(status, err)
		}
		s.AddSubtask(key)
		if err := c.Delete(ctx, key, false); err == nil || !strings.Contains(err.Error(), "has subtasks") {
			t.Error(err)
		}
		if err := c.Delete(ctx, key, true); err != nil || len(s.Issues()) != 0 {
			t.Error(err, s.Issues())
		}
		if err := c.Delete(ctx, key, true); !jira.IsNotFound(err) {
			t.Error(err)
		}
	})
}

func TestCommentsOfBothKindsOfJira(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *jira.Client, s *jiratest.Server) {
		t.Helper()
		ctx := t.Context()
		key := s.Add(map[string]any{"summary": "a"})
		id, err := c.Comment(ctx, key, jira.Text{Plain: "hello"}, "p.1")
		if err != nil {
			t.Fatal(err)
		}
		for range 120 { // of others, more than one page of them
			if _, err := c.Comment(ctx, key, jira.Text{Plain: "noise"}, "p.2"); err != nil {
				t.Fatal(err)
			}
		}
		if own, err := c.OwnComment(ctx, key, "p.1"); own != id || err != nil {
			t.Errorf("%q, %v; want %q", own, err, id)
		}
		if own, err := c.OwnComment(ctx, key, "p.3"); own != "" || err != nil {
			t.Errorf("%q, %v", own, err)
		}
		if err := c.DeleteComment(ctx, key, id); err != nil {
			t.Error(err)
		}
		if err := c.DeleteComment(ctx, key, id); !jira.IsNotFound(err) {
			t.Error(err)
		}
	})
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	doc := jira.Text{Document: json.RawMessage(`{"type": "doc", "version": 1, "content": []}`)}
	cloud := &jiratest.Server{}
	key := cloud.Add(map[string]any{})
	if _, err := ask(t, cloud, jiratest.Username, jiratest.Password).Comment(t.Context(), key, doc, "p"); err != nil {
		t.Error(err)
	}
	center := &jiratest.Server{DataCenter: true}
	key = center.Add(map[string]any{})
	if _, err := ask(t, center, jiratest.Username, jiratest.Password).Comment(t.Context(), key, doc, "p"); !errors.Is(err, jira.ErrNoDocuments) {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"a": `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]}`,
		"\na\r\n\nb\nc\n": `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]},` +
			`{"type":"paragraph","content":[{"type":"text","text":"b"},{"type":"hardBreak"},{"type":"text","text":"c"}]}]}`,
	} {
		id, err := ask(t, cloud, jiratest.Username, jiratest.Password).Comment(t.Context(), "OPS-1", jira.Text{Plain: text}, "p")
		if err != nil {
			t.Fatal(err)
		}
		comments := cloud.Issues()[0].Comments
		at := slices.IndexFunc(comments, func(c jiratest.Comment) bool { return c.ID == id })
		var wanted any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, comments[at].Body); diff != "" {
			t.Errorf("%q, -want +got:\n%s", text, diff)
		}
	}
}

func TestLoginsThatJiraDoesNotAccept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		dataCenter bool
		username   string
		password   string
		status     int
	}{
		"the cloud pretends that nothing exists":         {false, jiratest.Username, "token-0", http.StatusUnauthorized},
		"a data center says so":                          {true, jiratest.Username, "token-0", http.StatusUnauthorized},
		"a personal access token needs no name":          {true, "", jiratest.Password, 0},
		"a personal access token that is no longer good": {true, "", "token-0", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &jiratest.Server{DataCenter: tt.dataCenter}
			key := s.Add(map[string]any{"labels": []any{"x"}})
			c := ask(t, s, tt.username, tt.password)
			_, lost := c.Status(t.Context(), key)
			_, nothing := c.Find(t.Context(), jira.Search{JQL: `labels = "x"`, Max: 1})
			for _, err := range []error{lost, nothing} {
				var said *jira.Error
				if errors.As(err, &said) != (tt.status != 0) || said != nil && said.Status != tt.status || err != nil && strings.Contains(err.Error(), tt.password) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestWhatJiraRefuses(t *testing.T) {
	t.Parallel()
	s := &jiratest.Server{}
	c := ask(t, s, jiratest.Username, jiratest.Password)
	key := s.Add(map[string]any{})
	s.AddSubtask(key)
	create := func(n jira.NewIssue) error {
		_, err := c.Create(t.Context(), n)
		return err
	}
	find := func(jql string) error {
		_, err := c.Find(t.Context(), jira.Search{JQL: jql})
		return err
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{create(jira.NewIssue{Project: "NO", Fields: jira.Fields{Summary: "a", IssueType: "Task"}}), "jira answers 400: project: valid project is required"},
		{create(jira.NewIssue{Project: "OPS", Fields: jira.Fields{Summary: "a", IssueType: "Epos"}}), "Specify a valid issue type"},
		{create(jira.NewIssue{Project: "OPS", Fields: jira.Fields{Summary: "a", IssueType: "Task", Assignee: "zoe@acme.dev"}}), "nobody with the address zoe@acme.dev"},
		{create(jira.NewIssue{Project: "OPS", Fields: jira.Fields{Summary: "a", IssueType: "Task", Assignee: "anabelle@acme.dev"}}), "2 people match"},
		{create(jira.NewIssue{Project: "OPS", Fields: jira.Fields{Summary: "a", IssueType: "Task", Assignee: "bo@acme.dev"}}), ""},
		{find("nonsense"), "Error in the JQL Query"},
		{c.Move(t.Context(), key, "Done"), `no transition from "To Do" to "Done": there is one to In Progress`},
		{c.Move(t.Context(), "OPS-99", "Done"), "jira answers 404: Issue does not exist"},
		{c.Update(t.Context(), key, jira.Change{}), ""},
	} {
		if (tt.err == nil) != (tt.want == "") || tt.err != nil && !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%v, want %q", tt.err, tt.want)
		}
	}
	s.Down = http.StatusServiceUnavailable
	var said *jira.Error
	if _, err := c.Status(t.Context(), key); !errors.As(err, &said) || said.Status != 503 || said.RetryAfter != 17*time.Second || strings.Contains(err.Error(), "<html>") {
		t.Error(err)
	}
}

func TestDomains(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "ftp://jira", "https://", "https://u:p@jira.acme.dev", "https://jira.acme.dev/?a=b", "http://a b"} {
		if _, err := jira.New(jira.Login{Domain: bad}, nil); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for domain, want := range map[string]string{
		"acme.atlassian.net":                        "https://acme.atlassian.net/rest/api/3/issue/OPS-1?fields=status",
		" https://api.atlassian.com/ex/jira/1-2/\n": "https://api.atlassian.com/ex/jira/1-2/rest/api/3/issue/OPS-1?fields=status",
		"http://acme.dev/jira/":                     "http://acme.dev/jira/rest/api/2/serverInfo",
	} {
		var asked []string
		c, err := jira.New(jira.Login{Domain: domain}, doer(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			return nil, errors.New("not now")
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Status(t.Context(), "OPS-1"); err == nil || len(asked) != 1 || asked[0] != want {
			t.Errorf("%s: %v, %v", domain, asked, err)
		}
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func FuzzRefusal(f *testing.F) {
	for _, seed := range []string{`{"errorMessages":["no"],"errors":{"a":"b"}}`, `{"message":"m"}`, `<html>`, `{"errors":{"a":1}}`, ``} {
		f.Add([]byte(seed), 400)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		c, err := jira.New(jira.Login{Domain: "acme.atlassian.net"}, doer(func(r *http.Request) (*http.Response, error) {
			rec := httptest.NewRecorder()
			rec.WriteHeader(min(max(status, 200), 599))
			_, _ = rec.Write(body)
			return rec.Result(), nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Status(t.Context(), "OPS-1"); err != nil && (len(err.Error()) > 2500 || strings.ContainsAny(err.Error(), "\r\n")) {
			t.Fatalf("%q", err)
		}
	})
}
