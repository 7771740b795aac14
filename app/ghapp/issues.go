package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Issues creates, reads and changes issues for steps.
type Issues struct{ app *App }

var _ step.Issues = (*Issues)(nil)

// Issues returns the port.
func (a *App) Issues() *Issues { return &Issues{app: a} }

// Repository returns the repository at an address of this host.
func (a *App) Repository(repoURL string) (pipeline.Repo, error) {
	owner, name, ok := a.host.split(repoURL)
	if !ok {
		// In another way of writing, such as git@HOST:OWNER/NAME.
		owner, name, ok = a.host.split(pipeline.NormalizeGitURL(repoURL))
	}
	if !ok {
		return pipeline.Repo{}, fmt.Errorf("%s is not a repository on %s", repoURL, a.host.web)
	}
	return pipeline.Repo{Owner: owner, Name: name}, nil
}

// issue is GitHub's issue, as far as it is looked at.
type issue struct {
	Number    int       `json:"number"`
	HTMLURL   string    `json:"html_url"`
	RepoURL   string    `json:"repository_url"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	State     string    `json:"state"`
	Labels    []label   `json:"labels"`
	Assignees []account `json:"assignees"`
	User      account   `json:"user"`
	Via       *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
	PullRequest *struct{} `json:"pull_request"`
}

type label struct {
	Name string `json:"name"`
}

func (a *App) issue(ctx context.Context, i issue) (step.Issue, error) {
	own, err := a.isOwn(ctx, comment{User: i.User, Via: i.Via})
	out := step.Issue{Number: i.Number, URL: i.HTMLURL, Title: i.Title, Body: i.Body, State: i.State, Own: own}
	for _, l := range i.Labels {
		out.Labels = append(out.Labels, l.Name)
	}
	for _, who := range i.Assignees {
		out.Assignees = append(out.Assignees, who.Login)
	}
	return out, err
}

// acting returns a caller for a repository in which a step acts; that the App is
// not installed there is for people.
func (a *App) acting(ctx context.Context, r pipeline.Repo) (*rest, error) {
	c, err := a.on(ctx, r.Owner, r.Name)
	return c, a.refusal(r, err)
}

// refusal makes what GitHub answers, and nobody but its people can change, an error
// that says so.
func (a *App) refusal(r pipeline.Repo, err error) error {
	switch {
	case errors.Is(err, ErrNotInstalled):
		return &pipeline.UserError{
			Message: fmt.Sprintf("the App is not installed on %s", r),
			Hint:    "an owner of " + r.Owner + " can add the repository in the settings of the App's installation", Err: err,
		}
	case status(err) == http.StatusNotFound:
		return fmt.Errorf("%w: %w", step.ErrNotFound, err)
	case status(err) == http.StatusGone:
		return &pipeline.UserError{Message: "GitHub refuses: " + message(err), Hint: "see Features in the settings of " + r.String(), Err: err}
	case status(err) == http.StatusUnprocessableEntity:
		return &pipeline.UserError{Message: "GitHub refuses: " + message(err), Err: err}
	}
	return err
}

// Issue implements step.Issues.
func (s *Issues) Issue(ctx context.Context, repo pipeline.Repo, number int) (step.Issue, error) {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return step.Issue{}, err
	}
	var found issue
	if _, err := r.do(ctx, http.MethodGet, r.path("/issues/%d", number), nil, &found); err != nil {
		return step.Issue{}, s.app.refusal(repo, err)
	}
	return s.app.issue(ctx, found)
}

// OwnIssues implements step.Issues. It reads the list rather than the search index,
// which is behind.
func (s *Issues) OwnIssues(ctx context.Context, repo pipeline.Repo, since time.Time) ([]step.Issue, error) {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return nil, err
	}
	login, err := s.app.Login(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{
		"creator": {login}, "state": {"all"}, "since": {since.UTC().Format(time.RFC3339)}, "sort": {"created"}, "direction": {"desc"},
	}
	var found []issue
	err = each(ctx, r, r.path("/issues"), query, func(page []issue) bool {
		found = append(found, page...)
		return true
	})
	if err != nil {
		return nil, s.app.refusal(repo, err)
	}
	return s.all(ctx, found)
}

func (s *Issues) all(ctx context.Context, found []issue) ([]step.Issue, error) {
	var out []step.Issue
	for _, i := range found {
		one, err := s.app.issue(ctx, i)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// SearchIssues implements step.Issues. A query can name other repositories; what is
// found there is left out.
func (s *Issues) SearchIssues(ctx context.Context, repo pipeline.Repo, query string, limit int) ([]step.Issue, error) {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []issue `json:"items"`
	}
	params := url.Values{"q": {fmt.Sprintf("repo:%s is:issue %s", repo, query)}, "per_page": {strconv.Itoa(limit)}}
	if _, err := r.do(ctx, http.MethodGet, "search/issues?"+params.Encode(), nil, &page); err != nil {
		return nil, s.app.refusal(repo, err)
	}
	var found []issue
	for _, i := range page.Items {
		if strings.HasSuffix(strings.ToLower(i.RepoURL), "/repos/"+repo.Slug()) && i.PullRequest == nil && len(found) < limit {
			found = append(found, i)
		}
	}
	return s.all(ctx, found)
}

// CreateIssue implements step.Issues.
func (s *Issues) CreateIssue(ctx context.Context, repo pipeline.Repo, n step.NewIssue) (step.Issue, error) {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return step.Issue{}, err
	}
	body := struct {
		Title     string   `json:"title"`
		Body      string   `json:"body"`
		Labels    []string `json:"labels,omitempty"`
		Assignees []string `json:"assignees,omitempty"`
	}{n.Title, n.Body, n.Labels, n.Assignees}
	var made issue
	if _, err := r.do(ctx, http.MethodPost, r.path("/issues"), body, &made); err != nil {
		return step.Issue{}, s.app.refusal(repo, err)
	}
	return s.app.issue(ctx, made)
}

// UpdateIssue implements step.Issues. Labels are added and removed one by one, so
// that those which others set meanwhile stay.
func (s *Issues) UpdateIssue(ctx context.Context, repo pipeline.Repo, number int, c step.IssueChange) error {
	r, err := s.app.acting(ctx, repo)
	if err != nil {
		return err
	}
	fields := struct {
		Title     *string   `json:"title,omitempty"`
		Body      *string   `json:"body,omitempty"`
		State     *string   `json:"state,omitempty"`
		Assignees *[]string `json:"assignees,omitempty"`
	}{c.Title, c.Body, c.State, c.Assignees}
	if c.Title != nil || c.Body != nil || c.State != nil || c.Assignees != nil {
		if _, err := r.do(ctx, http.MethodPatch, r.path("/issues/%d", number), fields, nil); err != nil {
			return s.app.refusal(repo, err)
		}
	}
	if len(c.AddLabels) > 0 {
		labels := map[string][]string{"labels": c.AddLabels}
		if _, err := r.do(ctx, http.MethodPost, r.path("/issues/%d/labels", number), labels, nil); err != nil {
			return s.app.refusal(repo, err)
		}
	}
	for _, name := range c.RemoveLabels {
		_, err := r.do(ctx, http.MethodDelete, r.path("/issues/%d/labels/%s", number, name), nil, nil)
		if err != nil && status(err) != http.StatusNotFound {
			return s.app.refusal(repo, err)
		}
	}
	return nil
}
