package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// Issue is an issue, or what a pull request shares with issues.
type Issue struct {
	Number      int
	URL         string
	Title, Body string
	// State is open or closed.
	State             string
	Labels, Assignees []string
	// Own is whether this App created it.
	Own bool
}

// NewIssue describes an issue to create.
type NewIssue struct {
	Title, Body       string
	Labels, Assignees []string
}

// IssueChange is what to change of an issue; nil leaves as it is.
type IssueChange struct {
	Title, Body, State *string
	Assignees          *[]string
	// AddLabels are created where they do not exist; RemoveLabels may not be there.
	AddLabels, RemoveLabels []string
}

// Issues is what steps need of issues. What does not exist is ErrNotFound; what the
// host refuses is a *pipeline.UserError.
type Issues interface {
	Issue(ctx context.Context, r pipeline.Repo, number int) (Issue, error)
	// OwnIssues returns the issues that this App created, of those that changed since
	// then, newest first. One that was created moments ago may be missing.
	OwnIssues(ctx context.Context, r pipeline.Repo, since time.Time) ([]Issue, error)
	// SearchIssues returns at most limit issues of the repository that match a query in
	// the host's language, best match first.
	SearchIssues(ctx context.Context, r pipeline.Repo, query string, limit int) ([]Issue, error)
	CreateIssue(ctx context.Context, r pipeline.Repo, n NewIssue) (Issue, error)
	UpdateIssue(ctx context.Context, r pipeline.Repo, number int, c IssueChange) error
}

// IssueComment is a comment on an issue or a pull request.
type IssueComment struct {
	ID           int64
	URL          string
	Author, Body string
	// Own is whether this App wrote it.
	Own bool
}

// IssueComments is what steps need of comments. Errors are as those of Issues.
type IssueComments interface {
	Comment(ctx context.Context, r pipeline.Repo, id int64) (IssueComment, error)
	// OwnComments returns what this App wrote on an issue and was changed since then.
	OwnComments(ctx context.Context, r pipeline.Repo, number int, since time.Time) ([]IssueComment, error)
	AddComment(ctx context.Context, r pipeline.Repo, number int, body string) (IssueComment, error)
	EditComment(ctx context.Context, r pipeline.Repo, id int64, body string) error
	// DeleteComment deletes a comment; one that does not exist is no error.
	DeleteComment(ctx context.Context, r pipeline.Repo, id int64) error
}

// ghost is how far the host's clock may be behind ours.
const ghost = 5 * time.Minute

// body returns a text of the config as it is sent to the Git host; see
// [report.Authored].
func (e Env) body(text string) string { return report.Authored(text, e.template("body")) }

// IssueOutput is an issue as outputs and expressions show it.
type IssueOutput struct {
	Number    int      `json:"number" doc:"number"`
	Title     string   `json:"title" doc:"title"`
	Body      string   `json:"body" doc:"text"`
	State     string   `json:"state" doc:"open or closed"`
	Labels    []string `json:"labels" doc:"names of its labels"`
	Assignees []string `json:"assignees" doc:"logins of its assignees"`
	URL       string   `json:"url" doc:"where to look at it"`
}

func showIssue(i Issue, maxBody int) IssueOutput {
	orEmpty := func(s []string) []string {
		if s == nil {
			return []string{}
		}
		return s
	}
	return IssueOutput{
		Number: i.Number, Title: i.Title, Body: truncate(i.Body, maxBody), State: i.State,
		Labels: orEmpty(i.Labels), Assignees: orEmpty(i.Assignees), URL: i.URL,
	}
}

// IssueConfig is what all steps on an existing issue are told.
type IssueConfig struct {
	RepoURL     string `json:"repoURL" doc:"the repository; it must belong to the owner of the pipeline's"`
	IssueNumber int    `json:"issueNumber" doc:"number of the issue or pull request"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// Validate implements the rules beyond types.
func (c IssueConfig) Validate() error {
	err := checkRepoURL(c.RepoURL)
	if c.IssueNumber < 1 {
		err = errors.Join(err, errors.New("issueNumber must be at least 1"))
	}
	return err
}

// find returns the repository and the issue.
func (c IssueConfig) find(ctx context.Context, env Env) (pipeline.Repo, Issue, error) {
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return repo, Issue{}, err
	}
	if env.Issues == nil {
		return repo, Issue{}, errNoHost
	}
	issue, err := env.Issues.Issue(ctx, repo, c.IssueNumber)
	if err != nil {
		return repo, Issue{}, fmt.Errorf("issue #%d of %s: %w", c.IssueNumber, repo, final(err))
	}
	return repo, issue, nil
}

// checkBody is what can be said of the text of a comment.
func checkBody(body string) error {
	if strings.TrimSpace(body) == "" {
		return errors.New("body must not be empty")
	}
	return nil
}
