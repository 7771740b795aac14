package trial

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// refuse says why a step cannot be tried here.
func refuse(what string) error { //nolint:unparam // of all that is refused only pull requests are so far
	return &step.PermanentError{Err: &pipeline.UserError{
		Message: fmt.Sprintf("%s needs a server: kargo step run has no GitHub App to do it with", what),
		Hint:    "kargo demo runs whole Promotions with a simulated GitHub, kargo simulate plays them with scripted answers",
	}}
}

// refusedHost is the part of a Git host that only the App can use.
type refusedHost struct{}

var (
	_ step.PullRequests = refusedHost{}
	_ step.Gates        = refusedHost{}
	_ step.Histories    = refusedHost{}
)

const pullRequests = "a pull request"

func (refusedHost) ByHead(context.Context, string, string, string) (step.PullRequest, error) {
	return step.PullRequest{}, refuse(pullRequests)
}

func (refusedHost) Get(context.Context, string, int) (step.PullRequest, error) {
	return step.PullRequest{}, refuse(pullRequests)
}

func (refusedHost) Create(context.Context, string, step.NewPullRequest) (step.PullRequest, error) {
	return step.PullRequest{}, refuse(pullRequests)
}

func (refusedHost) Merge(context.Context, string, int, step.MergeRequest) (string, error) {
	return "", refuse(pullRequests)
}

func (refusedHost) Close(context.Context, string, int, string) error { return refuse(pullRequests) }

func (refusedHost) RequiredChecks(context.Context, string, string, string) ([]step.Check, error) {
	return nil, refuse(pullRequests)
}

func (refusedHost) Approvals(context.Context, string, int, string, []string) ([]pipeline.Actor, error) {
	return nil, refuse(pullRequests)
}

func (refusedHost) Compare(context.Context, pipeline.Repo, report.Span) (report.History, error) {
	return report.History{}, refuse(pullRequests)
}
