package expr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/expr"
)

const contextYAML = `
ctx: {stage: prod, meta: {step: {alias: "deploy::push"}}}
vars: {replicas: 3, tag: "1.10", day: 2026-01-02}
outputs: {build: {commit: abc}}
task: {outputs: {build: {commit: def}}}
secrets: {TOKEN: s3cret}
freightMetadata: {f1: {ticket: ABC-1}}
stageMetadata: {prod: {owner: ops}}
steps:
  - {alias: "build", phase: Failed}
  - {alias: "deploy::build", phase: Succeeded}
warehouses:
  - name: web
    interval: 5m
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web, constraint: ^1.0.0}
      - git: {repoURL: https://github.com/acme/web, branch: main}
      - chart: {repoURL: https://charts.example.com, name: web}
freight:
  - name: f1
    alias: happy-otter
    origin: {kind: Warehouse, name: web}
    images: [{repoURL: ghcr.io/acme/web, tag: "1.10", digest: "sha256:aa"}]
    commits: [{repoURL: https://github.com/acme/web.git, id: abc, branch: main, message: fix, author: A}]
    charts: [{repoURL: https://charts.example.com, name: web, version: 1.2.3}]
answer: 42
1: one
`

func TestParseContext(t *testing.T) {
	t.Parallel()
	env, err := expr.ParseContext([]byte(contextYAML))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]any{
		"${{ ctx.stage }}":                                                 "prod",
		"${{ vars.replicas % 2 }}":                                         1.0,
		"${{ quote(vars.tag) }}":                                           "1.10",
		"${{ vars.day }}":                                                  "2026-01-02",
		"${{ outputs.build.commit }}":                                      "abc",
		"${{ task.outputs.build.commit }}":                                 "def",
		"${{ secrets.TOKEN }}":                                             "s3cret",
		"${{ freightMetadata('f1').ticket }}":                              "ABC-1",
		"${{ stageMetadata('prod').owner }}":                               "ops",
		"${{ failure() }}":                                                 true,
		"${{ status('build') }}":                                           "Succeeded",
		"${{ quote(imageFrom('ghcr.io/acme/web').Tag) }}":                  "1.10",
		"${{ commitFrom('https://github.com/acme/web').Author }}":          "A",
		"${{ chartFrom('https://charts.example.com', 'web').Version }}":    "1.2.3",
		"${{ imageFrom('ghcr.io/acme/web', warehouse('web')).Digest }}":    "sha256:aa",
		"${{ chartFrom('https://charts.example.com', 'web') == nil }}":     false,
		"${{ answer + 1 }}":                                                43.0,
		"${{ $env['1'] }}":                                                 "one",
		"${{ commitFrom('https://github.com/acme/web').RepoURL[:8] }}":     "https://",
		"${{ let f = freightMetadata('f1'); f.ticket + '/' + ctx.stage }}": "ABC-1/prod",
	}
	for template, want := range tests {
		check(t, template, env, want, "")
	}
}

func TestParseContextOfJSON(t *testing.T) {
	t.Parallel()
	env, err := expr.ParseContext([]byte("{\n\t\"vars\": {\"smile\": \"\\ud83d\\ude00\", \"id\": 9007199254740993},\n\t\"freight\": [{\"origin\": {\"name\": \"w\"}, \"images\": [{\"repoURL\": \"a\", \"tag\": \"1\"}]}]}"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "${{ vars.smile }}", env, "😀", "")
	check(t, "${{ vars.id }}", env, int64(9007199254740993), "")
	check(t, "${{ imageFrom('a', warehouse('w')).Tag }}", env, 1.0, "")
}

func TestParseContextOfNothing(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "{}", "# nothing\n", "null"} {
		env, err := expr.ParseContext([]byte(data))
		if err != nil {
			t.Errorf("ParseContext(%q): %v", data, err)
			continue
		}
		check(t, "${{ vars.x ?? 'none' }}", env, "none", "")
	}
}

func TestParseContextErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		messages   []string
	}{
		{"neither JSON nor YAML", "{a: [", []string{"neither JSON nor YAML"}},
		{"no object", "[1]", []string{"must be an object"}},
		{"a variable that is no object", "vars: 3", []string{"vars: want an object, not number"}},
		{"an unknown field", "freight: [{imgs: []}]", []string{`freight: unknown field "imgs"`}},
		{"a tag without quotes", "freight: [{images: [{tag: 1.10}]}]", []string{"freight: ", "tag: want a string (in quotes), not number"}},
		{"a step without alias", "steps: [{phase: Failed}]", []string{"steps[0]: alias is missing"}},
		{"an unknown phase", "steps: [{alias: a, phase: failed}]", []string{`steps[0]: phase "failed" is not one of`}},
		{"metadata that is not by Freight", "freightMetadata: {ticket: x}", []string{"freightMetadata: ", "want an object, not string"}},
		{"the name of a function", "quote: 1", []string{"quote: the name is reserved"}},
		{"a value that JSON lacks", "vars: {x: .inf}", []string{"convert YAML to JSON"}},
		{"all at once", "vars: 3\nquote: 1", []string{"vars: ", "quote: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := expr.ParseContext([]byte(tt.data))
			for _, message := range tt.messages {
				if !strings.Contains(errorText(err), message) {
					t.Errorf("error %v, want %q in it", err, message)
				}
			}
		})
	}
}

func TestFormatJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		template string
		want     string
	}{
		{"plain", `"plain"`},
		{"${{ 3 }}", "3"},
		{"${{ 1e6 * 1e6 }}", "1000000000000"},
		{"${{ '1e20' }}", "100000000000000000000"},
		{"${{ '9007199254740993' }}", "9007199254740993"},
		{"${{ 1.5 }}", "1.5"},
		{"${{ nothing }}", "null"},
		{"a <&> b", `"a <&> b"`},
		{"${{ {'b': [1, '2'], 'a': true} }}", "{\n  \"a\": true,\n  \"b\": [\n    1,\n    \"2\"\n  ]\n}"},
		{"${{ [] }}", "[]"},
	}
	for _, tt := range tests {
		value, err := expr.Evaluate(tt.template, expr.Env{})
		if err != nil {
			t.Errorf("Evaluate(%q): %v", tt.template, err)
			continue
		}
		got, err := expr.FormatJSON(value)
		if diff := cmp.Diff(tt.want, string(got)); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", tt.template, err, diff)
		}
	}
	if _, err := expr.FormatJSON(func() {}); err == nil {
		t.Error("a function has JSON")
	}
}
