package kargofile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// verified is a file with one Stage, of which only templates and verification matter.
func verified(templates, verification string) string {
	return oneWarehouse + "analysisTemplates:\n" + templates + `stages:
  - name: test
    from: web
    update: [{image: ghcr.io/acme/web, kustomize: env}]
    ` + verification + "\n"
}

func TestTemplatesOfOneStageAreMerged(t *testing.T) {
	t.Parallel()
	const two = `  - name: one
    args: [{name: a}, {name: b, value: b1}, {name: c, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    metrics: [{name: m1, provider: {web: {url: "{{args.a}}{{args.b}}{{args.c}}"}}}]
  - name: two
    args: [{name: a, value: a2}, {name: b}, {name: d, value: ""}]
    metrics: [{name: m2, provider: {web: {url: "{{ args.a }}"}}}, {name: other, provider: {web: {url: x}}}]
    dryRun: [{metricName: ^m}]
    measurementRetention: [{metricName: m, limit: 5}, {metricName: 2, limit: 7}]
`
	text := func(s string) *string { return &s }
	tests := map[string]struct {
		verification string
		want         []pipeline.AnalysisArg
	}{
		"a default of one template counts for the other": {
			"verification: {analysisTemplates: [{name: one}, {name: two}]}",
			[]pipeline.AnalysisArg{{Name: "a", Value: text("a2")}, {Name: "b", Value: text("b1")}, {Name: "c", Secret: "S_K"}, {Name: "d", Value: text("")}},
		},
		"the order of templates decides only the order of arguments": {
			"verification: {analysisTemplates: [{name: two}, {name: one}]}",
			[]pipeline.AnalysisArg{{Name: "a", Value: text("a2")}, {Name: "b", Value: text("b1")}, {Name: "d", Value: text("")}, {Name: "c", Secret: "S_K"}},
		},
		"arguments of the Stage override values and secrets": {
			"verification: {analysisTemplates: [{name: one}, {name: two}], args: [{name: c, value: plain}, {name: a, valueFrom: {secretKeyRef: {name: z}}}]}",
			[]pipeline.AnalysisArg{{Name: "a", Secret: "z"}, {Name: "b", Value: text("b1")}, {Name: "c", Value: text("plain")}, {Name: "d", Value: text("")}},
		},
		"items of verify are merged the same way": {
			"verify: [{template: one, args: {a: x}}, {template: two}]",
			[]pipeline.AnalysisArg{{Name: "a", Value: text("x")}, {Name: "b", Value: text("b1")}, {Name: "c", Secret: "S_K"}, {Name: "d", Value: text("")}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The metrics of the second template come by regular expressions over all names.
			src := strings.ReplaceAll(verified(two, test.verification), "metricName: 2", `metricName: "2"`)
			v := stageOf(t, src, "test").Verification
			if diff := cmp.Diff(test.want, v.Args); diff != "" {
				t.Error(diff)
			}
			for _, m := range v.Metrics {
				wantKept := map[string]int{"m1": 5, "m2": 7}[m.Name]
				if dry := m.Name != "other"; m.DryRun != dry || m.MeasurementRetention != wantKept {
					t.Errorf("metric %s: dry run %t, %d measurements kept", m.Name, m.DryRun, m.MeasurementRetention)
				}
			}
		})
	}
}

func TestTemplatesUseOthers(t *testing.T) {
	t.Parallel()
	const nested = `  - name: all
    templates: [{templateName: one}, {templateName: two, clusterScope: true}]
  - name: one
    metrics: [{name: m1, provider: {web: {url: x}}}]
    templates: [{templateName: two}, {templateName: all}]
  - name: two
    metrics: [{name: m2, provider: {web: {url: x}}}]
`
	v := stageOf(t, verified(nested, "verify: [{template: all}]"), "test").Verification
	var got []string
	for _, m := range v.Metrics {
		got = append(got, m.Name)
	}
	if diff := cmp.Diff([]string{"m1", "m2"}, got); diff != "" {
		t.Error(diff)
	}
	_, problems := kargofile.Parse([]byte(verified("  - {name: a, templates: [{templateName: b}, {}]}\n", "verify: [{template: a}]")), kargofile.Options{})
	for _, want := range []string{`7:42: error: there is no analysis template "b"`, `7:46: error: a reference to a template needs "templateName"`} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("got %q, want %q", problems.Error(), want)
		}
	}
}

func TestNumbersOfAMetricComeFromArguments(t *testing.T) {
	t.Parallel()
	const template = `  - name: one
    args: [{name: n, value: 4}, {name: every, value: 30}]
    metrics:
      - name: m
        count: "{{ args.n }}"
        interval: "{{args.every}}s"
        initialDelay: 1m
        failureLimit: "1"
        consecutiveErrorLimit: "{{ args.n }}"
        provider: {web: {url: x}}
`
	four := 4
	want := pipeline.Metric{
		Name: "m", Count: 4, Interval: pipeline.Duration(30 * time.Second), InitialDelay: pipeline.Duration(time.Minute),
		FailureLimit: 1, ConsecutiveErrorLimit: &four, Provider: pipeline.Provider{Kind: "web", Config: map[string]any{"url": "x"}},
	}
	got := stageOf(t, verified(template, "verification: {analysisTemplates: [{name: one}]}"), "test").Verification.Metrics[0]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = stageOf(t, verified(template, "verification: {analysisTemplates: [{name: one}], args: [{name: n, value: 2}]}"), "test").Verification.Metrics[0]
	if got.Count != 2 || *got.ConsecutiveErrorLimit != 2 || four != 4 {
		t.Errorf("count %d with the Stage's argument, want 2", got.Count)
	}
}

func TestVerifyMeansInlineChecks(t *testing.T) {
	t.Parallel()
	errorLimit := 1_000_000
	half := pipeline.Duration(30 * time.Minute)
	tests := map[string]struct {
		item string
		want pipeline.Metric
	}{
		"a check waits for half an hour": {
			"{check: smoke}",
			pipeline.Metric{Name: "smoke", Timeout: half, Provider: pipeline.Provider{Kind: "check", Config: map[string]any{"name": "smoke"}}},
		},
		"a timeout of zero means none": {
			"{check: smoke, timeout: 0s}",
			pipeline.Metric{Name: "smoke", Provider: pipeline.Provider{Kind: "check", Config: map[string]any{"name": "smoke"}}},
		},
		"a workflow has inputs beside it": {
			"{workflow: e2e.yaml, inputs: {n: 1}, ref: main, name: tests}",
			pipeline.Metric{Name: "tests", Timeout: half, Provider: pipeline.Provider{
				Kind: "workflow", Config: map[string]any{"file": "e2e.yaml", "inputs": map[string]any{"n": 1}, "ref": "main"},
			}},
		},
		"a deployment with an interval is looked at once": {
			"{deployment: prod, interval: 1m}",
			pipeline.Metric{
				Name: "prod", Timeout: half, Interval: pipeline.Duration(time.Minute), Count: 1,
				Provider: pipeline.Provider{Kind: "deployment", Config: map[string]any{"environment": "prod"}},
			},
		},
		"a request with an interval is repeated until it succeeds": {
			"{http: https://acme.dev, interval: 1m}",
			pipeline.Metric{
				Name: "http", Timeout: half, Interval: pipeline.Duration(time.Minute), FailureLimit: -1, ConsecutiveErrorLimit: &errorLimit,
				ConsecutiveSuccessLimit: 1, Provider: pipeline.Provider{Kind: "web", Config: map[string]any{"url": "https://acme.dev"}},
			},
		},
		"but it may fail only so often if that is said": {
			"{http: https://acme.dev, interval: 1m, failureLimit: 3}",
			pipeline.Metric{
				Name: "http", Timeout: half, Interval: pipeline.Duration(time.Minute), FailureLimit: 3, ConsecutiveErrorLimit: &errorLimit,
				ConsecutiveSuccessLimit: 1, Provider: pipeline.Provider{Kind: "web", Config: map[string]any{"url": "https://acme.dev"}},
			},
		},
		"what waits by itself may fail only so often, too": {
			"{check: smoke, interval: 1m, failureLimit: 1}",
			pipeline.Metric{
				Name: "smoke", Timeout: half, Interval: pipeline.Duration(time.Minute), FailureLimit: 1, ConsecutiveErrorLimit: &errorLimit,
				ConsecutiveSuccessLimit: 1, Provider: pipeline.Provider{Kind: "check", Config: map[string]any{"name": "smoke"}},
			},
		},
		"with a count it is Argo Rollouts' metric": {
			"{prometheus: {query: up, successCondition: result > 0}, interval: 1m, count: 3}",
			pipeline.Metric{
				Name: "prometheus", Timeout: half, Interval: pipeline.Duration(time.Minute), Count: 3, SuccessCondition: "result > 0",
				Provider: pipeline.Provider{Kind: "prometheus", Config: map[string]any{"query": "up"}},
			},
		},
		"conditions may stand beside every kind": {
			"{check: smoke, failureCondition: result == 'failure'}",
			pipeline.Metric{
				Name: "smoke", Timeout: half, FailureCondition: "result == 'failure'",
				Provider: pipeline.Provider{Kind: "check", Config: map[string]any{"name": "smoke"}},
			},
		},
		"headers may be a mapping": {
			"{http: {url: x, headers: {A: b}}}",
			pipeline.Metric{Name: "http", Timeout: half, Provider: pipeline.Provider{Kind: "web", Config: map[string]any{
				"url": "x", "headers": []any{map[string]any{"key": "A", "value": "b"}},
			}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := stageOf(t, verified("  []\n", "verify: ["+test.item+"]"), "test").Verification.Metrics
			if diff := cmp.Diff([]pipeline.Metric{test.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChecksWithoutNamesGetDistinctOnes(t *testing.T) {
	t.Parallel()
	v := stageOf(t, verified("  []\n", "verify: [{http: a}, {http: b}, {check: http}, {name: http-2, deployment: x}]"), "test").Verification
	var got []string
	for _, m := range v.Metrics {
		got = append(got, m.Name)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"http", "http-2", "http-3", "http-4"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestArgumentsNobodyKnowsAreLeftOut(t *testing.T) {
	t.Parallel()
	src := verified("  - {name: one, args: [{name: a, value: x}], metrics: [{name: m, provider: {web: {url: x}}}]}\n",
		"verify: [{template: one, args: {b: x, c: y}}, {http: '{{ args.c }}'}]")
	f, problems := kargofile.Parse([]byte(src), kargofile.Options{})
	if f == nil || len(problems) != 1 || !strings.Contains(problems[0].Message, `no template of the Stage has the argument "b"`) {
		t.Fatal(problems.Error())
	}
	var got []string
	for _, a := range f.Pipeline.Stages[0].Verification.Args {
		got = append(got, a.Name)
	}
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreNamedAsTheirStoreDoes(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"{name: DATADOG_API_KEY}":          "DATADOG_API_KEY",
		"{name: mixed_Case}":               "mixed_Case",
		"{name: datadog, key: api-key}":    "DATADOG_API_KEY",
		"{name: acme.dev/x, key: tls.crt}": "ACME_DEV_X_TLS_CRT",
	} {
		src := verified("  - {name: one, args: [{name: a, valueFrom: {secretKeyRef: "+from+"}}], metrics: [{name: m, provider: {web: {url: x}}}]}\n", "verify: [{template: one}]")
		if got := stageOf(t, src, "test").Verification.Args[0].Secret; got != want {
			t.Errorf("%s: %q, want %q", from, got, want)
		}
	}
	_, problems := kargofile.Parse([]byte(verified("  - {name: one, args: [{name: a, valueFrom: {secretKeyRef: {name: api-key}}}], metrics: [{name: m, provider: {web: {url: x}}}]}\n", "verify: [{template: one}]")), kargofile.Options{})
	want := `7:67: error: "api-key" is not the name of a secret (expected letters, digits and underscores, at most 100; did you mean "API_KEY"?)`
	if !strings.HasPrefix(problems.Error(), want) {
		t.Errorf("got %q, want %q", problems.Error(), want)
	}
}

func TestTemplatesOfAStageShareTheirArguments(t *testing.T) {
	t.Parallel()
	const two = `  - {name: one, args: [{name: a}], metrics: [{name: m1, provider: {web: {url: x}}}]}
  - {name: two, args: [{name: a}], metrics: [{name: m2, provider: {web: {url: x}}}]}
`
	stageOf(t, verified(two, "verify: [{template: one, args: {a: x}}, {template: two, args: {a: x}}]"), "test")
	_, problems := kargofile.Parse([]byte(verified(two, "verify: [{template: one, args: {a: x}}, {template: two, args: {a: y}}]")), kargofile.Options{})
	if want := `the argument "a" has another value on line 13`; !strings.Contains(problems.Error(), want) {
		t.Errorf("got %q, want %q", problems.Error(), want)
	}
}
