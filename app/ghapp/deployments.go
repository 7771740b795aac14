package ghapp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// maxPhrase is the longest description of a Deployment or its status.
const maxPhrase = 140

// Deployments publishes GitHub Deployments.
type Deployments struct{ app *App }

var _ promotion.Deployments = (*Deployments)(nil)

// Deployments returns the port.
func (a *App) Deployments() *Deployments { return &Deployments{app: a} }

// FindDeployment implements promotion.Deployments: the newest one of this commit
// and environment whose payload names the Promotion.
func (s *Deployments) FindDeployment(ctx context.Context, repo pipeline.Repo, d report.Deployment) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("deployment of %s: %w", d.Payload.Promotion, err)
	}
	type deployment struct {
		ID      int64           `json:"id"`
		Payload json.RawMessage `json:"payload"`
	}
	var found int64
	err = each(ctx, r, r.path("/deployments"), url.Values{"sha": {d.Ref}, "environment": {d.Environment}}, func(page []deployment) bool {
		for _, one := range page {
			if payloadOf(one.Payload) == d.Payload {
				found = max(found, one.ID)
			}
		}
		return true
	})
	if err != nil {
		return 0, fmt.Errorf("deployment of %s: %w", d.Payload.Promotion, err)
	}
	if found == 0 {
		return 0, fmt.Errorf("deployment of %s: %w", d.Payload.Promotion, step.ErrNotFound)
	}
	return found, nil
}

// payloadOf reads a payload, which GitHub returns as it was sent or as a string
// that holds it.
func payloadOf(raw json.RawMessage) report.Payload {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var p report.Payload
	if json.Unmarshal(raw, &p) != nil {
		return report.Payload{}
	}
	return p
}

// CreateDeployment implements promotion.Deployments. GitHub's defaults are not
// ours: it would merge the default branch into the ref and demand that every
// check is green.
func (s *Deployments) CreateDeployment(ctx context.Context, repo pipeline.Repo, d report.Deployment) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("create deployment of %s: %w", d.Payload.Promotion, err)
	}
	body := struct {
		Ref              string         `json:"ref"`
		Environment      string         `json:"environment"`
		Description      string         `json:"description"`
		Payload          report.Payload `json:"payload"`
		AutoMerge        bool           `json:"auto_merge"`
		RequiredContexts []string       `json:"required_contexts"`
		Transient        bool           `json:"transient_environment"`
		Production       bool           `json:"production_environment"`
	}{
		Ref: d.Ref, Environment: d.Environment, Description: cut(d.Description, maxPhrase), Payload: d.Payload,
		RequiredContexts: []string{}, Production: isProduction(d.Environment),
	}
	var made struct {
		ID int64 `json:"id"`
	}
	_, err = r.do(ctx, http.MethodPost, r.path("/deployments"), body, &made)
	if isAccepted(err) {
		return 0, fmt.Errorf("create deployment of %s: GitHub merged the default branch instead", d.Payload.Promotion)
	}
	if err != nil {
		return 0, fmt.Errorf("create deployment of %s: %w", d.Payload.Promotion, err)
	}
	if made.ID == 0 {
		return 0, fmt.Errorf("create deployment of %s: GitHub's answer names none", d.Payload.Promotion)
	}
	return made.ID, nil
}

func isProduction(environment string) bool {
	return strings.EqualFold(environment, "production") || strings.EqualFold(environment, "prod")
}

// FindDeploymentStatus implements promotion.Deployments.
func (s *Deployments) FindDeploymentStatus(ctx context.Context, repo pipeline.Repo, id int64, state string) error {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return fmt.Errorf("statuses of deployment %d: %w", id, err)
	}
	type status struct {
		State string `json:"state"`
	}
	found := false
	err = each(ctx, r, r.path("/deployments/%d/statuses", id), nil, func(page []status) bool {
		found = found || slices.Contains(page, status{state})
		return !found
	})
	if err != nil {
		return fmt.Errorf("statuses of deployment %d: %w", id, err)
	}
	if !found {
		return fmt.Errorf("%s of deployment %d: %w", state, id, step.ErrNotFound)
	}
	return nil
}

// SetDeploymentStatus implements promotion.Deployments.
func (s *Deployments) SetDeploymentStatus(ctx context.Context, repo pipeline.Repo, id int64, st report.DeploymentStatus) error {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return fmt.Errorf("status of deployment %d: %w", id, err)
	}
	body := struct {
		State       string `json:"state"`
		Description string `json:"description,omitempty"`
		LogURL      string `json:"log_url,omitempty"`
	}{st.State, cut(st.Description, maxPhrase), st.LogURL}
	if _, err := r.do(ctx, http.MethodPost, r.path("/deployments/%d/statuses", id), body, nil); err != nil {
		return fmt.Errorf("status of deployment %d: %w", id, err)
	}
	return nil
}
