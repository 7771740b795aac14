package step

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// PullConfig is what all steps on an existing pull request are told.
type PullConfig struct {
	RepoURL  string `json:"repoURL" doc:"the repository"`
	PRNumber int    `json:"prNumber" doc:"number of the pull request"`
	// PollInterval is a Go duration.
	PollInterval pipeline.Duration `json:"pollInterval,omitempty" doc:"when to look again if no event arrives, such as 30s; at least 10s; default the server's setting"`

	Provider              string `json:"provider,omitempty" doc:"github, which is also the default"`
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: the certificate of the GitHub that the App belongs to is always verified"`
}

// minPoll keeps one pull request from using up the rate limit.
const minPoll = 10 * time.Second

// Validate implements the rules beyond types.
func (c PullConfig) Validate() error {
	_, err := repoOf(c.RepoURL)
	if c.PRNumber < 1 {
		err = errors.Join(err, errors.New("prNumber must be at least 1"))
	}
	if c.PollInterval < 0 {
		err = errors.Join(err, errors.New("pollInterval must not be negative"))
	}
	return errors.Join(err, checkProvider(c.Provider))
}

// PullOutput is the output of the steps on an existing pull request, in every
// state of it.
type PullOutput struct {
	PR     PullState `json:"pr" doc:"the pull request"`
	Commit string    `json:"commit,omitempty" doc:"the commit on the target branch, once merged"`
	Ready  bool      `json:"ready,omitempty" doc:"whether nothing is waited for but a required check of this App itself"`
	Queue  *enqueued `json:"queue,omitempty" doc:"where it is in the merge queue, once it was put there"`
	// UnsettledSince is set while GitHub does not know whether it can merge.
	UnsettledSince time.Time `json:"unsettledSince,omitzero" doc:"since when the host computes whether it can merge"`
}

// PullState extends [pipeline.PullRef] by what Kargo reports.
type PullState struct {
	Number int    `json:"id" doc:"number"`
	URL    string `json:"url" doc:"where to look at it"`
	Open   bool   `json:"open" doc:"whether it is open"`
	Merged bool   `json:"merged" doc:"whether it is merged"`
	Head   string `json:"head" doc:"the head commit that this Promotion stands for"`
	Repo   string `json:"repo" doc:"OWNER/NAME of the repository"`
}

// pull is one pull request as a step sees it on one pass.
type pull struct {
	PullRequest
	repo pipeline.Repo
	// expected is the head that this Promotion stands for, base the branch that
	// it was opened against, empty when a step did not open it.
	expected, base string
	prior          PullOutput
	poll           time.Duration
	env            Env
}

// look reads a pull request and the output that describes it. An error that is
// not nil ends the pass: the pull request was closed.
func (c PullConfig) look(env Env, pr PullRequest) (*pull, PullOutput, error) {
	repo, err := repoOf(c.RepoURL)
	if err != nil {
		return nil, PullOutput{}, &PermanentError{err}
	}
	p := &pull{PullRequest: pr, repo: repo, poll: env.PollInterval, env: env}
	if c.PollInterval > 0 {
		p.poll = max(minPoll, time.Duration(c.PollInterval))
	}
	if json.Unmarshal(env.Prior, &p.prior) != nil || p.prior.PR.Number != pr.Number {
		p.prior = PullOutput{}
	}
	p.recall()
	out := PullOutput{PR: PullState{
		Number: pr.Number, URL: pr.URL, Open: pr.Open, Merged: pr.Merged, Head: p.expected, Repo: repo.String(),
	}}
	switch {
	case pr.Merged:
		out.Commit = pr.MergeCommit
	case !pr.Open:
		return p, out, &AbortedError{Message: fmt.Sprintf("pull request #%d was closed without being merged, which aborts the Promotion", pr.Number)}
	}
	return p, out, nil
}

// recall fills in what a step before this one opened for merging; without such
// a step the head that this one saw first is what it stands for.
func (p *pull) recall() {
	p.expected = cmp.Or(p.prior.PR.Head, p.Head)
	for j := range p.env.Index {
		if p.env.Promotion.Stage.Steps[j].Uses != "git-open-pr" {
			continue
		}
		var out OpenPROutput
		if json.Unmarshal(p.env.Promotion.Steps[j].Output, &out) != nil {
			continue
		}
		if out.PR.Number == p.Number && strings.EqualFold(out.PR.Repo, p.repo.String()) {
			p.expected, p.base = cmp.Or(out.PR.Head, p.expected), out.PR.Base
		}
	}
}

// wait parks the step until something happens to the pull request or its head.
func (p *pull) wait(format string, args ...any) *WaitError {
	return &WaitError{
		Message: fmt.Sprintf(format, args...),
		Until:   p.env.Now().Add(p.poll),
		On:      []string{pipeline.PullEvent(p.repo, p.Number), pipeline.CommitEvent(p.Head)},
	}
}

// unsettledError is a wait for something that is no verdict and comes without
// an event.
type unsettledError struct{ *WaitError }

// Unwrap makes it known as a WaitError.
func (e *unsettledError) Unwrap() error { return e.WaitError }

// settle parks the step for as long as it has been unsettled already and a
// second more: 1s, 2s, 4s and so on up to the poll interval.
func (p *pull) settle(out *PullOutput, format string, args ...any) error {
	w := p.wait(format, args...)
	w.Until = p.settling(out)
	return &unsettledError{w}
}

// settling records that the pull request is unsettled and returns when to look
// again.
func (p *pull) settling(out *PullOutput) time.Time {
	now := p.env.Now()
	out.UnsettledSince = p.prior.UnsettledSince
	if out.UnsettledSince.IsZero() {
		out.UnsettledSince = now
	}
	return now.Add(min(p.poll, now.Sub(out.UnsettledSince)+time.Second))
}

// repoOf returns the owner and name at the end of a repository URL.
func repoOf(repoURL string) (pipeline.Repo, error) {
	u, err := url.Parse(pipeline.NormalizeGitURL(repoURL))
	if err == nil {
		parts := strings.Split(strings.Trim(u.Path, "/"), "/")
		if n := len(parts); n >= 2 && parts[n-1] != "" && parts[n-2] != "" {
			return pipeline.Repo{Owner: parts[n-2], Name: parts[n-1]}, nil
		}
	}
	return pipeline.Repo{}, fmt.Errorf("repoURL %q does not end in OWNER/NAME", repoURL)
}
