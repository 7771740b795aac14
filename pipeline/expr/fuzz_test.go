package expr_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/kargo-app/kargo/pipeline/expr"
)

var seeds = []string{
	"", "text", "${{", "${{}}", "${{ 1 }}", "${% '}}' %}", "a ${{ vars.tag }} b ${% ctx %}\n",
	"${{ imageFrom('ghcr.io/acme/web').Tag }}", "${{ quote(asYAML(freightMetadata('f1'))) }}",
	"${{ let x = [1]; map(x, # + 1) | join(',') }}", "${{ 'a' matches '(' }}", "${{ $env }}",
	"${{ semverParse('1.2.3').IncMajor().String() }}", "${{ 1..99999999 }}", "${{ nothing?.a ?? \"\xff\" }}",
	"${{ fromJSON('[1e999]') }}", "${{ reduce(1..9, #acc + #) }}", "\"${{ 'NaN' }}\"", "${{ now() }}",
}

func FuzzEvaluate(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	env := freight()
	env.Vars = map[string]any{"tag": "1.20", "list": []any{1.0, "a", nil}}
	f.Fuzz(func(t *testing.T, template string) {
		got, err := expr.Evaluate(template, env)
		if !expr.HasExpression(template) {
			if err != nil || got != template {
				t.Fatalf("text became %#v, %v", got, err)
			}
			return
		}
		if err != nil {
			var fault *expr.Error
			if !errors.As(err, &fault) {
				t.Fatalf("error of type %T: %v", err, err)
			}
			if fault.Offset < 0 || fault.Offset > len(template) {
				t.Fatalf("offset %d is outside of the template", fault.Offset)
			}
			return
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatalf("result %#v: %v", got, err)
		}
		if err := expr.CheckFor(template, env.Allow); err != nil {
			t.Fatalf("evaluates, but Check says %v", err)
		}
	})
}

func FuzzCheck(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		checked := expr.Check(template)
		references, err := expr.References(template)
		if checked == nil && err != nil {
			t.Fatalf("right, but has no references: %v", err)
		}
		for _, r := range references {
			if r.Offset < 0 || r.Offset > len(template) {
				t.Fatalf("reference %+v is outside of the template", r)
			}
		}
		_ = expr.CheckBare(template)
	})
}

func FuzzParseContext(f *testing.F) {
	f.Add([]byte(contextYAML))
	f.Add([]byte(`{"vars": {"a": 1}, "freight": [{"images": [{"tag": "1"}]}]}`))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [1]\n: 2"))
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := expr.ParseContext(data)
		if err != nil {
			return
		}
		if _, err := expr.Evaluate("${{ 1 }}", env); err != nil {
			t.Fatal(err)
		}
	})
}
