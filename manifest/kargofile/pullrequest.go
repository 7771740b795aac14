package kargofile

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// GitHub's bounds, for text without expressions.
const (
	maxTitle       = 256
	maxBody        = 60_000
	maxGitHubLabel = 50
	maxApprovals   = 100
)

// environment is the GitHub Environment of a Stage; empty means none.
type environment struct{ name string }

// pullRequest reads how promotion pull requests look. It leaves fields that are
// not mentioned as they are.
func (d *decoder) pullRequest(dst *pipeline.PullRequestPolicy) reader {
	// The texts end up in the configuration of git-open-pr, but secrets have no
	// business in a pull request.
	const allow = expr.AllowOutputs | expr.AllowStatus
	return func(n *yaml.Node, path string) {
		d.object(n, path, "pullRequest",
			field{"merge", enum(d, &dst.Merge, pipeline.MergeAuto, pipeline.MergeManual, pipeline.MergeQueue)},
			field{"method", enum(d, &dst.Method, "squash", "merge", "rebase")},
			field{"title", d.templated(&dst.Title, allow, checkLength(maxTitle))},
			field{"body", d.templated(&dst.Body, allow, checkLength(maxBody))},
			field{"labels", d.texts(&dst.Labels, checkLength(maxGitHubLabel))},
			field{"reviewers", d.texts(&dst.Reviewers, checkLogin)},
			field{"teamReviewers", d.texts(&dst.TeamReviewers, checkTeamSlug)},
			field{"assignees", d.texts(&dst.Assignees, checkLogin)},
			field{"draft", d.boolean(&dst.Draft)},
		)
	}
}

func checkLogin(s string) error {
	if loginForm.MatchString(s) {
		return nil
	}
	return &invalid{message: quoted(s) + " is not a login", expected: "a GitHub login"}
}

// checkTeamSlug admits the last part of a team's name, as GitHub's API wants it.
func checkTeamSlug(s string) error {
	if teamForm.MatchString("org/" + s) {
		return nil
	}
	return &invalid{message: quoted(s) + " is not the slug of a team", expected: "the part of the team's name after the slash"}
}

func (d *decoder) approvals(dst *pipeline.Approvals) reader {
	return func(n *yaml.Node, path string) {
		found := d.object(n, path, "approvals",
			field{"required", d.integer(&dst.Required, 0, maxApprovals)},
			field{"from", d.people(&dst.From)},
			field{"quorum", d.list(func(n *yaml.Node, path string) { dst.Quorum = append(dst.Quorum, d.quorum(n, path)) })},
		)
		if found != nil && found["required"] == nil && found["quorum"] == nil {
			d.problem(n, path).message("approvals demands nothing").expected("required or quorum")
		}
	}
}

// quorum reads a number of approvals that one group has to give.
func (d *decoder) quorum(n *yaml.Node, path string) pipeline.Quorum {
	q := pipeline.Quorum{Required: 1}
	found := d.object(n, path, "a quorum",
		field{"from", d.people(&q.From)},
		field{"required", d.integer(&q.Required, 1, maxApprovals)},
	)
	if found != nil && found["from"] == nil {
		d.missing(n, path, "a quorum", "from")
	}
	return q
}

func (d *decoder) environment(dst **environment) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" && n.Value == "false" {
			*dst = &environment{}
			return
		}
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("the name of a GitHub Environment, or false for none")
			return
		}
		e := environment{}
		d.text(&e.name, checkLength(255))(n, path)
		*dst = &e
	}
}

func (d *decoder) concurrency(dst *pipeline.Concurrency) reader {
	return enum(d, dst, pipeline.ConcurrencyQueue, pipeline.ConcurrencyLatest)
}
