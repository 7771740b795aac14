package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd"
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

const argoCDLook = 15 * time.Second

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
		server, err := in.Secret(ctx, argocd.ServerSecret)
		if err != nil {
			return Outcome{}, err
		}
		config.Server = server
	}
	token := cmp.Or(config.Token, argocd.TokenSecret)
	if argocd.NamesSecret(token) {
		value, err := in.Secret(ctx, token)
		if err != nil {
			return Outcome{}, err
		}
		token = value
	}
	api := argocd.Client{
		Server: config.Server, Token: token,
		Transport: argoCDTransport{a.client, seconds(config.TimeoutSeconds, 30*time.Second), config.Insecure},
	}
	key := argocd.Key{Name: config.Application, Namespace: config.Namespace, Project: config.Project}
	app, err := api.Get(ctx, key, argocd.NormalRefresh)
	if err != nil {
		return Outcome{}, err
	}
	out := config.outcome(app, cmp.Or(in.Interval, argoCDLook))
	out.URL = api.Page(key)
	return out, nil
}

// argoCDTransport sends requests as those of other providers are sent.
type argoCDTransport struct {
	client
	timeout  time.Duration
	insecure bool
}

var _ argocd.Transport = argoCDTransport{}

// Send implements argocd.Transport.
func (t argoCDTransport) Send(ctx context.Context, r argocd.Request) (argocd.Answer, error) {
	status, body, _, err := t.exchange(ctx, request{
		method: r.Method, url: r.URL, header: r.Header, body: r.Body, timeout: t.timeout, insecure: t.insecure,
	})
	return argocd.Answer{Status: status, Body: body}, err
}

func (config argoCDConfig) outcome(app argocd.Application, again time.Duration) Outcome {
	s := app.Status
	var last argocd.OperationState
	if s.OperationState != nil {
		last = *s.OperationState
	}
	out := Outcome{
		Value: map[string]any{
			"health": s.Health.Status, "sync": s.Sync.Status, "revision": s.Sync.Revision, "operation": last.Phase,
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
	case app.Running() != nil:
		return wait("a sync is running")
	case s.Sync.Status != argocd.Synced && last.Ended() && !last.Succeeded():
		return fail("the last sync ended with "+last.Phase, last.Message)
	case s.Sync.Status != argocd.Synced:
		return wait(s.Sync.Status)
	case config.Revision != "" && !slices.Contains(append(s.Sync.Revisions, s.Sync.Revision), config.Revision):
		return wait("it is at " + pipeline.Short(s.Sync.Revision) + ", not at " + pipeline.Short(config.Revision))
	case s.Health.Status == argocd.Degraded:
		return fail(argocd.Degraded, s.Health.Message)
	case s.Health.Status != argocd.Healthy:
		return wait(s.Health.Status)
	}
	out.Phase = pipeline.VerificationSuccessful
	return out
}
