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

func TestHostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	stages := func(from func(i int) string) string {
		var b strings.Builder
		b.WriteString(oneWarehouse + "stages:\n")
		for i := range 200 {
			fmt.Fprintf(&b, "  - {name: s%d, from: [%s]}\n", i, from(i))
		}
		return b.String()
	}
	tests := map[string]struct{ src, want string }{
		"more bytes than the limit":        {strings.Repeat("#", 1<<20+1), "the file has 1048577 bytes"},
		"nesting that exhausts the stack":  {strings.Repeat("[", 1<<20), "not YAML"},
		"nesting within YAML's own limits": {oneWarehouse + "vars: {a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "nested too deeply"},
		"aliases that multiply bytes":      {oneWarehouse + "vars:\n  a: &a " + strings.Repeat("x", 1e5) + "\n  b: [" + strings.Repeat("*a,", 100) + "]\n", "too large, counting every use"},
		"very many values":                 {oneWarehouse + "vars: [" + strings.Repeat("1,", 1e5) + "]\n", "more than 50000 values"},
		"a very long list":                 {oneWarehouse + "stages: [" + strings.Repeat("1,", 1e3) + "]\n", "stages has 1000 items"},
		"very many expressions":            {oneWarehouse + "vars: {a: '" + strings.Repeat("${{1}}", 6000) + "'}\n", "more than 5000 expressions"},
		"globs that multiply sources":      {stages(func(i int) string { return "web" + strings.Repeat(", 's*'", min(i, 1)) }), "in a circle"},
		"Stages that all feed each other": {stages(func(i int) string {
			from := "web"
			for j := range i {
				from += fmt.Sprintf(", s%d", j)
			}
			return from
		}), "more than 10000 ways"},
		"defaults that multiply bytes": {
			strings.ReplaceAll(stages(func(int) string { return "web" }), "]}", "], update: [{file: a, key: b, value: c}]}") +
				"defaults: {pullRequest: {body: " + strings.Repeat("x", 59_000) + "}}\n",
			"the canonical form of the file is too large",
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
