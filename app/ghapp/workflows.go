package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
)

// Workflows dispatches GitHub Actions workflows and sees how their runs go.
type Workflows struct{ app *App }

var (
	_ actions.Workflows = (*Workflows)(nil)
	_ actions.Outputs   = (*Workflows)(nil)
)

// Workflows returns the port.
func (a *App) Workflows() *Workflows { return &Workflows{app: a} }

// DefaultBranch implements actions.Workflows.
func (s *Workflows) DefaultBranch(ctx context.Context, repo pipeline.Repo) (string, error) {
	found, err := s.app.Repo(ctx, repo.Owner, repo.Name)
	if err != nil {
		return "", err
	}
	return found.DefaultBranch, nil
}

// dispatchBody starts a workflow. Servers before 2026 know nothing of RunDetails
// and refuse it.
type dispatchBody struct {
	Ref        string            `json:"ref"`
	Inputs     map[string]string `json:"inputs,omitempty"`
	RunDetails bool              `json:"return_run_details,omitempty"`
}

// Dispatch implements actions.Workflows.
func (s *Workflows) Dispatch(ctx context.Context, repo pipeline.Repo, d actions.Dispatch) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("dispatch %s: %w", d.File, err)
	}
	path := r.path("/actions/workflows/%s/dispatches", d.File)
	body := dispatchBody{Ref: d.Ref, Inputs: d.Inputs, RunDetails: true}
	var made struct {
		Run int64 `json:"workflow_run_id"`
	}
	_, err = r.do(ctx, http.MethodPost, path, body, &made)
	if code := status(err); (code == http.StatusBadRequest || code == http.StatusUnprocessableEntity) && says(err, "return_run_details") {
		body.RunDetails = false
		_, err = r.do(ctx, http.MethodPost, path, body, nil)
	}
	switch status(err) {
	case 0:
	case http.StatusNotFound:
		err = &pipeline.UserError{
			Message: fmt.Sprintf("there is no workflow %s on the default branch of %s", d.File, repo),
			Hint:    "add .github/workflows/" + d.File, Err: err,
		}
	case http.StatusUnprocessableEntity:
		err = &pipeline.UserError{Message: "GitHub refuses: " + message(err), Hint: "see on.workflow_dispatch in .github/workflows/" + d.File, Err: err}
	}
	if err != nil {
		return 0, fmt.Errorf("dispatch %s: %w", d.File, err)
	}
	return made.Run, nil
}

// ghaRun is GitHub's workflow run, as far as it is looked at.
type ghaRun struct {
	ID         int64     `json:"id"`
	Title      string    `json:"display_title"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	HTMLURL    string    `json:"html_url"`
	Event      string    `json:"event"`
	Branch     string    `json:"head_branch"`
	Actor      account   `json:"actor"`
	CreatedAt  time.Time `json:"created_at"`
}

func (g ghaRun) port() actions.Run {
	return actions.Run{
		ID: g.ID, Title: g.Title, Done: g.Status == "completed", Conclusion: g.Conclusion, URL: g.HTMLURL, CreatedAt: g.CreatedAt,
	}
}

// Dispatched implements actions.Workflows.
func (s *Workflows) Dispatched(ctx context.Context, repo pipeline.Repo, file, ref string, since time.Time) ([]actions.Run, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return nil, fmt.Errorf("runs of %s: %w", file, err)
	}
	own, err := s.app.Login(ctx)
	if err != nil {
		return nil, err
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
	type page struct {
		Runs []ghaRun `json:"workflow_runs"`
	}
	query := url.Values{
		"event": {"workflow_dispatch"}, "branch": {branch}, "actor": {own}, "created": {">=" + since.UTC().Format(time.RFC3339)},
	}
	var out []actions.Run
	err = each(ctx, r, r.path("/actions/workflows/%s/runs", file), query, func(p page) bool {
		for _, run := range p.Runs {
			if run.Event == "workflow_dispatch" && run.Branch == branch && run.Actor.Login == own {
				out = append(out, run.port())
			}
		}
		return true
	})
	if status(err) == http.StatusNotFound {
		err = &pipeline.UserError{
			Message: fmt.Sprintf("there is no workflow %s on the default branch of %s", file, repo),
			Hint:    "add .github/workflows/" + file, Err: err,
		}
	}
	if err != nil {
		return nil, fmt.Errorf("runs of %s: %w", file, err)
	}
	return out, nil
}

// WorkflowRun implements actions.Workflows.
func (s *Workflows) WorkflowRun(ctx context.Context, repo pipeline.Repo, id int64) (actions.Run, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return actions.Run{}, fmt.Errorf("workflow run %d: %w", id, err)
	}
	var run ghaRun
	_, err = r.do(ctx, http.MethodGet, r.path("/actions/runs/%d", id), nil, &run)
	if status(err) == http.StatusNotFound {
		err = &pipeline.UserError{Message: fmt.Sprintf("there is no workflow run %d in %s", id, repo), Hint: "it may have been deleted", Err: err}
	}
	if err != nil {
		return actions.Run{}, fmt.Errorf("workflow run %d: %w", id, err)
	}
	return run.port(), nil
}

// Cancel implements actions.Workflows.
func (s *Workflows) Cancel(ctx context.Context, repo pipeline.Repo, id int64) error {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return fmt.Errorf("cancel workflow run %d: %w", id, err)
	}
	_, err = r.do(ctx, http.MethodPost, r.path("/actions/runs/%d/cancel", id), nil, nil)
	if status(err) == http.StatusConflict || isAccepted(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cancel workflow run %d: %w", id, err)
	}
	return nil
}
