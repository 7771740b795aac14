package step_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

type jiraOutput struct {
	Key       string         `json:"key"`
	CommentID string         `json:"commentID"`
	Issue     map[string]any `json:"issue"`
}

// ticketing is a Promotion with one step jira, at the Jira whose secrets begin with name.
func ticketing(t *testing.T, name string, c config) *bench {
	t.Helper()
	b := newBench(t, use("jira", merge(config{"credentials": config{"secretName": name}}, c)))
	b.jira.DataCenter = name != "cloud"
	return b
}

func create(c config) config {
	return config{"createIssue": merge(config{"projectKey": "OPS", "summary": "Release 1.9.3"}, c)}
}

func TestJiraCreatesAnIssue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"jira", "cloud", "pat"} {
		t.Run("with the secrets of "+name, func(t *testing.T) {
			t.Parallel()
			b := ticketing(t, name, create(config{
				"summary": " Release\n1.9.3", "description": "one\n\ntwo", "assigneeEmail": "ana@acme.dev", "labels": []any{"stage-prod"},
				"customFields": config{"customfield_1": config{"value": "x"}},
			}))
			b.want(0, pipeline.Succeeded)
			issues := b.jira.Issues()
			if len(issues) != 1 || output[jiraOutput](b, 0).Key != "OPS-1" || b.world.Notes.Values[freightName]["jira-issue-key"] != "OPS-1" {
				t.Fatalf("%+v, %v", issues, b.world.Notes.Values)
			}
			f := issues[0].Fields
			labels := fmt.Sprint(f["labels"])
			if f["summary"] != "Release 1.9.3" || fmt.Sprint(f["issuetype"]) != "map[name:Task]" || !strings.HasPrefix(labels, "[stage-prod kargo-prod-142.jira.") || f["customfield_1"] == nil || f["assignee"] == nil {
				t.Errorf("%v", f)
			}
		})
	}
	t.Run("under another alias, with a document", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "cloud", create(config{"issueAlias": "change", "issueType": "Bug", "adfDescription": config{"type": "doc", "version": 1, "content": []any{}}}))
		b.want(0, pipeline.Succeeded)
		if b.world.Notes.Values[freightName]["change"] != "OPS-1" {
			t.Error(b.world.Notes.Values)
		}
	})
}

func TestJiraCreatesOneIssue(t *testing.T) {
	t.Parallel()
	t.Run("though the answer was lost and the index lags", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "jira", create(nil))
		b.jira.Lag = 1
		b.world.Fault = func(op string, after bool) error {
			if op == "web" && after && len(b.jira.Issues()) == 1 {
				b.world.Fault = nil
				return errors.New("connection reset")
			}
			return nil
		}
		b.want(0, pipeline.Errored)
		b.p.Steps[0].Phase = pipeline.Running // its retry policy says to go on
		wait := b.want(0, pipeline.Running)
		if d := wait.WakeAt.Sub(b.world.Now); d != 30*time.Second || !strings.Contains(wait.Message, "making sure") {
			t.Errorf("%+v", wait)
		}
		b.want(0, pipeline.Succeeded)
		if got := b.jira.Issues(); len(got) != 1 || output[jiraOutput](b, 0).Key != "OPS-1" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("though the process died after each request", func(t *testing.T) {
		t.Parallel()
		for dies := 1; ; dies++ {
			b := ticketing(t, "jira", create(nil))
			n := 0
			b.world.Fault = func(op string, after bool) error {
				if op == "web" && after {
					if n++; n == dies {
						return errors.New("the process died")
					}
				}
				return nil
			}
			if _, err := b.try(t.Context(), 0); err != nil { // nobody records it
				t.Fatal(err)
			}
			died := n >= dies
			b.world.Fault = nil
			for range 3 {
				if b.run(0).Phase == pipeline.Succeeded {
					break
				}
			}
			if got := b.jira.Issues(); len(got) != 1 || output[jiraOutput](b, 0).Key != "OPS-1" {
				t.Fatalf("died after request %d: %+v", dies, got)
			}
			if !died {
				break
			}
		}
	})
	t.Run("when somebody has the Promotion go on", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "jira", create(nil))
		if _, err := b.try(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		b.p.Retries++
		b.p.Steps[0] = pipeline.StepState{}
		b.want(0, pipeline.Succeeded)
		if got := b.jira.Issues(); len(got) != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("and one for each step", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "jira", create(nil))
		other := b.p.Stage.Steps[0]
		other.As = "another"
		b.p.Stage.Steps, b.p.Steps = append(b.p.Stage.Steps, other), append(b.p.Steps, pipeline.StepState{})
		b.want(0, pipeline.Succeeded)
		b.want(1, pipeline.Succeeded)
		if got := b.jira.Issues(); len(got) != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func TestJiraChangesAnIssue(t *testing.T) {
	t.Parallel()
	b := ticketing(t, "jira", config{"updateIssue": config{
		"issueKey": "OPS-1", "summary": "Released", "status": "IN PROGRESS", "addLabels": []any{"b", "both"}, "removeLabels": []any{"a", "both"}, "description": "done",
	}})
	b.jira.Add(map[string]any{"labels": []any{"a", "x"}})
	for range 2 {
		if res, err := b.try(t.Context(), 0); err != nil || res.Phase != pipeline.Succeeded || len(res.Output) > 0 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	i := b.jira.Issues()[0]
	if diff := cmp.Diff([]any{"x", "b", "both"}, i.Fields["labels"]); diff != "" || i.Status != "In Progress" || i.Fields["summary"] != "Released" || i.Fields["description"] != "done" {
		t.Errorf("%+v\n%s", i, diff)
	}
}

func TestJiraDeletes(t *testing.T) {
	t.Parallel()
	t.Run("an issue once, though the answer was lost", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "jira", config{"deleteIssue": config{"issueKey": "OPS-1", "deleteSubtasks": true}})
		b.jira.AddSubtask(b.jira.Add(map[string]any{}))
		if _, err := b.try(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		b.want(0, pipeline.Succeeded)
		if len(b.jira.Issues()) > 0 {
			t.Error(b.jira.Issues())
		}
	})
	t.Run("no issue that it never saw", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "jira", config{"deleteIssue": config{"issueKey": "OPS-9"}})
		if res := b.want(0, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "delete issue OPS-9: jira answers 404") {
			t.Errorf("%+v", res)
		}
	})
	t.Run("a comment, whose id an expression made a number", func(t *testing.T) {
		t.Parallel()
		b := ticketing(t, "jira", config{"commentOnIssue": config{"issueKey": "OPS-1", "body": "hello"}})
		b.jira.Add(map[string]any{})
		b.want(0, pipeline.Succeeded)
		id := output[jiraOutput](b, 0).CommentID
		for i, as := range []any{10_002, id} {
			b.p.Stage.Steps = append(b.p.Stage.Steps, use("jira", config{
				"credentials": config{"sharedSecretName": "jira"}, "deleteComment": config{"issueKey": "OPS-1", "commentID": as},
			}))
			b.p.Steps = append(b.p.Steps, pipeline.StepState{})
			want := pipeline.Succeeded
			if i == 1 {
				want = pipeline.Errored // it is gone
			}
			b.want(i+1, want)
		}
		if len(b.jira.Issues()[0].Comments) > 0 {
			t.Error(b.jira.Issues())
		}
	})
}

func TestJiraCommentsOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"jira", "cloud"} {
		b := ticketing(t, name, config{"commentOnIssue": config{"issueKey": "OPS-1", "body": "hello"}})
		b.jira.Add(map[string]any{})
		if _, err := b.try(t.Context(), 0); err != nil { // nobody records it
			t.Fatal(err)
		}
		b.want(0, pipeline.Succeeded)
		comments := b.jira.Issues()[0].Comments
		if len(comments) != 1 || output[jiraOutput](b, 0).CommentID != comments[0].ID {
			t.Errorf("%s: %+v", name, comments)
		}
	}
}

func TestJiraFinds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		issues   int
		config   config
		phase    pipeline.Phase
		terminal bool
		want     string
	}{
		"the only one":                {1, nil, pipeline.Succeeded, false, ""},
		"none":                        {0, nil, pipeline.Failed, false, "no issue matches"},
		"more than one":               {2, nil, pipeline.Failed, true, "OPS-1, OPS-2 and maybe more match; expectMultiple takes the first"},
		"the first of several":        {2, config{"expectMultiple": true, "fields": []any{"summary"}, "expands": []any{"changelog"}}, pipeline.Succeeded, false, ""},
		"nothing by JQL that is none": {1, config{"jql": "nonsense"}, pipeline.Errored, true, "Error in the JQL Query"},
		"none that it could keep":     {-1, nil, pipeline.Errored, true, "name fewer fields"},
	} {
		for _, kind := range []string{"jira", "cloud"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				b := ticketing(t, kind, config{"searchIssue": merge(config{"jql": "project = OPS ORDER BY created DESC"}, tt.config)})
				for n := range tt.issues {
					b.jira.Add(map[string]any{"summary": fmt.Sprint("a", n)})
				}
				if tt.issues < 0 {
					b.jira.Add(map[string]any{"summary": strings.Repeat("a", 300<<10)})
				}
				res := b.want(0, tt.phase)
				if res.Terminal != tt.terminal || !strings.Contains(res.Message, tt.want) {
					t.Errorf("%+v", res)
				}
				if tt.phase != pipeline.Succeeded {
					return
				}
				out := output[jiraOutput](b, 0)
				fields, _ := out.Issue["fields"].(map[string]any)
				if out.Key != "OPS-1" || out.Issue["key"] != "OPS-1" || fields["summary"] != "a0" {
					t.Errorf("%+v", out)
				}
			})
		}
	}
}

func TestJiraWaitsForAStatus(t *testing.T) {
	t.Parallel()
	b := ticketing(t, "jira", config{"waitForStatus": config{"issueKey": "OPS-1", "expectedStatus": "DONE", "pollInterval": "30s"}})
	b.jira.Add(map[string]any{})
	res := b.want(0, pipeline.Running)
	if res.WakeAt.Sub(b.world.Now) != 30*time.Second || res.Message != "waiting for OPS-1 to be DONE; it is To Do" || res.Transient {
		t.Errorf("%+v", res)
	}
	b.jira.Down = http.StatusBadGateway
	if res := b.want(0, pipeline.Running); !res.Transient {
		t.Errorf("%+v", res)
	}
	b.jira.Down = 0
	b.world.Fault = func(op string, _ bool) error {
		if op == "web" {
			return errors.New("no route to host")
		}
		return nil
	}
	if res := b.want(0, pipeline.Running); !res.Transient {
		t.Errorf("%+v", res)
	}
	b.world.Fault = nil
	b.jira.SetStatus("OPS-1", "Done")
	b.want(0, pipeline.Succeeded)
}

func TestJiraThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	b := ticketing(t, "jira", create(nil))
	b.jira.Down = http.StatusTooManyRequests
	if res := b.want(0, pipeline.Running); !res.Transient || res.WakeAt.Sub(b.world.Now) != 17*time.Second {
		t.Errorf("%+v", res)
	}
	for name, tt := range map[string]struct{ secrets, want string }{
		"a secret that is missing":                  {"none", "kargo secrets set acme/gitops NONE_DOMAIN"},
		"a secret that is the address of something": {"slack", "secret SLACK_DOMAIN: the domain is not the address of a Jira"},
	} {
		b := ticketing(t, tt.secrets, create(nil))
		if res := b.run(0); res.Phase != pipeline.Errored || !strings.Contains(res.Message, tt.want) {
			t.Errorf("%s: %+v", name, res)
		}
	}
}

func TestJiraRefuses(t *testing.T) {
	t.Parallel()
	reg, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	credentials := config{"secretName": "jira"}
	with := func(field string, c config) config { return config{"credentials": credentials, field: c} }
	for name, tt := range map[string]struct {
		config config
		want   string
	}{
		"nothing to do":           {config{"credentials": credentials}, "want exactly one of createIssue"},
		"two things at once":      {merge(with("deleteIssue", config{"issueKey": "A-1"}), config{"searchIssue": config{"jql": "a = b"}}), "want exactly one of createIssue"},
		"no credentials":          {config{"credentials": config{}, "searchIssue": config{"jql": "a = b"}}, "exactly one of secretName and sharedSecretName"},
		"two credentials":         {config{"credentials": config{"secretName": "a", "sharedSecretName": "b"}, "searchIssue": config{"jql": "a = b"}}, "exactly one of secretName and sharedSecretName"},
		"a key that is none":      {with("deleteIssue", config{"issueKey": "../../rest"}), "no issue such as OPS-7"},
		"no key":                  {with("updateIssue", config{"issueKey": ""}), "updateIssue.issueKey must not be empty"},
		"a project that is none":  {with("createIssue", config{"projectKey": `OPS" OR x`, "summary": "a"}), "no project such as OPS"},
		"text and document":       {with("createIssue", config{"projectKey": "OPS", "summary": "a", "description": "b", "adfDescription": config{"type": "doc"}}), "exclude each other"},
		"a label with blanks":     {with("createIssue", config{"projectKey": "OPS", "summary": "a", "labels": []any{"a b"}}), "no label"},
		"a comment without words": {with("commentOnIssue", config{"issueKey": "A-1"}), "want it, or adfBody"},
		"an id that is none":      {with("deleteComment", config{"issueKey": "A-1", "commentID": "a/b"}), "no id of a comment"},
		"an unknown field":        {with("waitForStatus", config{"issueKey": "A-1", "expectedstatus": "Done"}), `did you mean "expectedStatus"`},
	} {
		if err := reg.CheckConfig("jira", tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	b := ticketing(t, "jira", create(config{"adfDescription": config{"type": "doc", "version": 1}}))
	if res := b.want(0, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "no documents (ADF)") {
		t.Errorf("%+v", res)
	}
	b = ticketing(t, "jira", config{"updateIssue": config{"issueKey": "OPS-1", "status": "Done"}})
	b.jira.Add(map[string]any{})
	if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, "no transition") {
		t.Errorf("%+v", res)
	}
	if slices.ContainsFunc(b.jira.Requests(), func(r string) bool { return strings.HasPrefix(r, "PUT") }) {
		t.Error(b.jira.Requests())
	}
}
