package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// OpenPRConfig configures git-open-pr.
type OpenPRConfig struct {
	RepoURL      string   `json:"repoURL" doc:"the repository"`
	SourceBranch string   `json:"sourceBranch" doc:"branch to merge"`
	TargetBranch string   `json:"targetBranch" doc:"branch to merge into; it must exist"`
	Title        string   `json:"title,omitempty" doc:"default says what changes from what to what; at most 256 characters are kept"`
	Description  string   `json:"description,omitempty" doc:"default shows artifacts, gates and effects; at most 65,536 characters are kept"`
	Labels       []string `json:"labels,omitempty" doc:"labels, beside those of the Stage"`

	Reviewers     []string `json:"reviewers,omitempty" doc:"people asked for review; default those of the Stage"`
	TeamReviewers []string `json:"teamReviewers,omitempty" doc:"teams asked for review; default those of the Stage"`
	Assignees     []string `json:"assignees,omitempty" doc:"assignees; default those of the Stage"`
	Draft         bool     `json:"draft,omitempty" doc:"open as a draft, which holds the Promotion until it is marked ready"`

	Provider              string `json:"provider,omitempty" doc:"github, which is also the default"`
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: the certificate of the GitHub that the App belongs to is always verified"`
	CreateTargetBranch    bool   `json:"createTargetBranch,omitempty" doc:"no effect"`
}

// OpenPROutput is the output of git-open-pr.
type OpenPROutput struct {
	PR OpenedPR `json:"pr" doc:"the pull request"`
	// Abandoned is the number of a pull request that is never adopted again, nor any
	// before it.
	Abandoned int `json:"abandoned,omitempty" doc:"number of the closed pull request that a retry replaced"`
}

// Abandoned is the output of a git-open-pr step whose pull request was closed
// before its Promotion was taken up again: the step opens another one. An output
// that stands for another pull request comes back as it is.
func Abandoned(output json.RawMessage, number int) json.RawMessage {
	var out OpenPROutput
	if json.Unmarshal(output, &out) != nil || out.PR.Number != number {
		return output
	}
	raw, err := json.Marshal(OpenPROutput{Abandoned: number})
	if err != nil {
		return output // numbers can always be written
	}
	return raw
}

// OpenedPR is a pull request in the form of [pipeline.PullRef].
type OpenedPR struct {
	Number int    `json:"id" doc:"number"`
	URL    string `json:"url" doc:"where to look at it"`
	Head   string `json:"head,omitempty" doc:"the head commit that this Promotion stands for"`
	Base   string `json:"base,omitempty" doc:"the branch that it is merged into"`
	Repo   string `json:"repo,omitempty" doc:"OWNER/NAME of the repository"`
}

func gitOpenPR() Definition {
	return Define("git-open-pr", Remote, Doc{
		Summary: `Opens a pull request, or adopts the one that the Promotion opened before.

With nothing to merge the step is Skipped without output: guard later steps, as in
` + "`if: ${{ status('open-pr') == 'Succeeded' }}`" + `. When somebody closed the Promotion's
pull request, the Promotion is aborted; once it is retried, another one is opened.`,
		Example: `
uses: git-open-pr
as: open-pr
config:
  repoURL: https://github.com/acme/gitops.git
  sourceBranch: ${{ outputs.push.branch }}
  targetBranch: main
`,
	}, runGitOpenPR)
}

// GitHub's limits, in characters.
const (
	maxPullTitle = 256
	maxPullBody  = 65_536
)

// Validate implements the rules beyond types.
func (c OpenPRConfig) Validate() error {
	_, err := repoOf(c.RepoURL)
	if c.SourceBranch == "" || c.TargetBranch == "" {
		err = errors.Join(err, errors.New("sourceBranch and targetBranch must not be empty"))
	} else if c.SourceBranch == c.TargetBranch {
		err = errors.Join(err, errors.New("sourceBranch and targetBranch are the same"))
	}
	return errors.Join(err, checkProvider(c.Provider))
}

func runGitOpenPR(ctx context.Context, env Env, c OpenPRConfig) (*OpenPROutput, error) {
	repo, err := repoOf(c.RepoURL)
	if err != nil {
		return nil, &PermanentError{err}
	}
	pushed, nothing := pushedHead(env, repo, c.SourceBranch)
	if nothing {
		return nil, &SkipError{Message: "nothing was pushed to " + c.SourceBranch}
	}
	var prior OpenPROutput
	if env.Prior != nil && json.Unmarshal(env.Prior, &prior) != nil {
		return nil, &PermanentError{errors.New("recorded output makes no sense")}
	}
	opened := prior.PR.Number != 0
	if env.Attempt > 1 || env.Prior != nil {
		pr, err := env.Pulls.ByHead(ctx, c.RepoURL, c.SourceBranch, c.TargetBranch)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("find pull request: %w", err)
		case !pr.Open && !pr.Merged && pr.Number <= prior.Abandoned:
			// Closed before this Promotion was taken up again.
		case pr.Open && !opened:
			// The attempt that opened it may have died before its labels and
			// reviewers were set; opening it again sets them.
		case c.adoptable(env, pr, pushed, opened):
			return adopt(pr, repo, pushed, prior.Abandoned)
		}
	}
	pr, err := env.Pulls.Create(ctx, c.RepoURL, c.pullRequest(ctx, env))
	if errors.Is(err, ErrNoDifference) {
		return nil, &SkipError{Message: fmt.Sprintf("%s holds nothing that %s lacks", c.SourceBranch, c.TargetBranch)}
	}
	if err != nil {
		return nil, fmt.Errorf("open pull request from %s into %s: %w", c.SourceBranch, c.TargetBranch, err)
	}
	return adopt(pr, repo, pushed, prior.Abandoned)
}

// adoptable reports whether a pull request that exists is the one that this
// step would open. There can be but one open pull request between two branches,
// so an open one is. A closed one may be left from long ago, unless it carries
// this Promotion's marker or commit; a merged one may be left from an earlier
// start, unless this step has never come to an end.
func (c OpenPRConfig) adoptable(env Env, pr PullRequest, pushed string, opened bool) bool {
	if pr.HeadRef != c.SourceBranch || pr.Base != c.TargetBranch {
		return false
	}
	marked := strings.Contains(pr.Body, report.Marker(env.Promotion))
	switch {
	case pr.Open:
		return true
	case pushed != "" && pr.Head == pushed:
		return true
	case pr.Merged:
		return marked && (pushed == "" || !opened)
	default:
		return marked
	}
}

func adopt(pr PullRequest, repo pipeline.Repo, pushed string, abandoned int) (*OpenPROutput, error) {
	// The commit that was pushed, rather than what the branch holds by now, is
	// what this Promotion may merge.
	head := pushed
	if head == "" {
		head = pr.Head
	}
	out := &OpenPROutput{PR: OpenedPR{Number: pr.Number, URL: pr.URL, Head: head, Base: pr.Base, Repo: repo.String()}, Abandoned: abandoned}
	if !pr.Open && !pr.Merged {
		return out, &AbortedError{Message: fmt.Sprintf("pull request #%d was closed by hand", pr.Number)}
	}
	return out, nil
}

// pushedHead returns what the Promotion pushed to a branch. nothing is true when
// the branch is the Promotion's own and there was nothing to push to it, so that
// it does not exist or is left from an earlier start.
func pushedHead(env Env, repo pipeline.Repo, branch string) (head string, nothing bool) {
	for j := env.Index - 1; j >= 0; j-- {
		s := env.Promotion.Steps[j]
		var out PushOutput
		if !pipeline.IsPush(env.Promotion.Stage.Steps[j].Uses) || json.Unmarshal(s.Output, &out) != nil ||
			out.Branch != branch || !strings.EqualFold(out.Repo, repo.String()) {
			continue
		}
		switch s.Phase {
		case pipeline.Succeeded:
			return out.Commit, false
		case pipeline.Skipped:
			nothing = branch == pipeline.PromotionBranch(env.Promotion)
		default: // it never got that far
		}
	}
	return "", nothing
}

// history returns what is known of the source repositories. A pull request does
// without what cannot be read now.
func history(ctx context.Context, env Env) []report.History {
	if env.Histories == nil {
		return nil
	}
	var all []report.History
	for _, span := range report.Spans(env.Promotion) {
		h, err := env.Histories.Compare(ctx, env.Promotion.Repo, span)
		if err != nil {
			env.Log.InfoContext(ctx, "history left out of a pull request", "source", span.RepoURL, "err", err)
			continue
		}
		all = append(all, h)
	}
	return all
}

func (c OpenPRConfig) pullRequest(ctx context.Context, env Env) NewPullRequest {
	stage, marker := env.Promotion.Stage.PullRequest, report.Marker(env.Promotion)
	title, body := c.Title, c.Description
	if title == "" {
		title = report.Title(env.Promotion)
	}
	if body == "" {
		body = report.Body(env.Promotion, history(ctx, env)...)
	}
	orStage := func(own, stages []string) []string {
		if len(own) > 0 {
			return own
		}
		return stages
	}
	labels := slices.Concat(stage.Labels, c.Labels)
	slices.Sort(labels)
	return NewPullRequest{
		Head: c.SourceBranch, Base: c.TargetBranch,
		Title:         truncate(oneLine(title), maxPullTitle),
		Body:          withMarker(body, marker),
		Draft:         c.Draft || stage.Draft,
		Labels:        slices.Compact(labels),
		Reviewers:     orStage(c.Reviewers, stage.Reviewers),
		TeamReviewers: orStage(c.TeamReviewers, stage.TeamReviewers),
		Assignees:     orStage(c.Assignees, stage.Assignees),
	}
}

// withMarker makes the marker part of a body, within the limit.
func withMarker(body, marker string) string {
	if strings.Contains(body, marker) && utf8.RuneCountInString(body) <= maxPullBody {
		return body
	}
	room := maxPullBody - utf8.RuneCountInString(marker) - 2
	return truncate(strings.TrimRight(body, "\n"), room) + "\n\n" + marker
}

// truncate keeps at most n characters, the last an ellipsis when some are lost.
func truncate(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
