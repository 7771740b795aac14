package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// HTTPConfig configures http.
type HTTPConfig struct {
	URL                   string       `json:"url" doc:"where the request goes"`
	Method                string       `json:"method,omitempty" doc:"GET (default), DELETE, HEAD, PATCH, POST or PUT"`
	Headers               []NameValue  `json:"headers,omitempty" doc:"headers of the request"`
	QueryParams           []NameValue  `json:"queryParams,omitempty" doc:"added to those of the URL"`
	Body                  string       `json:"body,omitempty" doc:"body of the request"`
	BodyFromFile          string       `json:"bodyFromFile,omitempty" doc:"file that is the body, at most 10 MiB; excludes body"`
	InsecureSkipTLSVerify bool         `json:"insecureSkipTLSVerify,omitempty" doc:"accept any certificate"`
	Proxy                 string       `json:"proxy,omitempty" doc:"address of an http, https or socks5 proxy"`
	Timeout               string       `json:"timeout,omitempty" doc:"for the whole answer, at most 4m30s; default 10s"`
	PollInterval          string       `json:"pollInterval,omitempty" doc:"time until the request is sent again, at least 10s; default 30s"`
	ResponseContentType   string       `json:"responseContentType,omitempty" doc:"JSON, YAML or text: how to read the body, whatever the answer says of it"`
	Outputs               []HTTPOutput `json:"outputs,omitempty" doc:"what to keep of an answer that is a success"`
	SuccessExpression     string       `json:"successExpression,omitempty" doc:"true if the answer is a success"`
	FailureExpression     string       `json:"failureExpression,omitempty" doc:"true if the answer is a failure"`
	ErrorExpression       string       `json:"errorExpression,omitempty" doc:"what to say of a failure"`
}

// HTTPOutput is one output of http.
type HTTPOutput struct {
	Name           string `json:"name" doc:"its name"`
	FromExpression string `json:"fromExpression" doc:"its value"`
}

const (
	httpTimeout = 10 * time.Second
	httpPoll    = 30 * time.Second
	// shortestPoll is Kargo's floor for what steps suggest.
	shortestPoll = 10 * time.Second
	// httpPatience is for how long an answer that is no 2xx is asked for again where
	// neither expressions nor a retry timeout say what to wait for.
	httpPatience    = 5 * time.Minute
	maxHTTPAnswer   = 2 << 20
	maxHTTPBody     = 10 << 20
	maxHTTPOutputs  = 256 << 10
	maxErrorMessage = 1 << 10
)

func httpStep() Definition {
	return Define("http", Publish, Doc{
		Secrets: true,
		Summary: `Sends a request and judges the answer.

| ` + "`failureExpression`" + ` | ` + "`successExpression`" + ` | |
|---|---|---|
| true | | fails for good, with what ` + "`errorExpression`" + ` says |
| | true | succeeds, with the outputs |
| not given | not given | 2xx succeeds; anything else is asked for again |
| otherwise | otherwise | is asked for again after ` + "`pollInterval`" + ` |

Expressions stand without ` + "`${{ }}`" + ` and see ` + "`response.status`" + `, ` + "`response.headers`" + `, ` +
			"`response.header(name)`" + ` and ` + "`response.body`" + `, which is the
document of JSON and YAML, the text of anything else, and an empty map if there is no body. An
answer of more than 2 MiB is an error.

Without expressions and without ` + "`retry.timeout`" + ` an answer that is no 2xx fails the step
after five minutes; in Kargo it is asked for forever. Loopback, link-local and private
addresses, and those of metadata services, are refused unless the operator of the server
allows them, at redirects and through a proxy, too. An HTTP proxy takes ` + "`https`" + ` only.

A server that dies while it waits for an answer sends the request again. ` + "`POST`" + ` and
` + "`PATCH`" + ` carry an ` + "`Idempotency-Key`" + ` that is the same for every request of one step of one
Promotion, unless ` + "`headers`" + ` has one: a service that honours it acts once, any other at
least once.`,
		Example: `
uses: http
as: release-notes
config:
  method: POST
  url: https://api.acme.dev/releases
  headers:
    - name: Authorization
      value: Bearer ${{ secrets.RELEASES_TOKEN }}
    - name: Content-Type
      value: application/json
  body: |
    ${{ quote({"version": ctx.targetFreight.version}) }}
  successExpression: response.status == 201
  failureExpression: response.status == 409
  outputs:
    - name: id
      fromExpression: response.body.id
`,
	}, runHTTP).readingIf(func(config map[string]any) bool { return config["bodyFromFile"] != nil })
}

func httpMethods() []string {
	return []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut}
}

// Validate implements the rules beyond types.
func (c HTTPConfig) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.URL == "" {
		bad("url must not be empty")
	}
	if c.Method != "" && !slices.Contains(httpMethods(), c.Method) {
		bad("method: %q is none of %s", c.Method, strings.Join(httpMethods(), ", "))
	}
	if c.Body != "" && c.BodyFromFile != "" {
		bad("body and bodyFromFile exclude each other")
	}
	if !slices.Contains([]string{"", contentJSON, contentYAML, contentText}, c.ResponseContentType) {
		bad("responseContentType: %q is none of JSON, YAML, text", c.ResponseContentType)
	}
	_, timeout := parseDuration("timeout", c.Timeout, httpTimeout)
	_, poll := parseDuration("pollInterval", c.PollInterval, httpPoll)
	errs = append(errs, timeout, poll, checkPairs("headers", c.Headers), checkPairs("queryParams", c.QueryParams))
	for i, o := range c.Outputs {
		if o.Name == "" || o.FromExpression == "" {
			bad("outputs[%d]: name and fromExpression must not be empty", i)
		}
	}
	return errors.Join(errs...)
}

func checkPairs(field string, pairs []NameValue) error {
	for i, p := range pairs {
		if p.Name == "" {
			return fmt.Errorf("%s[%d].name must not be empty", field, i)
		}
	}
	return nil
}

func runHTTP(ctx context.Context, env Env, c HTTPConfig) (map[string]any, error) {
	if err := c.Foresee(); err != nil {
		return nil, &PermanentError{err}
	}
	r, err := c.request(ctx, env)
	if err != nil {
		return nil, err
	}
	answer, err := r.send(ctx, env.Web)
	if err != nil {
		return nil, err
	}
	v, err := c.judge(answer)
	if err != nil {
		return nil, fmt.Errorf("%s answered %d: %w", r.place(), answer.status, err)
	}
	switch {
	case v.failed:
		message := fmt.Sprintf("%s answered %d, which is a failure by failureExpression", r.place(), answer.status)
		if v.message != "" {
			message += ": " + v.message
		}
		return nil, &FailedError{Err: errors.New(message), Terminal: true}
	case v.succeeded:
		return v.outputs, nil
	}
	said := fmt.Sprintf("%s answered %d", r.place(), answer.status)
	if v.byDefault {
		said += answer.text()
		if env.outOfPatience(httpPatience) {
			return nil, &FailedError{
				Err: fmt.Errorf("%s; given up after %s: retry.timeout or a successExpression say how long to wait", said, httpPatience), Terminal: true,
			}
		}
	}
	interval, _ := parseDuration("pollInterval", c.PollInterval, httpPoll)
	interval = max(interval, shortestPoll)
	return nil, &WaitError{Message: fmt.Sprintf("%s, will ask again in %s", said, interval), Until: env.Now().Add(interval)}
}

// outOfPatience says whether a step without a timeout of its own has gone on for long
// enough.
func (e Env) outOfPatience(limit time.Duration) bool {
	return e.Promotion.Stage.Steps[e.Index].Retry.Timeout <= 0 && e.Now().Sub(e.Promotion.Steps[e.Index].StartedAt) >= limit
}

func (c HTTPConfig) request(ctx context.Context, env Env) (webRequest, error) {
	timeout, _ := parseDuration("timeout", c.Timeout, httpTimeout)
	r := webRequest{
		method: c.Method, url: c.URL, query: c.QueryParams, header: c.Headers,
		terms: WebTerms{Proxy: c.Proxy, InsecureSkipTLSVerify: c.InsecureSkipTLSVerify, Timeout: timeout, MaxBody: maxHTTPAnswer},
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	switch {
	case c.Body != "":
		r.body = []byte(c.Body)
	case c.BodyFromFile != "":
		var err error
		if r.body, err = env.Workspace.ReadFile(ctx, c.BodyFromFile); err != nil {
			return r, fmt.Errorf("bodyFromFile: %w", err)
		}
	}
	if len(r.body) > maxHTTPBody {
		return r, &PermanentError{fmt.Errorf("the body has %d bytes, and %d is the most that is sent", len(r.body), maxHTTPBody)}
	}
	acts := r.method == http.MethodPost || r.method == http.MethodPatch
	if own := func(h NameValue) bool { return strings.EqualFold(h.Name, idempotencyHeader) }; acts && !slices.ContainsFunc(r.header, own) {
		r.header = append(slices.Clone(r.header), NameValue{idempotencyHeader, env.idempotencyKey()})
	}
	return r, nil
}

const idempotencyHeader = "Idempotency-Key"

// idempotencyKey names what the step does once, however often it runs; when somebody
// has the Promotion go on after it had ended, it is to do it again.
func (e Env) idempotencyKey() string {
	return onceKey(e.Promotion, e.Promotion.Stage.Steps[e.Index].As)
}

func onceKey(p *pipeline.Promotion, alias string) string {
	key := fmt.Sprintf("kargo/%s/%s/%s", p.Repo, p.ID, alias)
	if p.Retries > 0 {
		key += fmt.Sprintf("/%d", p.Retries)
	}
	return key
}
