package pipeline

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Verification is what has to hold in a Stage after a Promotion before its
// Freight goes on. It is Argo Rollouts' analysis: metrics that are measured, each
// until it succeeds or fails; templates are merged and shorthand is expanded when
// .kargo.yaml is read.
type Verification struct {
	// Args are the arguments of the metrics, read in them as {{ args.NAME }}.
	Args    []AnalysisArg `json:"args,omitempty"`
	Metrics []Metric      `json:"metrics"`
}

// AnalysisArg is one argument of a [Verification].
type AnalysisArg struct {
	Name string `json:"name"`
	// Value may hold ${{ }} expressions over ctx, vars and Freight, evaluated when
	// the Verification starts; nil when Secret is set.
	Value *string `json:"value,omitempty"`
	// Secret names a secret of the pipeline.
	Secret string `json:"secret,omitempty"`
}

// Metric is one check of a [Verification], with the fields and rules of Argo
// Rollouts' metrics.
type Metric struct {
	Name     string   `json:"name"`
	Provider Provider `json:"provider"`
	// Interval is between measurements; zero for a single one.
	Interval     Duration `json:"interval,omitempty"`
	InitialDelay Duration `json:"initialDelay,omitempty"`
	// Count is how often to measure; zero means once without Interval and without
	// end with it.
	Count            int    `json:"count,omitempty"`
	SuccessCondition string `json:"successCondition,omitempty"`
	FailureCondition string `json:"failureCondition,omitempty"`
	// FailureLimit is how many failed measurements are forgiven; negative disables
	// the limit.
	FailureLimit      int `json:"failureLimit,omitempty"`
	InconclusiveLimit int `json:"inconclusiveLimit,omitempty"`
	// ConsecutiveErrorLimit is how many errors in a row are forgiven; nil means
	// four.
	ConsecutiveErrorLimit *int `json:"consecutiveErrorLimit,omitempty"`
	// ConsecutiveSuccessLimit ends the metric after that many successes in a row;
	// zero disables it.
	ConsecutiveSuccessLimit int `json:"consecutiveSuccessLimit,omitempty"`
	// DryRun measures without consequence.
	DryRun bool `json:"dryRun,omitempty"`
	// MeasurementRetention is how many measurements are kept; zero means ten.
	MeasurementRetention int `json:"measurementRetention,omitempty"`
	// Timeout ends a metric that waits for something outside, counted from its
	// start; zero means none. Only inline checks have one.
	Timeout Duration `json:"timeout,omitempty"`
}

// Provider is where the values of a metric come from.
type Provider struct {
	// Kind is check, workflow, deployment or argocd, or one of Argo Rollouts'
	// providers: web, job, prometheus, datadog, newRelic, cloudWatch, graphite or
	// influxdb.
	Kind string `json:"kind"`
	// Config is the provider's own, as written; strings may hold {{ args.NAME }}.
	Config map[string]any `json:"config,omitempty"`
}

// VerificationPhase is the phase of a [VerificationRun], a metric or a
// measurement.
type VerificationPhase string

// Verification phases, named as in Kargo.
const (
	VerificationPending      VerificationPhase = "Pending"
	VerificationRunning      VerificationPhase = "Running"
	VerificationSuccessful   VerificationPhase = "Successful"
	VerificationFailed       VerificationPhase = "Failed"
	VerificationError        VerificationPhase = "Error"
	VerificationAborted      VerificationPhase = "Aborted"
	VerificationInconclusive VerificationPhase = "Inconclusive"
)

// Terminal reports whether nothing more will happen in this phase.
func (p VerificationPhase) Terminal() bool {
	return p != "" && p != VerificationPending && p != VerificationRunning
}

// VerificationRun is one run of a Stage's Verification. Everything above Phase is
// given at creation and never changes.
type VerificationRun struct {
	// ID is speakable and unique in the repository: "prod-v3".
	ID       string `json:"id"`
	Seq      int    `json:"seq"`
	Repo     Repo   `json:"repo"`
	Pipeline string `json:"pipeline"`
	// Stage is as it was when the run was created; its Verification is what runs.
	Stage Stage `json:"stage"`
	Vars  []Var `json:"vars,omitempty"`
	// Collection is all Freight that is current in the Stage, one per origin: what
	// a success verifies.
	Collection []Freight `json:"collection"`
	// Promotion is the one whose outcome is verified, empty when there is none.
	Promotion string `json:"promotion,omitempty"`
	// Commit is what that Promotion left on the branch, empty when it changed
	// nothing; CommitRepo is "owner/name" of the repository it is in.
	Commit     string `json:"commit,omitempty"`
	CommitRepo string `json:"commitRepo,omitempty"`
	// Again marks a run that repeats a verification of the same collection.
	Again bool `json:"again,omitempty"`
	// Actor is who asked for it, empty when it follows from a Promotion.
	Actor     string    `json:"actor,omitempty"`
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"createdAt"`

	// AbortRequested is the reason why the run shall end.
	AbortRequested string `json:"abortRequested,omitempty"`

	Phase      VerificationPhase `json:"phase"`
	Message    string            `json:"message,omitempty"`
	StartedAt  time.Time         `json:"startedAt,omitzero"`
	FinishedAt time.Time         `json:"finishedAt,omitzero"`
	// Args are the evaluated arguments; secrets are not among them.
	Args map[string]string `json:"args,omitempty"`
	// Metrics runs parallel to Stage.Verification.Metrics.
	Metrics []MetricRun `json:"metrics,omitempty"`
	// WakeAt and WakeOn say when a run that waits is looked at again.
	WakeAt time.Time `json:"wakeAt,omitzero"`
	WakeOn []string  `json:"wakeOn,omitempty"`
}

// MetricRun is what is known of one metric of a run.
type MetricRun struct {
	Name       string            `json:"name"`
	Phase      VerificationPhase `json:"phase,omitempty"`
	Message    string            `json:"message,omitempty"`
	StartedAt  time.Time         `json:"startedAt,omitzero"`
	FinishedAt time.Time         `json:"finishedAt,omitzero"`
	// Counters of measurements by outcome; errors do not count toward Count.
	Count              int `json:"count,omitempty"`
	Successful         int `json:"successful,omitempty"`
	Failed             int `json:"failed,omitempty"`
	Inconclusive       int `json:"inconclusive,omitempty"`
	Error              int `json:"error,omitempty"`
	ConsecutiveError   int `json:"consecutiveError,omitempty"`
	ConsecutiveSuccess int `json:"consecutiveSuccess,omitempty"`
	// Measurements are the newest ones, oldest first.
	Measurements []Measurement `json:"measurements,omitempty"`
	// State is what the provider wants to remember between two looks, such as the
	// id of a workflow run it dispatched.
	State json.RawMessage `json:"state,omitempty"`
	// Due is when to measure next; zero when an event has to come.
	Due time.Time `json:"due,omitzero"`
}

// Measurement is one look at a metric.
type Measurement struct {
	Phase      VerificationPhase `json:"phase"`
	Value      string            `json:"value,omitempty"`
	Message    string            `json:"message,omitempty"`
	URL        string            `json:"url,omitempty"`
	StartedAt  time.Time         `json:"startedAt,omitzero"`
	FinishedAt time.Time         `json:"finishedAt,omitzero"`
}

// CollectionKey names a set of Freight regardless of order: two runs with the
// same key verify the same thing.
func CollectionKey(collection []Freight) string {
	ids := make([]string, len(collection))
	for i, f := range collection {
		ids[i] = f.ID
	}
	slices.Sort(ids)
	return strings.Join(ids, ",")
}
