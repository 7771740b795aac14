package step

import (
	"context"
	"errors"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// ErrNotFound is returned by ports for something that does not exist.
var ErrNotFound = errors.New("not found")

// Ref names what to check out; at most one of Branch, Tag and Commit is set, none
// means the default branch.
type Ref struct {
	Branch, Tag, Commit string
	// SkipTLSVerify accepts any certificate of the repository's server, unless that
	// is the GitHub that the App belongs to.
	SkipTLSVerify bool
}

// Git reads and writes repositories by object; there is no clone and no work
// tree. Repository URLs are as the Pipeline wrote them.
type Git interface {
	// Checkout opens a commit's tree; files are fetched when first read. An
	// absent branch, tag or commit is ErrNotFound.
	Checkout(ctx context.Context, repoURL string, ref Ref) (*tree.Checkout, error)
	// Commit stores the newest pending commit of c, without any branch pointing
	// at it, and returns its id. Doing it twice leaves an unreachable commit
	// behind and nothing else.
	Commit(ctx context.Context, c *tree.Checkout) (string, error)
	// Push makes a branch point at the pending commits of c and records in c that
	// they are published, on whatever they were put.
	Push(ctx context.Context, c *tree.Checkout, r PushRequest) (PushResult, error)
	// Start makes a branch that does not exist, with one empty commit of the App and
	// without parents, and opens it. A branch that somebody else made meanwhile is
	// opened as it is.
	Start(ctx context.Context, repoURL, branch, message string) (*tree.Checkout, error)
	// DeleteBranch removes a branch; one that does not exist is no error.
	DeleteBranch(ctx context.Context, repoURL, branch string) error
}

// PushRequest says where pending commits go.
type PushRequest struct {
	Branch string
	// Own marks a branch that belongs to the Promotion alone and is replaced.
	// Otherwise the commits are put on top of whatever the branch holds, by
	// line merge; a *tree.ConflictError means that they do not fit.
	Own bool
	// Promotion is the value of the Kargo-Promotion trailer by which a push
	// that already happened is recognised.
	Promotion string
	// Again is true when the step ran before, so that a push may have happened.
	Again bool
	// Attempts bounds how often a lost race is run again.
	Attempts int
}

// PushResult is what a push left behind.
type PushResult struct {
	// Commit is the branch's tip, Base the commit beneath the pushed ones.
	Commit, Base string
	// URL shows the commit in a browser; empty when unknown.
	URL string
}

// PullRequest is a pull request as the Git host describes it.
type PullRequest struct {
	Number      int
	URL         string
	Open        bool
	Merged      bool
	Draft       bool
	Title, Body string
	// Head is the head commit, HeadRef its branch, Base the target branch.
	Head, HeadRef, Base string
	// Mergeable is nil while the host is still computing it.
	Mergeable *bool
	// State is GitHub's mergeable_state: clean, blocked, behind, dirty,
	// unstable, has_hooks, draft, unknown or empty.
	State string
	// MergeCommit is set once merged; before, hosts report test merges here.
	MergeCommit string
}

// NewPullRequest describes a pull request to open.
type NewPullRequest struct {
	Head, Base, Title, Body                     string
	Draft                                       bool
	Labels, Reviewers, TeamReviewers, Assignees []string
}

// MergeRequest says how to merge.
type MergeRequest struct {
	// SHA is the head that was judged; another head is ErrHeadMoved.
	SHA string
	// Base is the branch that it is merged into. Those who write to one branch take
	// turns.
	Base string
	// Method is squash, merge or rebase.
	Method string
	// Title and Message make the commit message; ignored for rebase.
	Title, Message string
}

// ErrHeadMoved means that the head is no longer the one that was judged.
var ErrHeadMoved = errors.New("the pull request's head moved")

// NotMergeableError means that the host refuses to merge now.
type NotMergeableError struct {
	Message string
	// Retry is true when the refusal is a race ("base branch was modified")
	// rather than a verdict.
	Retry bool
}

// Error implements error.
func (e *NotMergeableError) Error() string { return e.Message }

// PullRequests is what steps need of pull requests.
type PullRequests interface {
	// ByHead returns the pull request from branch head into base: an open one,
	// else a merged one, else the newest closed one, else ErrNotFound.
	ByHead(ctx context.Context, repoURL, head, base string) (PullRequest, error)
	Get(ctx context.Context, repoURL string, number int) (PullRequest, error)
	// Create opens a pull request. One that exists already is returned as ByHead
	// would, after what is missing of n's labels and people was added to an open
	// one; no difference between the branches is ErrNoDifference.
	Create(ctx context.Context, repoURL string, n NewPullRequest) (PullRequest, error)
	// Merge merges and returns the commit on the base branch; ErrHeadMoved or
	// *NotMergeableError when the host refuses.
	Merge(ctx context.Context, repoURL string, number int, m MergeRequest) (string, error)
	// Close closes the pull request with a comment that says why; closing one that is
	// closed or merged already is no error and leaves no comment.
	Close(ctx context.Context, repoURL string, number int, why string) error
}

// ErrNoDifference means that there is nothing to merge.
var ErrNoDifference = errors.New("no difference between the branches")

// Check is one required check on a commit.
type Check struct {
	Name string
	// State is success, pending or failure.
	State string
	URL   string
}

// Gates is what the host demands before a merge, and who approved.
type Gates interface {
	// RequiredChecks returns the checks that rules and branch protection require
	// on base, with their state on the commit. The App's own never count.
	RequiredChecks(ctx context.Context, repoURL, base, sha string) ([]Check, error)
	// Approvals returns those whose latest review approves exactly this head,
	// with their role, and with those of the given "@org/team" entries that they
	// belong to. Authors never count.
	Approvals(ctx context.Context, repoURL string, number int, head string, teams []string) ([]pipeline.Actor, error)
}

// Histories reads what happened in source repositories.
type Histories interface {
	// Compare returns what lies in a span. r is the repository in which it will be
	// shown: nothing is told there that those who see it may not see.
	Compare(ctx context.Context, r pipeline.Repo, s report.Span) (report.History, error)
}

// Ports are the outside world of steps.
type Ports struct {
	Git Git
	// Tags publishes tags; nil leaves out looking for those that exist.
	Tags  Tags
	Pulls PullRequests
	Gates Gates
	// Queues puts pull requests into merge queues; nil where there are none. Rules tells
	// what else a branch demands; nil where nobody knows.
	Queues MergeQueues
	Rules  Rules
	// Histories tells pull requests what lies between two Freight; nil leaves that
	// out.
	Histories Histories
	// Notes keeps what steps write down about Freight; nil where nothing is kept.
	Notes Notes
	// StageNotes keeps what steps write down about Stages; nil where nothing is kept.
	StageNotes StageNotes
	// Web reaches services that pipelines name; nil where none can be reached.
	Web Web
	// Mail hands mails to servers that pipelines name; nil where none can be sent.
	Mail Mail
	// Audit keeps what steps write down for the record; nil where nothing is kept.
	Audit Audit
	// Callback returns the address at which an outside system answers a step, by its
	// alias; nil where there is none.
	Callback func(p *pipeline.Promotion, alias string) string
	// Repository says which repository of the Git host is at an address; an error for
	// any other address.
	Repository func(repoURL string) (pipeline.Repo, error)
	// Workflows dispatches GitHub Actions workflows, WorkflowOutputs reads what they
	// return.
	Workflows       actions.Workflows
	WorkflowOutputs actions.Outputs
	Issues          Issues
	IssueComments   IssueComments
	// Past finds earlier Promotions; nil where none are kept. PathCommits tells who changed
	// a path; nil where nobody knows.
	Past        Past
	PathCommits PathCommits
	// Charts reads Helm charts; nil where none can be pulled.
	Charts Charts
	// Renderer renders manifests; nil renders in process.
	Renderer Renderer
	// RemoteBases says whether kustomizations may take bases of a repository; nil means
	// of none.
	RemoteBases func(repoURL string) bool
	// Artifacts reads and copies what registries hold; nil where there are none.
	Artifacts Artifacts
	// Sandbox runs programs of a pipeline; nil where none may run.
	Sandbox Sandbox
	// Now is the clock.
	Now func() time.Time
	// PollInterval is how long a step waits for an event before it looks itself.
	PollInterval time.Duration
}
