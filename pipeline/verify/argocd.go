package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// argoCD waits until an Argo CD Application is healthy and synced. Each look has
// Argo CD compare it with Git first, so that what it says is about what was merged.
type argoCD struct{ client }

type argoCDConfig struct {
	Application string `json:"application"`
	Namespace   string `json:"namespace"`
	Project     string `json:"project"`
	// Server is Argo CD's address; the secret ARGOCD_SERVER when empty.
	Server string `json:"server"`
	// Token is the token, or names the secret that holds it; ARGOCD_TOKEN when empty.
	Token string `json:"token"`
	// Revision is the revision that has to be synced, if a certain one has to be.
	Revision       string `json:"revision"`
	TimeoutSeconds number `json:"timeoutSeconds"`
	Insecure       bool   `json:"insecure"`
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

// secretName is what a secret can be called.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// Measure implements Provider.
func (a *argoCD) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config argoCDConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	if config.Application == "" {
		return Outcome{}, Permanent(errors.New("the Argo CD Application has no name"))
	}
	if config.Server == "" {
		server, err := in.Secret(ctx, "ARGOCD_SERVER")
		if err != nil {
			return Outcome{}, err
		}
		config.Server = server
	}
	token := cmp.Or(config.Token, "ARGOCD_TOKEN")
	if secretName.MatchString(token) { // a token itself has dots
		value, err := in.Secret(ctx, token)
		if err != nil {
			return Outcome{}, err
		}
		token = value
	}
	query := url.Values{"refresh": {"normal"}}
	if config.Namespace != "" {
		query.Set("appNamespace", config.Namespace)
	}
	if config.Project != "" {
		query.Set("project", config.Project)
	}
	address := strings.TrimRight(config.Server, "/")
	answer, err := a.send(ctx, request{
		method: http.MethodGet, url: address + "/api/v1/applications/" + url.PathEscape(config.Application) + "?" + query.Encode(),
		header: http.Header{"Authorization": {"Bearer " + token}}, timeout: seconds(config.TimeoutSeconds, 30*time.Second), insecure: config.Insecure,
	})
	if err != nil {
		return Outcome{}, err
	}
	var app application
	if err := json.Unmarshal(answer, &app); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not Argo CD's: %w", err)
	}
	out := app.outcome(config, cmp.Or(in.Interval, argoCDLook))
	out.URL = address + "/applications/" + url.PathEscape(config.Application)
	return out, nil
}

func (app application) outcome(config argoCDConfig, again time.Duration) Outcome {
	s := app.Status
	out := Outcome{
		Value: map[string]any{
			"health": s.Health.Status, "sync": s.Sync.Status, "revision": s.Sync.Revision, "operation": s.OperationState.Phase,
		},
		Text: s.Health.Status + ", " + s.Sync.Status,
	}
	wait := func(why string) Outcome {
		out.Wait, out.Message = &Wait{After: again}, fmt.Sprintf("waiting for Application %s: %s", config.Application, why)
		return out
	}
	fail := func(why, detail string) Outcome {
		out.Phase, out.Message = pipeline.VerificationFailed, fmt.Sprintf("Application %s: %s", config.Application, why)
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
