package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// GitHub's limits for pull requests and comments, in characters; cutting by
// bytes stays below them.
const (
	maxTitle = 256
	maxBody  = 65_536
)

// Pulls opens, merges and closes pull requests.
type Pulls struct{ app *App }

var _ step.PullRequests = (*Pulls)(nil)

// Pulls returns the port.
func (a *App) Pulls() *Pulls { return &Pulls{app: a} }

// pull is GitHub's pull request, as far as it is looked at.
type pull struct {
	Number         int        `json:"number"`
	HTMLURL        string     `json:"html_url"`
	State          string     `json:"state"`
	Draft          bool       `json:"draft"`
	Merged         bool       `json:"merged"`
	MergedAt       *time.Time `json:"merged_at"`
	Title          string     `json:"title"`
	Body           string     `json:"body"`
	Mergeable      *bool      `json:"mergeable"`
	MergeableState string     `json:"mergeable_state"`
	MergeCommitSHA string     `json:"merge_commit_sha"`
	User           account    `json:"user"`
	Head           pullEnd    `json:"head"`
	Base           pullEnd    `json:"base"`
}

type pullEnd struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
	// Repo is nil when a fork was deleted.
	Repo *struct {
		ID       int64  `json:"id"`
		FullName string `json:"full_name"`
	} `json:"repo"`
}

type account struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

// isMerged holds for both forms: lists leave "merged" out.
func (p pull) isMerged() bool { return p.Merged || p.MergedAt != nil }

func (p pull) port() step.PullRequest {
	out := step.PullRequest{
		Number: p.Number, URL: p.HTMLURL, Open: p.State == "open", Merged: p.isMerged(), Draft: p.Draft, Title: p.Title, Body: p.Body,
		Head: p.Head.SHA, HeadRef: p.Head.Ref, Base: p.Base.Ref, Mergeable: p.Mergeable, State: p.MergeableState,
	}
	if out.Merged {
		// Before, GitHub names a test merge here.
		out.MergeCommit = p.MergeCommitSHA
	}
	return out
}

func (r *rest) pull(ctx context.Context, number int) (pull, error) {
	var p pull
	_, err := r.do(ctx, http.MethodGet, r.path("/pulls/%d", number), nil, &p)
	if status(err) == http.StatusNotFound {
		return pull{}, fmt.Errorf("pull request %d: %w", number, step.ErrNotFound)
	}
	if err != nil {
		return pull{}, fmt.Errorf("pull request %d: %w", number, err)
	}
	return p, nil
}

// Get implements step.PullRequests.
func (s *Pulls) Get(ctx context.Context, repoURL string, number int) (step.PullRequest, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return step.PullRequest{}, fmt.Errorf("pull request %d: %w", number, err)
	}
	p, err := r.pull(ctx, number)
	return p.port(), err
}

// ByHead implements step.PullRequests.
func (s *Pulls) ByHead(ctx context.Context, repoURL, head, base string) (step.PullRequest, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return step.PullRequest{}, fmt.Errorf("pull request of %s: %w", head, err)
	}
	p, err := r.byHead(ctx, head, base)
	return p.port(), err
}

// byHead prefers an open pull request, then a merged one, then the newest. What
// GitHub returns is checked again: it ignores a head that it cannot make sense of.
func (r *rest) byHead(ctx context.Context, head, base string) (pull, error) {
	query := url.Values{"head": {r.owner + ":" + head}, "state": {"all"}, "sort": {"created"}, "direction": {"desc"}}
	if base != "" {
		query.Set("base", base)
	}
	var best *pull
	rank := func(p *pull) int {
		switch {
		case p == nil:
			return 0
		case p.State == "open":
			return 3
		case p.isMerged():
			return 2
		default:
			return 1
		}
	}
	err := each(ctx, r, r.path("/pulls"), query, func(page []pull) bool {
		for i := range page {
			p := &page[i]
			ours := p.Head.Repo != nil && p.Base.Repo != nil && p.Head.Repo.ID == p.Base.Repo.ID
			if ours && p.Head.Ref == head && (base == "" || p.Base.Ref == base) && rank(p) > rank(best) {
				best = p
			}
		}
		return rank(best) < 3
	})
	if err != nil {
		return pull{}, fmt.Errorf("pull request of %s into %s: %w", head, base, err)
	}
	if best == nil {
		return pull{}, fmt.Errorf("pull request of %s into %s: %w", head, base, step.ErrNotFound)
	}
	return *best, nil
}

// Create implements step.PullRequests. Labels, reviewers and assignees are
// wishes: what GitHub refuses about them is logged and fails nothing.
func (s *Pulls) Create(ctx context.Context, repoURL string, n step.NewPullRequest) (step.PullRequest, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return step.PullRequest{}, fmt.Errorf("open pull request: %w", err)
	}
	p, err := s.create(ctx, r, n)
	if err != nil {
		return step.PullRequest{}, fmt.Errorf("open pull request: %w", err)
	}
	if p.State == "open" {
		if err := s.decorate(ctx, r, p.Number, n); err != nil {
			return step.PullRequest{}, fmt.Errorf("pull request %d: %w", p.Number, err)
		}
	}
	return p.port(), nil
}

func (s *Pulls) create(ctx context.Context, r *rest, n step.NewPullRequest) (pull, error) {
	body := struct {
		Title string `json:"title"`
		Head  string `json:"head"`
		Base  string `json:"base"`
		Body  string `json:"body"`
		Draft bool   `json:"draft,omitempty"`
	}{cut(n.Title, maxTitle), n.Head, n.Base, cut(n.Body, maxBody), n.Draft}
	for attempt := 1; ; attempt++ {
		var p pull
		_, err := r.do(ctx, http.MethodPost, r.path("/pulls"), body, &p)
		switch {
		case err == nil:
			return p, nil
		case status(err) != http.StatusUnprocessableEntity:
			return pull{}, err
		case says(err, "no commits between"):
			return pull{}, fmt.Errorf("%w: %w", step.ErrNoDifference, err)
		case says(err, "already exists"):
			p, err := r.byHead(ctx, n.Head, n.Base)
			if isNotFound(err) {
				// GitHub knows it and does not show it yet.
				return pull{}, &pipeline.TransientError{Err: err}
			}
			return p, err
		case n.Draft && body.Draft && says(err, "draft pull requests are not supported"):
			// Private repositories need a paid plan for them.
			s.app.opts.Log.WarnContext(ctx, "draft pull requests are not available here", "repo", r.owner+"/"+r.name)
			body.Draft = false
		case attempt < tries && says(err, "head is invalid"):
			// The branch was made a moment ago and GitHub's replicas lag.
			if err := s.app.opts.Sleep(ctx, lagPause); err != nil {
				return pull{}, err
			}
		default:
			return pull{}, err
		}
	}
}

// decorate returns an error only when the caller gave up.
func (s *Pulls) decorate(ctx context.Context, r *rest, number int, n step.NewPullRequest) error {
	type request struct {
		what, path string
		body       any
	}
	var all []request
	if len(n.Labels) > 0 {
		all = append(all, request{"labels", r.path("/issues/%d/labels", number), map[string][]string{"labels": n.Labels}})
	}
	// One by one, because a single name that GitHub does not take spoils the rest.
	for _, login := range n.Reviewers {
		all = append(all, request{"reviewer " + login, r.path("/pulls/%d/requested_reviewers", number), map[string][]string{"reviewers": {strings.TrimPrefix(login, "@")}}})
	}
	for _, team := range n.TeamReviewers {
		_, slug, ok := strings.Cut(team, "/")
		if !ok {
			slug = team
		}
		all = append(all, request{"team " + team, r.path("/pulls/%d/requested_reviewers", number), map[string][]string{"team_reviewers": {slug}}})
	}
	if len(n.Assignees) > 0 {
		all = append(all, request{"assignees", r.path("/issues/%d/assignees", number), map[string][]string{"assignees": n.Assignees}})
	}
	for _, q := range all {
		_, err := r.do(ctx, http.MethodPost, q.path, q.body, nil)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return err
		default:
			s.app.opts.Log.WarnContext(ctx, "pull request was opened without a wish", "repo", r.owner+"/"+r.name, "pr", number, "wish", q.what, "err", err)
		}
	}
	return nil
}

// Close implements step.PullRequests. The comment is looked for before it is
// written, so that a second attempt does not repeat it.
func (s *Pulls) Close(ctx context.Context, repoURL string, number int, why string) error {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return fmt.Errorf("close pull request %d: %w", number, err)
	}
	p, err := r.pull(ctx, number)
	if err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if p.State != "open" {
		return nil
	}
	if why = strings.TrimSpace(why); why != "" {
		if err := s.app.sayOnce(ctx, r, number, cut(why, maxBody)); err != nil {
			return fmt.Errorf("close pull request %d: %w", number, err)
		}
	}
	if _, err := r.do(ctx, http.MethodPatch, r.path("/pulls/%d", number), map[string]string{"state": "closed"}, nil); err != nil {
		return fmt.Errorf("close pull request %d: %w", number, err)
	}
	return nil
}
