package expr_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		want     []expr.Reference
	}{
		{"text refers to nothing", "outputs.a", nil},
		{"a member", "${{ outputs.build.commit }}", []expr.Reference{{Root: "outputs", Path: []string{"build", "commit"}, Offset: 4}}},
		{"a member in brackets", `${{ outputs["step-1"].x }}`, []expr.Reference{{Root: "outputs", Path: []string{"step-1", "x"}, Offset: 4}}},
		{"an optional member", "${{ vars?.a }}", []expr.Reference{{Root: "vars", Path: []string{"a"}, Offset: 4}}},
		{"members behind optional ones", "${{ (task?.outputs)?.a[0].b }}", []expr.Reference{{Root: "task", Path: []string{"outputs", "a"}, Offset: 5}}},
		{"a method", "${{ ctx.time.Year() }}", []expr.Reference{{Root: "ctx", Path: []string{"time", "Year"}, Offset: 4}}},
		{"a computed member has no name", "${{ outputs[vars.x] }}", []expr.Reference{{Root: "outputs", Offset: 4}, {Root: "vars", Path: []string{"x"}, Offset: 12}}},
		{"a whole variable", "${{ asJSON(outputs) }}", []expr.Reference{{Root: "asJSON", Call: true, Computed: true, Offset: 4}, {Root: "outputs", Offset: 11}}},
		{"a call with a literal", "${{ status('build') }}", []expr.Reference{{Root: "status", Path: []string{"build"}, Call: true, Offset: 4}}},
		{"a call with an origin", "${{ imageFrom('a', warehouse('w')) }}", []expr.Reference{
			{Root: "imageFrom", Path: []string{"a"}, Call: true, Computed: true, Offset: 4},
			{Root: "warehouse", Path: []string{"w"}, Call: true, Offset: 19},
		}},
		{"a call with two literals", "${{ chartFrom('a', 'b') }}", []expr.Reference{{Root: "chartFrom", Path: []string{"a", "b"}, Call: true, Offset: 4}}},
		{"several expressions, in order", "é ${{ vars.b }} ${% vars.a %}", []expr.Reference{{Root: "vars", Path: []string{"b"}, Offset: 7}, {Root: "vars", Path: []string{"a"}, Offset: 21}}},
		{"local variables are left out", "${{ let x = vars.a; x.b }}", []expr.Reference{{Root: "vars", Path: []string{"a"}, Offset: 12}}},
		{"what a condition skips is there", "${{ true ? 1 : vars.a }}", []expr.Reference{{Root: "vars", Path: []string{"a"}, Offset: 15}}},
		{"loops are looked into", "${{ filter(vars.l, .x == ctx.stage) }}", []expr.Reference{{Root: "vars", Path: []string{"l"}, Offset: 11}, {Root: "ctx", Path: []string{"stage"}, Offset: 25}}},
		{"expr's functions are left out", "${{ lower(trim(vars.a)) }}", []expr.Reference{{Root: "vars", Path: []string{"a"}, Offset: 15}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.References(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("References(%q) (-want +got):\n%s", tt.template, diff)
			}
		})
	}
	if _, err := expr.References("${{ ( }}"); err == nil {
		t.Error("a template that does not parse has references")
	}
	got, err := expr.ReferencesBare("imageFrom('a').Tag == imageFrom('b').Tag")
	want := []expr.Reference{{Root: "imageFrom", Path: []string{"a"}, Call: true}, {Root: "imageFrom", Path: []string{"b"}, Call: true, Offset: 22}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ReferencesBare: %v (-want +got):\n%s", err, diff)
	}
}
