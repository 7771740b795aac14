package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// everything has each provider with each of its fields.
const everything = `
apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
analysisTemplates:
  - name: all
    metrics:
      - name: all-web
        provider:
          web:
            url: https://x.example/
            method: POST
            headers: [{key: A, value: b}]
            jsonBody: {a: 1}
            jsonPath: "{$.a}"
            timeoutSeconds: 20
            insecure: true
            authentication: {oauth2: {tokenUrl: "https://x.example/t", clientId: a, clientSecret: b, scopes: [c]}}
      - name: all-prometheus
        provider:
          prometheus:
            address: https://x.example
            query: up
            rangeQuery: {start: now(), end: now(), step: 1m}
            headers: [{key: A, value: b}]
            timeout: 10
            insecure: true
      - name: all-datadog
        provider:
          datadog: {queries: {a: x}, formula: a, interval: 5m, apiVersion: v2, aggregator: sum, secretRef: {name: dd}}
      - name: all-newRelic
        provider:
          newRelic: {query: FROM x, profile: p, timeout: 5}
      - name: all-cloudWatch
        provider:
          cloudWatch:
            interval: 30m
            metricDataQueries:
              - id: a
                expression: b
                label: c
                period: 60
                returnData: true
                metricStat:
                  metric: {namespace: n, metricName: m, dimensions: [{name: a, value: b}]}
                  period: 300
                  stat: Sum
                  unit: None
      - name: all-graphite
        provider:
          graphite: {address: "https://x.example", query: target=a}
      - name: all-influxdb
        provider:
          influxdb: {query: x, profile: p}
      - name: all-job
        provider:
          job: {workflow: smoke.yml, inputs: {a: b}, ref: main, idInput: id}
stages:
  - name: test
    from: web
    update:
      - {image: ghcr.io/acme/web, kustomize: env/test}
    verify:
      - template: all
      - check: {name: smoke, app: ci}
      - workflow: smoke.yml
        inputs: {version: "${{ imageFrom('ghcr.io/acme/web').Tag }}", n: 3}
        ref: main
      - workflow: {file: smoke.yml, inputs: {a: b}, ref: main, idInput: id}
      - deployment: prod
      - argocd: {application: web, namespace: n, server: "https://x.example", token: T, insecure: true, timeoutSeconds: 3}
      - http: https://x.example/
        interval: 1m
      - prometheus: {address: "https://x.example", query: up}
`

// reading is a Provider that stops where the real one would begin to ask.
type reading struct {
	verify.Provider
	problem func(string)
}

func (r reading) Measure(ctx context.Context, in verify.Look) (verify.Outcome, error) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := r.Provider.Measure(cancelled, in)
	if err != nil && strings.Contains(err.Error(), "configuration:") {
		r.problem(in.Metric + ": " + err.Error())
	}
	return verify.Outcome{}, nil
}

// TestEveryFieldOfTheFileIsKnown keeps providers and the file's format in step.
func TestEveryFieldOfTheFileIsKnown(t *testing.T) {
	t.Parallel()
	for _, stage := range stagesOf(t, []byte(everything)) {
		w := newWorld(t, *stage.Verification)
		onHost(w)
		for _, name := range []string{"DD_API_KEY", "DD_APP_KEY", "P_PERSONAL_API_KEY", "P_ADDRESS", "P_AUTH_TOKEN", "P_ORG", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "T"} {
			w.secrets[name] = "x"
		}
		w.secrets["P_ACCOUNT_ID"] = "1"
		var mu sync.Mutex
		var problems []string
		note := func(problem string) {
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, problem)
		}
		for kind, p := range verify.Builtin(verify.Ports{HTTP: client{}, InsecureHTTP: client{}, Commits: onHost(w), Workflows: onHost(w), Deployments: onHost(w), CloudWatch: cloud{}}) {
			w.runner.Providers[kind] = reading{p, note}
		}
		for i := range w.run.Stage.Verification.Metrics {
			strip(w.run.Stage.Verification.Metrics[i].Provider.Config)
		}
		w.advance()
		if len(problems) > 0 || w.run.Message != "" || len(w.run.Metrics) != 15 {
			t.Errorf("%d metrics, %s: %s\n%s", len(w.run.Metrics), w.run.Phase, w.run.Message, strings.Join(problems, "\n"))
		}
	}
}

// strip takes expressions out, which need Freight.
func strip(v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for key, value := range m {
		if s, ok := value.(string); ok && strings.Contains(s, "${{") {
			m[key] = "text"
		}
		strip(value)
	}
}

func stagesOf(t *testing.T, text []byte) []pipeline.Stage {
	t.Helper()
	file, problems := kargofile.Parse(text, kargofile.Options{Repo: "gitops"})
	if file == nil {
		t.Fatalf("%v\n%s", problems.Error(), text)
	}
	return file.Pipeline.Stages
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestExamplesOfTheReadmeAreValid parses them as they stand.
func TestExamplesOfTheReadmeAreValid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(".", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("there are no examples")
	}
	for _, b := range blocks {
		if len(stagesOf(t, b[1])) == 0 {
			t.Errorf("no Stage in\n%s", b[1])
		}
	}
	for kind := range verify.Builtin(verify.Ports{}) {
		if !strings.Contains(string(text), "`"+kind+"`") {
			t.Errorf("README.md does not tell of the provider %s", kind)
		}
	}
}
