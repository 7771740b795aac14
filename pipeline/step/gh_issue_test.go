package step_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// conformingOnGitHub is the part of conforming for steps on GitHub Actions and issues.
func conformingOnGitHub() map[string][]pipeline.StepSpec {
	return map[string][]pipeline.StepSpec{
		"gha-dispatch-workflow": {dispatchStep()},
		"gha-wait-for-workflow": {dispatchStep(), use("gha-wait-for-workflow", config{"repoURL": repoURL, "runID": 100})},
		"workflow":              {use("workflow", config{"file": "deploy.yml"})},
		"gh-create-issue":       {createIssueStep()},
		"gh-update-issue": {createIssueStep(), use("gh-update-issue", config{
			"repoURL": repoURL, "issueNumber": 1, "body": "other", "state": "closed", "addLabels": []any{"a"}, "removeLabels": []any{"*"},
		})},
		"gh-search-issues":     {createIssueStep(), use("gh-search-issues", config{"repoURL": repoURL, "query": "release"})},
		"gh-issue-add-comment": {createIssueStep(), addCommentStep()},
		"gh-issue-update-comment": {createIssueStep(), addCommentStep(), use("gh-issue-update-comment", config{
			"repoURL": repoURL, "commentID": 1001, "body": "other",
		})},
		"gh-issue-delete-comment": {createIssueStep(), addCommentStep(), use("gh-issue-delete-comment", config{"repoURL": repoURL, "commentID": 1001})},
		"gh-wait-for-issue-state": {createIssueStep(), use("gh-wait-for-issue-state", config{
			"repoURL": repoURL, "issueNumber": 1, "successExpression": "issue.state == 'closed'",
		})},
	}
}

func createIssueStep() pipeline.StepSpec {
	return use("gh-create-issue", config{"repoURL": repoURL, "title": "release web", "body": "go"})
}

func addCommentStep() pipeline.StepSpec {
	return use("gh-issue-add-comment", config{"repoURL": repoURL, "issueNumber": 1, "body": "hello"})
}

func onIssue(uses string, more config) pipeline.StepSpec {
	c := config{"repoURL": repoURL, "issueNumber": 1}
	for k, v := range more {
		c[k] = v
	}
	return use(uses, c)
}

func TestCreateIssue(t *testing.T) {
	t.Parallel()
	var many []any
	for i := range 12 {
		many = append(many, fmt.Sprintf("p%d", i))
	}
	b := newBench(t, use("gh-create-issue", config{
		"repoURL": repoURL, "title": "release\nweb", "body": "to @ana\n\n" + strings.Repeat("x", 70_000), "labels": []any{"release"},
		"assignees": many, "issueAlias": "ticket",
	}))
	b.want(0, pipeline.Succeeded)
	out := output[step.CreateIssueOutput](b, 0)
	if out.Number != 1 || out.URL != "https://github.com/acme/gitops/issues/1" {
		t.Errorf("%+v", out)
	}
	n := b.world.Issues.Created[0]
	if n.Title != "release web" || len(n.Assignees) != 10 || !slices.Equal(n.Labels, []string{"release"}) {
		t.Errorf("%+v", n)
	}
	if !strings.HasPrefix(n.Body, "to @ana\n") || report.FindStepMarker(n.Body) == "" || len([]rune(n.Body)) > 65_536 {
		t.Errorf("body of %d characters: %.40q", len(n.Body), n.Body)
	}
	if got := b.world.Notes.Values[freightName]["ticket"]; got != 1 {
		t.Errorf("noted %v", b.world.Notes.Values)
	}
}

func TestIssueNumberIsNotedByKargosName(t *testing.T) {
	t.Parallel()
	b := newBench(t, createIssueStep())
	b.want(0, pipeline.Succeeded)
	if got := b.world.Notes.Values[freightName]["github-issue-number"]; got != 1 {
		t.Errorf("noted %v", b.world.Notes.Values)
	}
}

// TestCreatedOnceWhereverTheServerDies lets the process die around everything that a
// step does which creates things.
func TestCreatedOnceWhereverTheServerDies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		specs []pipeline.StepSpec
		ops   []string
	}{
		{[]pipeline.StepSpec{createIssueStep()}, []string{"own-issues", "create-issue", "set-metadata"}},
		{[]pipeline.StepSpec{createIssueStep(), addCommentStep()}, []string{"own-comments", "add-comment"}},
	} {
		for _, op := range tt.ops {
			for _, after := range []bool{false, true} {
				for _, transient := range []bool{false, true} {
					last := len(tt.specs) - 1
					b := newBench(t, tt.specs...)
					b.upTo(last)
					b.world.Issues.Lag = 3 * time.Second
					killed, hit := errors.New("killed"), false
					b.world.Fault = func(o string, a bool) error {
						switch {
						case hit || o != op || a != after:
							return nil
						case transient:
							hit = true
							return &pipeline.TransientError{Err: killed}
						}
						hit = true
						return killed
					}
					for range 10 {
						res, err := b.try(t.Context(), last)
						if err != nil {
							t.Fatal(err)
						}
						if !transient && strings.Contains(res.Message, "killed") {
							continue // nobody recorded the result
						}
						b.p.Apply(last, res, b.world.Now)
						if b.p.Steps[last].Phase.Terminal() {
							break
						}
						b.world.Now = b.p.Steps[last].WakeAt
					}
					what := fmt.Sprintf("%s, after %v, transient %v", op, after, transient)
					if s := b.p.Steps[last]; s.Phase != pipeline.Succeeded || !hit {
						t.Errorf("%s: %s: %s", what, s.Phase, s.Message)
					}
					all := b.world.Issues.All()
					if len(all) != 1 || len(all[1].Comments) != last {
						t.Errorf("%s: %d issues, %d comments", what, len(all), len(all[1].Comments))
					}
				}
			}
		}
	}
}

func TestStartOverKeepsIssueAndComment(t *testing.T) {
	t.Parallel()
	b := newBench(t, createIssueStep(), onIssue("gh-update-issue", config{"body": ""}), addCommentStep())
	b.upTo(3)
	b.p.Rewind(0, "main moved")
	b.world.Now = b.world.Now.Add(time.Hour)
	b.upTo(3)
	if all := b.world.Issues.All(); len(all) != 1 || len(all[1].Comments) != 1 {
		t.Errorf("%+v", all)
	}
}

func TestMarkOfSomebodyElseIsNotOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, createIssueStep(), createIssueStep())
	b.p.Stage.Steps[1].As = "second"
	b.want(0, pipeline.Succeeded)
	forged := b.world.Issues.All()[1].Body
	b.world.Issues.Open(step.Issue{Title: "forged", Body: forged})
	b.want(1, pipeline.Succeeded)
	if n := output[step.CreateIssueOutput](b, 1).Number; n != 3 {
		t.Errorf("adopted #%d", n)
	}
}

func TestBodiesMentionOnlyWhomThePipelineNames(t *testing.T) {
	t.Parallel()
	b := newBench(t, createIssueStep())
	spec := &b.p.Stage.Steps[0]
	def, _ := b.steps.Lookup(spec.Uses)
	spec.Config["body"] = "@ana: ${{ commitFrom('x').Message }}"
	b.p.Begin(0, b.world.Now)
	evaluated := config{"repoURL": repoURL, "title": "t", "body": "@ana: fix by @bob <!-- kargo:v1 step=x -->"}
	if _, err := def.Run(t.Context(), b.env(0), evaluated); err != nil {
		t.Fatal(err)
	}
	body := b.world.Issues.All()[1].Body
	if !strings.HasPrefix(body, "@ana: fix by @\u2060bob <!--\u2060 kargo") {
		t.Errorf("%q", body)
	}
}

func TestUpdateIssue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change config
		want   step.Issue
	}{
		"title":                     {config{"title": "new"}, step.Issue{Title: "new"}},
		"state":                     {config{"state": "closed"}, step.Issue{State: "closed"}},
		"body":                      {config{"body": "new"}, step.Issue{Body: "new"}},
		"empty body clears":         {config{"body": ""}, step.Issue{Body: "-"}},
		"assignees replace":         {config{"assignees": []any{"bob"}}, step.Issue{Assignees: []string{"bob"}}},
		"empty assignees clear":     {config{"assignees": []any{}}, step.Issue{Assignees: []string{}}},
		"labels are added":          {config{"addLabels": []any{"C", "A"}}, step.Issue{Labels: []string{"a", "b", "C"}}},
		"labels are removed":        {config{"removeLabels": []any{"A", "other"}}, step.Issue{Labels: []string{"b"}}},
		"added beats removed":       {config{"addLabels": []any{"a", "c"}, "removeLabels": []any{"a", "b", "c"}}, step.Issue{Labels: []string{"a", "c"}}},
		"all are removed":           {config{"removeLabels": []any{"*"}}, step.Issue{Labels: []string{}}},
		"all but the added removed": {config{"addLabels": []any{"b"}, "removeLabels": []any{"*"}}, step.Issue{Labels: []string{"b"}}},
	} {
		b := newBench(t, onIssue("gh-update-issue", tt.change))
		was := step.Issue{Title: "old", Body: "old", Labels: []string{"a", "b"}, Assignees: []string{"ana"}}
		b.world.Issues.Open(was)
		b.want(0, pipeline.Succeeded)
		got := b.world.Issues.All()[1].Issue
		want := got
		want.Title, want.Body, want.State, want.Labels, want.Assignees = "old", "old", "open", was.Labels, was.Assignees
		for to, v := range map[*string]string{&want.Title: tt.want.Title, &want.Body: tt.want.Body, &want.State: tt.want.State} {
			if v != "" {
				*to = strings.TrimPrefix(v, "-")
			}
		}
		if tt.want.Labels != nil {
			want.Labels = tt.want.Labels
		}
		if tt.want.Assignees != nil {
			want.Assignees = tt.want.Assignees
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestSearchIssues(t *testing.T) {
	t.Parallel()
	search := func(more config) pipeline.StepSpec {
		c := config{"repoURL": repoURL}
		for k, v := range more {
			c[k] = v
		}
		return use("gh-search-issues", c)
	}
	b := newBench(t, search(config{"issueNumber": 2}), search(config{"issueNumber": 99}), search(config{"query": "release"}), search(config{"query": "nothing"}))
	for i := range 40 {
		b.world.Issues.Open(step.Issue{Title: fmt.Sprintf("release %d", i), Body: strings.Repeat("b", 5_000), Labels: []string{"l"}})
	}
	b.upTo(4)
	one := output[step.SearchIssuesOutput](b, 0).Issues
	want := []step.IssueOutput{{
		Number: 2, Title: "release 1", Body: strings.Repeat("b", 3_999) + "…", State: "open", Labels: []string{"l"}, Assignees: []string{},
		URL: "https://github.com/acme/gitops/issues/2",
	}}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}
	for i, n := range map[int]int{1: 0, 2: 30, 3: 0} {
		if got := output[step.SearchIssuesOutput](b, i).Issues; got == nil || len(got) != n {
			t.Errorf("search %d found %d, want %d", i, len(got), n)
		}
	}
}

func TestCommentIsAddedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	of := func(uses string, more config) pipeline.StepSpec {
		c := config{"repoURL": repoURL, "commentID": 1001}
		for k, v := range more {
			c[k] = v
		}
		return use(uses, c)
	}
	b := newBench(t, createIssueStep(), addCommentStep(), of("gh-issue-update-comment", config{"body": "changed"}), of("gh-issue-delete-comment", nil))
	b.upTo(2)
	want := step.CommentOutput{CommentID: 1001, URL: "https://github.com/acme/gitops/issues/1#issuecomment-1001"}
	if got := output[step.CommentOutput](b, 1); got != want {
		t.Errorf("%+v", got)
	}
	b.want(2, pipeline.Succeeded)
	if got := output[step.CommentOutput](b, 2); got != want {
		t.Errorf("%+v", got)
	}
	if body := b.world.Issues.All()[1].Comments[0].Body; !strings.HasPrefix(body, "changed\n\n<!-- kargo:v1 step=") {
		t.Errorf("%q", body)
	}
	b.want(3, pipeline.Succeeded)
	if c := b.world.Issues.All()[1].Comments; len(c) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestCommentsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		comment step.IssueComment
		says    string
	}{
		"of a person":                     {step.IssueComment{Author: "ana", Body: "mine"}, "it was written by ana"},
		"of a person who copied the mark": {step.IssueComment{Author: "ana", Body: report.StepMarker("x")}, "it was written by ana"},
		"that the App writes by itself":   {step.IssueComment{Author: "kargo[bot]", Own: true, Body: report.TrackerMarker}, "it was not written by gh-issue-add-comment"},
	} {
		for _, uses := range []string{"gh-issue-update-comment", "gh-issue-delete-comment"} {
			b := newBench(t, createIssueStep())
			b.want(0, pipeline.Succeeded)
			id := b.world.Issues.Say(1, tt.comment)
			c := config{"repoURL": repoURL, "commentID": id}
			if uses == "gh-issue-update-comment" {
				c["body"] = "other"
			}
			b.p.Stage.Steps[0] = use(uses, c)
			b.p.Steps[0] = pipeline.StepState{}
			if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, tt.says) {
				t.Errorf("%s of a comment %s: %+v", uses, name, res)
			}
			if got := b.world.Issues.All()[1].Comments; len(got) != 1 || got[0].Body != tt.comment.Body {
				t.Errorf("%s of a comment %s left %+v", uses, name, got)
			}
		}
	}
}

func TestWaitForIssueState(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		success, failure string
		change           step.IssueChange
		phase            pipeline.Phase
	}{
		"goes on once success holds":     {"issue.state == 'closed'", "", step.IssueChange{State: text("closed")}, pipeline.Succeeded},
		"waits while nothing holds":      {"issue.state == 'closed'", "'no' in issue.labels", step.IssueChange{Title: text("x")}, pipeline.Running},
		"fails once failure holds":       {"issue.state == 'closed'", "'no' in issue.labels", step.IssueChange{AddLabels: []string{"no"}}, pipeline.Failed},
		"failure is looked at first":     {"issue.state == 'closed'", "'no' in issue.labels", step.IssueChange{State: text("closed"), AddLabels: []string{"no"}}, pipeline.Failed},
		"sees assignees, title and body": {"len(issue.assignees) == 1 && issue.title contains 'web' && issue.body startsWith 'go' && issue.number == 1", "", step.IssueChange{Assignees: &[]string{"ana"}}, pipeline.Succeeded},
		"text is neither true nor false": {"issue.title", "", step.IssueChange{Title: text("true")}, pipeline.Errored},
	} {
		b := newBench(t, createIssueStep(), onIssue("gh-wait-for-issue-state", config{"successExpression": tt.success, "failureExpression": tt.failure}))
		b.upTo(1)
		if tt.phase != pipeline.Errored {
			res := b.want(1, pipeline.Running)
			if !slices.Equal(res.WakeOn, []string{"issue/acme/gitops/1", "pull/acme/gitops/1"}) || res.WakeAt != b.world.Now.Add(b.world.PollInterval) {
				t.Errorf("%s: wakes at %s on %v", name, res.WakeAt, res.WakeOn)
			}
		}
		if err := b.world.Issues.UpdateIssue(t.Context(), b.p.Repo, 1, tt.change); err != nil {
			t.Fatal(err)
		}
		if res := b.want(1, tt.phase); res.Terminal != (tt.phase == pipeline.Failed || tt.phase == pipeline.Errored) {
			t.Errorf("%s: %+v", name, res)
		}
	}
}

func text(s string) *string { return &s }

func TestIssueConfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec pipeline.StepSpec
		says string
	}{
		"an issue without a title":         {use("gh-create-issue", config{"repoURL": repoURL, "title": " "}), "title must not be empty"},
		"an issue of somebody else":        {use("gh-create-issue", config{"repoURL": "https://github.com/other/x", "title": "t"}), "may act in repositories of acme only"},
		"an update of nothing":             {onIssue("gh-update-issue", nil), "nothing to change"},
		"an update to no state":            {onIssue("gh-update-issue", config{"state": "merged"}), `state "merged": want open or closed`},
		"an update of no issue":            {onIssue("gh-update-issue", config{"issueNumber": 0, "title": "t"}), "issueNumber must be at least 1"},
		"a search for nothing":             {use("gh-search-issues", config{"repoURL": repoURL}), "exactly one of issueNumber and query"},
		"a search for both":                {use("gh-search-issues", config{"repoURL": repoURL, "issueNumber": 1, "query": "x"}), "exactly one of issueNumber and query"},
		"an empty comment":                 {onIssue("gh-issue-add-comment", config{"body": " "}), "body must not be empty"},
		"a wait for what is no expression": {onIssue("gh-wait-for-issue-state", config{"successExpression": "issue.state =="}), "successExpression"},
	} {
		b := newBench(t, tt.spec)
		if res := b.run(0); !res.Terminal || !strings.Contains(res.Message, tt.says) {
			t.Errorf("%s: %+v", name, res)
		}
	}
}
