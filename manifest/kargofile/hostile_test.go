package kargofile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

const oneWarehouse = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
`

// list prints a flow sequence of n items, or the inside of one without brackets.
func list(n int, item string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, item+", ", i)
	}
	return b.String()
}

func numbers(n int) string { return "[" + list(n, "%d") + "]" }
func labels(n int) string  { return list(n, "l%d: x") }
func metrics(n int) string { return list(n, "{name: m%d, provider: {web: {url: x}}}") }

func TestHostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	stages := func(from func(i int) string) string {
		var b strings.Builder
		b.WriteString(oneWarehouse + "stages:\n")
		for i := range 400 {
			fmt.Fprintf(&b, "  - {name: s%d, from: [%s]}\n", i, from(i))
		}
		return b.String()
	}
	tests := map[string]struct{ src, want string }{
		"more bytes than the limit":        {strings.Repeat("#", 2<<20+1), "the file has 2097153 bytes"},
		"nesting that exhausts the stack":  {strings.Repeat("[", 1<<18), "not YAML"},
		"nesting within YAML's own limits": {oneWarehouse + "vars: {a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "nested too deeply"},
		"aliases that multiply bytes":      {oneWarehouse + "vars:\n  a: &a " + strings.Repeat("x", 1e5) + "\n  b: [" + strings.Repeat("*a,", 100) + "]\n", "too large, counting every use"},
		"very many values":                 {oneWarehouse + "vars: [" + strings.Repeat("1,", 3e5) + "]\n", "more than 200000 values"},
		"values by the million":            {oneWarehouse + "vars: [" + strings.Repeat("1,", 1e6) + "]\n", "far more than 200000 values"},
		"a very long list":                 {oneWarehouse + "stages: [" + strings.Repeat("1,", 6e3) + "]\n", "stages has 6000 items"},
		"very many expressions":            {oneWarehouse + "vars: {a: '" + strings.Repeat("${{1}}", 21_000) + "'}\n", "more than 20000 different expressions"},
		"globs that multiply sources":      {stages(func(i int) string { return "web" + strings.Repeat(", 's*'", min(i, 1)) }), "more than 50000 ways"},
		"Stages that all feed each other": {stages(func(i int) string {
			from := "web"
			for j := range min(i, 299) {
				from += fmt.Sprintf(", s%d", j)
			}
			return from
		}), "more than 50000 ways"},
		"defaults that multiply bytes": {
			strings.ReplaceAll(stages(func(int) string { return "web" }), "]}", "], update: [{file: a, key: b, value: c}]}") +
				"defaults: {pullRequest: {body: " + strings.Repeat("x", 59_000) + "}}\n",
			"the canonical form of the file is too large",
		},
		"a matrix of very many Stages": {
			oneWarehouse + "stages:\n  - {name: a, from: web, matrix: {a: " + numbers(100) + ", b: " + numbers(100) + "}}\n",
			"more than 5000 Stages",
		},
		"a matrix of large Stages": {
			oneWarehouse + "stages:\n  - {name: a, from: web, matrix: {a: " + numbers(100) + ", b: " + numbers(40) + "}, labels: {" + labels(100) + "}}\n",
			"more than 500000 values",
		},
		"a matrix of long Stages": {
			oneWarehouse + "stages:\n  - {name: a, from: web, matrix: {a: " + numbers(100) + "}, labels: {a: " + strings.Repeat("x", 1e6) + "}}\n",
			"8388608 bytes",
		},
		"tasks that multiply steps": {
			oneWarehouse + "promotionTasks:\n  - name: t\n    steps: [" + strings.Repeat("{uses: x},", 300) + "]\n" +
				"stages:\n  - {name: a, from: web, matrix: {a: " + numbers(200) + ", b: " + numbers(2) + "}, promotionTemplate: {spec: {steps: [" + strings.Repeat("{task: t},", 3) + "]}}}\n",
			"more than 100000 steps",
		},
		"a Stage of very many tasks": {
			oneWarehouse + "promotionTasks:\n  - name: t\n    steps: [" + strings.Repeat("{uses: x},", 300) + "]\n" +
				"stages:\n  - {name: a, from: web, promotionTemplate: {spec: {steps: [" + strings.Repeat("{task: t},", 300) + "]}}}\n",
			"more than 1000 steps",
		},
		"templates that multiply metrics": {
			oneWarehouse + "analysisTemplates:\n  - name: t\n    metrics: [" + metrics(100) + "]\n" +
				"stages:\n  - {name: a, from: web, matrix: {a: " + numbers(300) + "}, verify: [{template: t}], update: [{file: a, key: b, value: c}]}\n",
			"more than 20000 metrics",
		},
		"very many wrong names in expressions": {
			oneWarehouse + "promotionTasks:\n  - name: t\n    steps: [" + list(300, "{uses: compose-output, as: a%d}") + "]\n" +
				"stages:\n  - {name: a, from: web, soak: 1h, promotionTemplate: {spec: {steps: [" + strings.Repeat("{task: t},", 3) +
				" {uses: x, vars: {" + list(250, "v%d: ['${{ outputs.x }}', '${{ vars.x }}', '${{ outputs.y }}']") + "}}]}}}\n",
			"soak has no effect",
		},
		"globs that compare very much": {
			oneWarehouse + "stages:\n  - {name: a, from: web, matrix: {a: " + numbers(249) + ", b: " + numbers(20) + "}}\n" +
				"  - {name: b, matrix: {a: [1, 2]}, from: [web, " + strings.Repeat("'b-*', ", 250) + "]}\n",
			"compared with the names of Stages more than",
		},
		"wrong names by the thousand": {
			oneWarehouse + "stages:\n  - {name: 'a-${{ matrix.a }}-${{ matrix.b }}', from: 'b-${{ matrix.a }}-${{ matrix.b }}', matrix: {a: " + numbers(250) + ", b: " + numbers(20) + "}}\n",
			"neither a Warehouse nor a Stage",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, problems := kargofile.Parse([]byte(test.src), kargofile.Options{})
			if f != nil || !strings.Contains(problems.Error(), test.want) {
				t.Errorf("got %q, want a problem with %q", problems.Error()[:min(300, len(problems.Error()))], test.want)
			}
			if len(problems) > 101 {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
}
