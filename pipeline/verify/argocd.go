package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// argoCD waits until an Argo CD Application is healthy and synced. Each look has
// Argo CD compare it with Git first, so that what it says is about what was merged.
type argoCD struct{ client }

type argoCDConfig struct {
	App       string `json:"app"`
	Namespace string `json:"namespace"`
	Project   string `json:"project"`
	// Address is Argo CD's; the secret ARGOCD_ADDRESS when empty.
	Address string `json:"address"`
	// Token names the secret that holds the token; ARGOCD_TOKEN when empty.
	Token string `json:"token"`
	// Revision is the revision that has to be synced, if a certain one has to be.
	Revision string `json:"revision"`
	Insecure bool   `json:"insecure"`
}

// application is as much of an Application as matters.
type application struct {
	Status struct {
		Health struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"health"`
		Sync struct {
			Status    string   `json:"status"`
			Revision  string   `json:"revision"`
			Revisions []string `json:"revisions"`
		} `json:"sync"`
		OperationState struct {
			Phase   string `json:"phase"`
			Message string `json:"message"`
		} `json:"operationState"`
		Conditions []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

const argoCDLook = 15 * time.Second

// Measure implements Provider.
func (a *argoCD) Measure(ctx context.Context, in Look) (Outcome, error) {
	config := argoCDConfig{Token: "ARGOCD_TOKEN"}
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	if config.App == "" {
		return Outcome{}, Permanent(errors.New("the Argo CD Application has no name"))
	}
	var err error
	if config.Address == "" {
		if config.Address, err = in.Secret(ctx, "ARGOCD_ADDRESS"); err != nil {
			return Outcome{}, err
		}
	}
	token, err := in.Secret(ctx, config.Token)
	if err != nil {
		return Outcome{}, err
	}
	query := url.Values{"refresh": {"normal"}}
	if config.Namespace != "" {
		query.Set("appNamespace", config.Namespace)
	}
	if config.Project != "" {
		query.Set("project", config.Project)
	}
	address := strings.TrimRight(config.Address, "/")
	answer, err := a.send(ctx, request{
		method: http.MethodGet, url: address + "/api/v1/applications/" + url.PathEscape(config.App) + "?" + query.Encode(),
		header: http.Header{"Authorization": {"Bearer " + token}}, timeout: 30 * time.Second, insecure: config.Insecure,
	})
	if err != nil {
		return Outcome{}, err
	}
	var app application
	if err := json.Unmarshal(answer, &app); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not Argo CD's: %w", err)
	}
	out := app.outcome(config)
	out.URL = address + "/applications/" + url.PathEscape(config.App)
	return out, nil
}

func (app application) outcome(config argoCDConfig) Outcome {
	s := app.Status
	out := Outcome{
		Value: map[string]any{
			"health": s.Health.Status, "sync": s.Sync.Status, "revision": s.Sync.Revision, "operation": s.OperationState.Phase,
		},
		Text: s.Health.Status + ", " + s.Sync.Status,
	}
	wait := func(why string) Outcome {
		out.Wait, out.Message = &Wait{After: argoCDLook}, fmt.Sprintf("waiting for Application %s: %s", config.App, why)
		return out
	}
	fail := func(why, detail string) Outcome {
		out.Phase, out.Message = pipeline.VerificationFailed, fmt.Sprintf("Application %s: %s", config.App, why)
		if detail != "" {
			out.Message += ": " + detail
		}
		return out
	}
	for _, c := range s.Conditions {
		if strings.HasSuffix(c.Type, "Error") {
			return fail(c.Type, c.Message)
		}
	}
	switch {
	case s.OperationState.Phase == "Running" || s.OperationState.Phase == "Terminating":
		return wait("a sync is running")
	case s.Sync.Status != "Synced" && (s.OperationState.Phase == "Failed" || s.OperationState.Phase == "Error"):
		return fail("the last sync ended with "+s.OperationState.Phase, s.OperationState.Message)
	case s.Sync.Status != "Synced":
		return wait(s.Sync.Status)
	case config.Revision != "" && !app.at(config.Revision):
		return wait("it is at " + pipeline.Short(s.Sync.Revision) + ", not at " + pipeline.Short(config.Revision))
	case s.Health.Status == "Degraded":
		return fail("Degraded", s.Health.Message)
	case s.Health.Status != "Healthy":
		return wait(s.Health.Status)
	}
	out.Phase = pipeline.VerificationSuccessful
	return out
}

func (app application) at(revision string) bool {
	for _, have := range append([]string{app.Status.Sync.Revision}, app.Status.Sync.Revisions...) {
		if have == revision {
			return true
		}
	}
	return false
}
