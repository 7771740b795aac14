package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// ArgoCDServer is where an Argo CD is, and as whom it is called.
type ArgoCDServer struct {
	Server string `json:"server,omitempty" doc:"address of Argo CD, such as https://argocd.acme.dev; default what the secret ARGOCD_SERVER holds; ours, not Kargo's"`
	Token  string `json:"token,omitempty" doc:"an API token of it, such as ${{ secrets.ARGOCD_PROD }}, or the name of the secret that holds it; default ARGOCD_TOKEN; ours, not Kargo's"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"accept any certificate; ours, not Kargo's"`
}

const (
	// argoTimeout is Kargo's for both steps where retry.timeout says nothing.
	argoTimeout = 5 * time.Minute
	// argoCall bounds one request. One that has Argo CD compare with Git takes a while.
	argoCall = 30 * time.Second
	// maxApplication bounds an answer; one about thousands of resources takes megabytes.
	maxApplication = 8 << 20
	// The first looks at what takes seconds come soon, later ones less often.
	argoSoonest, argoLatest = 3 * time.Second, 30 * time.Second
)

// argoPrivate is what both steps say of how they reach Argo CD.
const argoPrivate = `Argo CD's REST API is called at ` + "`server`" + ` with ` + "`token`" + `. Where they are not given, the secrets
` + "`ARGOCD_SERVER`" + ` and ` + "`ARGOCD_TOKEN`" + ` of the repository hold them, as for the verification
provider ` + "`argocd`" + `. An Argo CD is usually at a private address, which is refused unless the
operator of this server allows it with ` + "`KARGO_OUTBOUND_ALLOW`" + `. An Argo CD that cannot be reached,
or answers with 429 or 5xx, is asked again until the step's time is up.`

// argoLink leads to an Argo CD at any later time. What is secret in it is named, because
// it is stored.
type argoLink struct {
	Server       string `json:"server,omitempty"`
	ServerSecret string `json:"serverSecret,omitempty"`
	Token        string `json:"token,omitempty"`
	TokenSecret  string `json:"tokenSecret,omitempty"`
	Insecure     bool   `json:"insecure,omitempty"`
}

// argoLink finds the names of the secrets that a config holds the values of.
func (e Env) argoLink(ctx context.Context, c ArgoCDServer) (argoLink, error) {
	l := argoLink{Server: c.Server, Token: c.Token, Insecure: c.InsecureSkipTLSVerify}
	for _, part := range []struct {
		field, otherwise string
		value, secret    *string
	}{
		{"server", argocd.ServerSecret, &l.Server, &l.ServerSecret},
		{"token", argocd.TokenSecret, &l.Token, &l.TokenSecret},
	} {
		switch name, err := e.secretBehind(ctx, part.field, *part.value); {
		case err != nil:
			return l, err
		case name != "":
			*part.secret, *part.value = name, ""
		case *part.value == "":
			*part.secret = part.otherwise
		}
	}
	if argocd.NamesSecret(l.Token) {
		l.TokenSecret, l.Token = l.Token, ""
	}
	return l, nil
}

// secretBehind returns the name of the secret that a field of the config is, empty where
// no secret is part of it.
func (e Env) secretBehind(ctx context.Context, field, value string) (string, error) {
	names, err := expr.Secrets(e.template(field))
	if err != nil {
		return "", &PermanentError{fmt.Errorf("%s: %w", field, err)}
	}
	for _, name := range names {
		got, err := e.secret(ctx, name)
		if err != nil {
			return "", err
		}
		if got == value {
			return name, nil
		}
	}
	if len(names) > 0 {
		return "", &PermanentError{fmt.Errorf("%s must be one secret by itself, such as ${{ secrets.%s }}", field, names[0])}
	}
	return "", nil
}

// open returns a Client.
func (l argoLink) open(ctx context.Context, secret func(ctx context.Context, name string) (string, error), web Web) (argocd.Client, error) {
	read := func(field, value, name string) (string, error) {
		if name == "" {
			return value, nil
		}
		if secret == nil {
			return "", &PermanentError{fmt.Errorf("%s is not given, and %w to take it from", field, errNoSecrets)}
		}
		value, err := secret(ctx, name)
		if err != nil {
			return "", fmt.Errorf("%s is not given: %w; store it with kargo secrets set %s", field, err, name)
		}
		return strings.TrimSpace(value), nil
	}
	c := argocd.Client{Transport: argoTransport{web, l.Insecure}}
	var err error
	if c.Server, err = read("server", l.Server, l.ServerSecret); err != nil {
		return c, err
	}
	if c.Token, err = read("token", l.Token, l.TokenSecret); err != nil {
		return c, err
	}
	if err := argocd.CheckServer(c.Server); err != nil {
		return c, &PermanentError{err}
	}
	return c, nil
}

// argoTransport sends requests through the guarded client.
type argoTransport struct {
	web      Web
	insecure bool
}

var _ argocd.Transport = argoTransport{}

// Send implements argocd.Transport. That nobody answers is transient.
func (t argoTransport) Send(ctx context.Context, r argocd.Request) (argocd.Answer, error) {
	w := webRequest{
		method: r.Method, url: r.URL, body: r.Body,
		terms: WebTerms{InsecureSkipTLSVerify: t.insecure, Timeout: argoCall, MaxBody: maxApplication},
	}
	for name, values := range r.Header {
		w.header = append(w.header, NameValue{name, values[0]})
	}
	answer, err := w.send(ctx, t.web)
	var permanent *PermanentError
	switch {
	case errors.As(err, &permanent):
		return argocd.Answer{}, err
	case errors.Is(err, ErrTooLong):
		return argocd.Answer{}, &PermanentError{fmt.Errorf("%s: an answer of more than %d MiB is not read", w.place(), maxApplication>>20)}
	case err != nil:
		return argocd.Answer{}, &pipeline.TransientError{Err: err}
	}
	return argocd.Answer{Status: answer.status, Body: answer.body}, nil
}

// argoFault is what an error of a Client means for the step: faults of Argo CD are waited
// out, but not for longer than the step waits for anything.
func (e Env) argoFault(err error) error {
	var refused *argocd.Error
	_, transient := pipeline.IsTransient(err)
	busy := errors.As(err, &refused) && refused.Temporary()
	if !transient && !busy {
		return err
	}
	if e.waited() >= cmp.Or(time.Duration(e.Promotion.Stage.Steps[e.Index].Retry.Timeout), argoTimeout) {
		return errors.New(err.Error())
	}
	if transient {
		return err
	}
	return &pipeline.TransientError{Err: err}
}

// waited is how long ago the step began.
func (e Env) waited() time.Duration { return e.Now().Sub(e.Promotion.Steps[e.Index].StartedAt) }

// argoWait parks the step.
func (e Env) argoWait(reasons []string) error {
	return &WaitError{
		Message: some(reasons), Until: e.Now().Add(min(max(e.waited()/3, argoSoonest), argoLatest)),
	}
}

// some joins the first few of what may be many.
func some(reasons []string) string {
	const most = 3
	if len(reasons) <= most {
		return strings.Join(reasons, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(reasons[:most], "; "), len(reasons)-most)
}
