package pipeline

import "strings"

// Stage is a promotion target.
type Stage struct {
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels,omitempty"`
	Vars     []Var             `json:"vars,omitempty"`
	Requests []FreightRequest  `json:"requestedFreight"`
	// TemplateVars are the vars of the promotion template, which override Vars.
	TemplateVars []Var `json:"templateVars,omitempty"`
	// Steps is the promotion template; a Stage without steps is a control-flow
	// Stage, in which all available Freight is verified at once.
	Steps       []StepSpec        `json:"steps,omitempty"`
	PullRequest PullRequestPolicy `json:"pullRequest,omitzero"`
	Approvals   Approvals         `json:"approvals,omitzero"`
	// Verification is what has to hold after a Promotion, nil for nothing: then
	// success of the Promotion verifies.
	Verification *Verification `json:"verification,omitempty"`
	// Concurrency says what newer Freight does to a Promotion that has not merged.
	Concurrency Concurrency `json:"concurrency,omitempty"`
	// Environment is the GitHub Environment that carries the Deployments; empty
	// for none.
	Environment string `json:"environment,omitempty"`
	Access      Access `json:"access,omitzero"`
}

// ControlFlow reports whether the Stage only routes Freight.
func (s Stage) ControlFlow() bool { return len(s.Steps) == 0 }

// LocalName is the Stage's name within its pipeline: "test" for "shop/test".
func (s Stage) LocalName() string { return LocalName(s.Name) }

// LocalName strips the pipeline from a qualified name.
func LocalName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// Request returns the Stage's request for Freight of one Warehouse.
func (s Stage) Request(warehouse string) (FreightRequest, bool) {
	for _, r := range s.Requests {
		if r.Origin == warehouse {
			return r, true
		}
	}
	return FreightRequest{}, false
}

// FreightRequest says which Freight a Stage takes and from where.
type FreightRequest struct {
	// Origin is the Warehouse whose Freight is asked for.
	Origin string `json:"origin"`
	// Direct takes Freight straight from the Warehouse.
	Direct bool `json:"direct,omitempty"`
	// Stages are the upstream Stages in which Freight must be verified.
	Stages []string `json:"stages,omitempty"`
	// RequiredSoakTime is how long verified Freight must have stayed in an
	// upstream Stage.
	RequiredSoakTime     Duration             `json:"requiredSoakTime,omitempty"`
	AvailabilityStrategy AvailabilityStrategy `json:"availabilityStrategy,omitempty"`
	SelectionPolicy      SelectionPolicy      `json:"selectionPolicy,omitempty"`
}

// AvailabilityStrategy says how many upstream Stages must have verified Freight.
type AvailabilityStrategy string

// Availability strategies, named as in Kargo; the zero value means OneOf.
const (
	OneOf AvailabilityStrategy = "OneOf"
	All   AvailabilityStrategy = "All"
)

// SelectionPolicy says which available Freight auto-promotion takes.
type SelectionPolicy string

// Selection policies, named as in Kargo; the zero value means NewestFreight.
const (
	NewestFreight SelectionPolicy = "NewestFreight"
	MatchUpstream SelectionPolicy = "MatchUpstream"
)

// StepSpec is one step of a promotion template as written: config and vars may
// hold expressions.
type StepSpec struct {
	Uses string `json:"uses"`
	// As is the alias under which later steps read the output; never empty in
	// canonical form ("step-N" by default, 1-based).
	As              string         `json:"as"`
	If              string         `json:"if,omitempty"`
	ContinueOnError bool           `json:"continueOnError,omitempty"`
	Retry           Retry          `json:"retry,omitzero"`
	Vars            []Var          `json:"vars,omitempty"`
	Config          map[string]any `json:"config,omitempty"`
	// Task is set instead of Uses for a task of another repository,
	// "org/repo//path@ref": its steps take this one's place, pinned to a commit,
	// when a Promotion is created. Local tasks are expanded when the file is read.
	Task string `json:"task,omitempty"`
	// TaskVars are the vars of the task that this step came from: the task's own
	// defaults overridden by those of the reference. They override the Stage's and
	// are overridden by Vars.
	TaskVars []Var `json:"taskVars,omitempty"`
}

// Retry bounds the attempts of one step.
type Retry struct {
	// Timeout is soft, compared only after an attempt; zero means none.
	Timeout Duration `json:"timeout,omitempty"`
	// ErrorThreshold is the number of errors after which the step ends; zero
	// means one, as in Kargo.
	ErrorThreshold int `json:"errorThreshold,omitempty"`
}

// PullRequestPolicy says how promotion pull requests look and when they merge.
type PullRequestPolicy struct {
	// Merge is MergeAuto (the bot merges once gates allow) MergeManual or
	// MergeQueue (the bot puts it into the merge queue once gates allow).
	Merge MergeMode `json:"merge,omitempty"`
	// Method is GitHub's merge method: squash (default), merge or rebase.
	Method        string   `json:"method,omitempty"`
	Title         string   `json:"title,omitempty"`
	Body          string   `json:"body,omitempty"`
	Labels        []string `json:"labels,omitempty"`
	Reviewers     []string `json:"reviewers,omitempty"`
	TeamReviewers []string `json:"teamReviewers,omitempty"`
	Assignees     []string `json:"assignees,omitempty"`
	Draft         bool     `json:"draft,omitempty"`
}

// Concurrency is how Promotions of one Stage relate.
type Concurrency string

// The concurrency modes; the zero value means queue.
const (
	// ConcurrencyQueue: strictly one after the other.
	ConcurrencyQueue Concurrency = "queue"
	// ConcurrencyLatest: newer Freight supersedes what has not merged.
	ConcurrencyLatest Concurrency = "latest"
)

// MergeMode says who merges.
type MergeMode string

// The merge modes; the zero value means auto.
const (
	MergeAuto   MergeMode = "auto"
	MergeManual MergeMode = "manual"
	MergeQueue  MergeMode = "queue"
)

// Approvals is the number of approving reviews that the bot itself demands on
// the head of a promotion pull request, over whatever GitHub demands.
type Approvals struct {
	Required int `json:"required,omitempty"`
	// From lists who counts (see [Access] for the forms); empty means anyone
	// with write permission.
	From []string `json:"from,omitempty"`
	// Quorum lists groups of which each has to give its own number of approvals
	// besides.
	Quorum []Quorum `json:"quorum,omitempty"`
}

// Quorum is a number of approvals that a group has to give.
type Quorum struct {
	From     []string `json:"from"`
	Required int      `json:"required"`
}
