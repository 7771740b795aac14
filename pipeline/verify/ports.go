package verify

import (
	"context"
	"net/http"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// HTTP sends requests to addresses that pipelines name. It refuses those that no
// pipeline should reach, and bounds the answer.
type HTTP interface {
	Do(req *http.Request) (*http.Response, error)
}

// Commits is what the check provider asks of the Git host.
type Commits interface {
	// Head returns the commit at the head of the repository's default branch.
	Head(ctx context.Context, repo pipeline.Repo) (sha string, err error)
	// Results returns the newest check runs of that name on a commit, one for each
	// App, and the newest commit status of that name.
	Results(ctx context.Context, repo pipeline.Repo, sha, name string) ([]CheckResult, error)
}

// CheckResult is a check run or a commit status.
type CheckResult struct {
	// App is the slug of the App that reports it, empty for a status.
	App string
	// Done is false while there is no conclusion yet.
	Done bool
	// Conclusion is GitHub's for check runs (success, failure, neutral, cancelled,
	// skipped, timed_out, action_required, stale), or a status' state.
	Conclusion string
	// Title is what the check says in a few words.
	Title, URL string
}

// Deployments is what the deployment provider asks of the Git host.
type Deployments interface {
	// Deployed returns the Deployments of a commit to an environment that others
	// than this App made, newest first.
	Deployed(ctx context.Context, repo pipeline.Repo, sha, environment string) ([]Deployed, error)
}

// Deployed is a Deployment and how it went.
type Deployed struct {
	// States are those of its statuses, newest first: success, failure, error,
	// inactive, in_progress, queued, pending.
	States []string
	// Description and URL are the newest status'.
	Description, URL string
}

// CloudWatch queries Amazon CloudWatch.
type CloudWatch interface {
	MetricData(ctx context.Context, q CloudWatchQuery) ([]CloudWatchResult, error)
}

// CloudWatchQuery is one GetMetricData request.
type CloudWatchQuery struct {
	Region       string
	AccessKeyID  string
	SecretKey    string
	SessionToken string
	Start, End   time.Time
	Queries      []CloudWatchMetricQuery
}

// CloudWatchMetricQuery is one element of metricDataQueries, with the fields of
// Argo Rollouts.
type CloudWatchMetricQuery struct {
	ID         string          `json:"id"`
	Expression string          `json:"expression"`
	Label      string          `json:"label"`
	MetricStat *CloudWatchStat `json:"metricStat"`
	Period     number          `json:"period"`
	ReturnData *bool           `json:"returnData"`
}

// CloudWatchStat is a statistic over one CloudWatch metric.
type CloudWatchStat struct {
	Metric struct {
		Dimensions []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"dimensions"`
		MetricName string `json:"metricName"`
		Namespace  string `json:"namespace"`
	} `json:"metric"`
	Period number `json:"period"`
	Stat   string `json:"stat"`
	Unit   string `json:"unit"`
}

// CloudWatchResult is one result, as conditions see it: result[0].Values[0].
type CloudWatchResult struct {
	Id         string //nolint:revive // conditions use the name that Argo Rollouts has from the AWS SDK
	Label      string
	StatusCode string
	Values     []float64
	Timestamps []time.Time
}
