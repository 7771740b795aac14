package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// AddCommentConfig configures gh-issue-add-comment.
type AddCommentConfig struct {
	IssueConfig
	Body string `json:"body" doc:"text, in Markdown; at most 65,536 characters are kept"`
}

// CommentConfig is what all steps on an existing comment are told.
type CommentConfig struct {
	RepoURL   string `json:"repoURL" doc:"the repository; it must belong to the owner of the pipeline's"`
	CommentID int64  `json:"commentID" doc:"id of the comment, which a step gh-issue-add-comment made"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// UpdateCommentConfig configures gh-issue-update-comment.
type UpdateCommentConfig struct {
	CommentConfig
	Body string `json:"body" doc:"new text, in Markdown; at most 65,536 characters are kept"`
}

// DeleteCommentConfig configures gh-issue-delete-comment.
type DeleteCommentConfig struct{ CommentConfig }

// CommentOutput is the output of the steps that leave a comment.
type CommentOutput struct {
	CommentID int64  `json:"commentID,omitempty" doc:"id of the comment"`
	URL       string `json:"url,omitempty" doc:"where to look at it"`
	lookup
}

func ghIssueAddComment() Definition {
	return Define("gh-issue-add-comment", Remote, Doc{
		Summary: `Comments on an issue or a pull request.

A Promotion comments once by each such step, however often the step runs: a hidden mark in the comment
is looked for first. About mentions see ` + "`gh-create-issue`" + `.`,
		Example: `
uses: gh-issue-add-comment
as: comment
config:
  repoURL: https://github.com/acme/gitops.git
  issueNumber: ${{ outputs.ticket.number }}
  body: ${{ ctx.targetFreight.headline }} is on its way into ${{ ctx.stage }}.
`,
	}, runAddComment)
}

func ghIssueUpdateComment() Definition {
	return Define("gh-issue-update-comment", Remote, Doc{
		Summary: `Gives a comment another text. Only what a step ` + "`gh-issue-add-comment`" + ` wrote can be changed: not the
comments of people, and not what the App writes about Promotions by itself.`,
		Example: `
uses: gh-issue-update-comment
config:
  repoURL: https://github.com/acme/gitops.git
  commentID: ${{ outputs.comment.commentID }}
  body: ${{ ctx.targetFreight.headline }} is in ${{ ctx.stage }}.
`,
	}, runUpdateComment)
}

func ghIssueDeleteComment() Definition {
	return Define("gh-issue-delete-comment", Remote, Doc{
		Summary: `Deletes a comment that a step ` + "`gh-issue-add-comment`" + ` wrote; no others. One that is gone already is no
failure.`,
		Example: `
uses: gh-issue-delete-comment
config:
  repoURL: https://github.com/acme/gitops.git
  commentID: ${{ outputs.comment.commentID }}
`,
	}, runDeleteComment)
}

// Validate implements the rules beyond types.
func (c AddCommentConfig) Validate() error {
	return errors.Join(c.IssueConfig.Validate(), checkBody(c.Body))
}

// Validate implements the rules beyond types.
func (c CommentConfig) Validate() error {
	err := checkRepoURL(c.RepoURL)
	if c.CommentID < 1 {
		err = errors.Join(err, errors.New("commentID must be at least 1"))
	}
	return err
}

// Validate implements the rules beyond types.
func (c UpdateCommentConfig) Validate() error {
	return errors.Join(c.CommentConfig.Validate(), checkBody(c.Body))
}

func runAddComment(ctx context.Context, env Env, c AddCommentConfig) (CommentOutput, error) {
	var out, prior CommentOutput
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return out, err
	}
	switch {
	case env.IssueComments == nil:
		return out, errNoHost
	case env.Prior != nil && json.Unmarshal(env.Prior, &prior) != nil:
		return out, &PermanentError{errors.New("recorded output makes no sense")}
	}
	comment, err := c.findOwn(ctx, env, repo)
	if errors.Is(err, errNoComment) {
		if out.unsure(env, prior.lookup) {
			return out, lookAgain(env, "the comment")
		}
		comment, err = env.IssueComments.AddComment(ctx, repo, c.IssueNumber, withMarker(env.body(c.Body), env.marker()))
	}
	if err != nil {
		return out, fmt.Errorf("comment on #%d of %s: %w", c.IssueNumber, repo, final(err))
	}
	out.CommentID, out.URL = comment.ID, comment.URL
	return out, nil
}

// errNoComment means that the issue is there and the comment is not.
var errNoComment = errors.New("no such comment")

// findOwn returns the comment that this step wrote on an earlier pass.
func (c AddCommentConfig) findOwn(ctx context.Context, env Env, repo pipeline.Repo) (IssueComment, error) {
	all, err := env.IssueComments.OwnComments(ctx, repo, c.IssueNumber, env.Promotion.CreatedAt.Add(-ghost))
	if err != nil {
		return IssueComment{}, err
	}
	mark := env.marker()
	for _, comment := range all {
		if comment.Own && strings.Contains(comment.Body, mark) {
			return comment, nil
		}
	}
	return IssueComment{}, errNoComment
}

// find returns the comment, which must be one that a step wrote.
func (c CommentConfig) find(ctx context.Context, env Env) (pipeline.Repo, IssueComment, error) {
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return repo, IssueComment{}, err
	}
	if env.IssueComments == nil {
		return repo, IssueComment{}, errNoHost
	}
	comment, err := env.IssueComments.Comment(ctx, repo, c.CommentID)
	switch {
	case err != nil:
		return repo, comment, final(err)
	case !comment.Own:
		return repo, comment, &FailedError{Err: fmt.Errorf("it was written by %s: only comments of gh-issue-add-comment may be changed", comment.Author), Terminal: true}
	case report.FindStepMarker(comment.Body) == "":
		return repo, comment, &FailedError{Err: errors.New("it was not written by gh-issue-add-comment, whose comments alone may be changed"), Terminal: true}
	}
	return repo, comment, nil
}

func runUpdateComment(ctx context.Context, env Env, c UpdateCommentConfig) (CommentOutput, error) {
	repo, comment, err := c.find(ctx, env)
	if err == nil {
		body := withMarker(env.body(c.Body), report.FindStepMarker(comment.Body))
		err = final(env.IssueComments.EditComment(ctx, repo, comment.ID, body))
	}
	if err != nil {
		return CommentOutput{}, fmt.Errorf("update comment %d of %s: %w", c.CommentID, repo, err)
	}
	return CommentOutput{CommentID: comment.ID, URL: comment.URL}, nil
}

func runDeleteComment(ctx context.Context, env Env, c DeleteCommentConfig) (none, error) {
	repo, comment, err := c.find(ctx, env)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = final(env.IssueComments.DeleteComment(ctx, repo, comment.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("delete comment %d of %s: %w", c.CommentID, repo, err)
	}
	return nil, nil
}
