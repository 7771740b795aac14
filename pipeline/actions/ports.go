package actions

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Workflows is what is asked of the Git host.
type Workflows interface {
	// DefaultBranch returns the branch that workflows are dispatched on by default.
	DefaultBranch(ctx context.Context, repo pipeline.Repo) (string, error)
	// Dispatch starts a workflow and returns the id of its run, 0 when the host does
	// not tell. A *pipeline.TransientError means that it may have started. That the
	// workflow cannot be dispatched is a *pipeline.UserError.
	Dispatch(ctx context.Context, repo pipeline.Repo, d Dispatch) (run int64, err error)
	// Dispatched returns the runs of a workflow that this App dispatched on a branch
	// at that time or later.
	Dispatched(ctx context.Context, repo pipeline.Repo, file, ref string, since time.Time) ([]Run, error)
	// WorkflowRun returns one run; that there is none is a *pipeline.UserError.
	WorkflowRun(ctx context.Context, repo pipeline.Repo, id int64) (Run, error)
	// Cancel asks to end a run; that it has ended already is no error.
	Cancel(ctx context.Context, repo pipeline.Repo, id int64) error
}

// Dispatch is a request to run a workflow.
type Dispatch struct {
	// File is its file name below .github/workflows, Ref a branch or tag.
	File, Ref string
	Inputs    map[string]string
}

// Run is one run of a workflow.
type Run struct {
	ID int64
	// Title is what run-name makes of it.
	Title string
	// Done is false while there is no Conclusion.
	Done       bool
	Conclusion string
	URL        string
	CreatedAt  time.Time
}
