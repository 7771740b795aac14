package ghapp

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// Verifications reads what Verifications wait for.
type Verifications struct{ app *App }

var (
	_ verify.Commits     = (*Verifications)(nil)
	_ verify.Deployments = (*Verifications)(nil)
)

// Verifications returns the ports.
func (a *App) Verifications() *Verifications { return &Verifications{app: a} }

// Head implements verify.Commits.
func (s *Verifications) Head(ctx context.Context, repo pipeline.Repo) (string, error) {
	found, err := s.app.Repo(ctx, repo.Owner, repo.Name)
	if err != nil {
		return "", err
	}
	branch := found.DefaultBranch
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return "", fmt.Errorf("head of %s: %w", branch, err)
	}
	var tip struct {
		Commit struct {
			SHA string `json:"sha"`
		} `json:"commit"`
	}
	if _, err := r.do(ctx, http.MethodGet, r.path("/branches/%s", branch), nil, &tip); err != nil {
		return "", fmt.Errorf("head of %s: %w", branch, err)
	}
	return tip.Commit.SHA, nil
}

// Results implements verify.Commits. Check runs and statuses are two lists, and the
// name may be in either.
func (s *Verifications) Results(ctx context.Context, repo pipeline.Repo, sha, name string) ([]verify.CheckResult, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return nil, fmt.Errorf("checks of %s: %w", sha, err)
	}
	type run struct {
		checkRun
		App struct {
			ID   int64  `json:"id"`
			Slug string `json:"slug"`
		} `json:"app"`
		Output struct {
			Title string `json:"title"`
		} `json:"output"`
	}
	type runs struct {
		Runs []run `json:"check_runs"`
	}
	newest := map[int64]run{}
	query := url.Values{"check_name": {name}, "filter": {"latest"}}
	err = each(ctx, r, r.path("/commits/%s/check-runs", sha), query, func(page runs) bool {
		for _, one := range page.Runs {
			if one.Name == name && one.ID > newest[one.App.ID].ID {
				newest[one.App.ID] = one
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("checks of %s: %w", sha, err)
	}
	var out []verify.CheckResult
	for _, one := range newest {
		out = append(out, verify.CheckResult{
			App: one.App.Slug, Done: one.Status == "completed", Conclusion: one.Conclusion, Title: one.Output.Title,
			URL: cmp.Or(one.HTMLURL, one.DetailsURL),
		})
	}
	type combined struct {
		Statuses []struct {
			Context     string `json:"context"`
			State       string `json:"state"`
			Description string `json:"description"`
			TargetURL   string `json:"target_url"`
		} `json:"statuses"`
	}
	err = each(ctx, r, r.path("/commits/%s/status", sha), nil, func(page combined) bool {
		for _, st := range page.Statuses {
			if st.Context == name {
				out = append(out, verify.CheckResult{Done: st.State != "pending", Conclusion: st.State, Title: st.Description, URL: st.TargetURL})
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("statuses of %s: %w", sha, err)
	}
	return out, nil
}

// Deployed implements verify.Deployments.
func (s *Verifications) Deployed(ctx context.Context, repo pipeline.Repo, sha, environment string) ([]verify.Deployed, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return nil, fmt.Errorf("deployments of %s: %w", sha, err)
	}
	own, err := s.app.Login(ctx)
	if err != nil {
		return nil, err
	}
	type deployment struct {
		ID      int64   `json:"id"`
		Creator account `json:"creator"`
		Via     *struct {
			ID int64 `json:"id"`
		} `json:"performed_via_github_app"`
	}
	var ids []int64
	err = each(ctx, r, r.path("/deployments"), url.Values{"sha": {sha}, "environment": {environment}}, func(page []deployment) bool {
		for _, d := range page {
			if d.Creator.Login != own && (d.Via == nil || d.Via.ID != s.app.opts.AppID) {
				ids = append(ids, d.ID)
			}
		}
		return len(ids) == 0 // only the newest is of interest
	})
	if err != nil {
		return nil, fmt.Errorf("deployments of %s: %w", sha, err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	type status struct {
		State          string `json:"state"`
		Description    string `json:"description"`
		LogURL         string `json:"log_url"`
		EnvironmentURL string `json:"environment_url"`
	}
	var one verify.Deployed
	err = each(ctx, r, r.path("/deployments/%d/statuses", ids[0]), nil, func(page []status) bool {
		for _, st := range page {
			if len(one.States) == 0 {
				one.Description, one.URL = st.Description, cmp.Or(st.LogURL, st.EnvironmentURL)
			}
			one.States = append(one.States, st.State)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("statuses of deployment %d: %w", ids[0], err)
	}
	return []verify.Deployed{one}, nil
}
