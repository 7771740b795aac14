package expr_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// values is an Env with one of everything that the tables below refer to.
func values() expr.Env {
	return expr.Env{
		Allow: expr.AllowAll,
		Ctx: map[string]any{
			"stage":         "prod",
			"targetFreight": map[string]any{"name": "abc", "origin": map[string]any{"name": "web"}},
		},
		Vars:    map[string]any{"tag": "1.20", "n": 7.0, "big": 1234567.0, "list": []any{"a", "b"}},
		Outputs: map[string]any{"step-1": map[string]any{"commit": "f00"}, "pr": map[string]any{"id": 12.0, "merged": true}},
		Secrets: map[string]any{"TOKEN": "s3cret"},
	}
}

func TestEvaluateCoercion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		want     any
	}{
		{"text without delimiters stays text", "42", "42"},
		{"text without delimiters keeps its whitespace", " true \n", " true \n"},
		{"text without delimiters may be empty", "", ""},
		{"a lone closing delimiter is text", "a }} b", "a }} b"},
		{"an opening delimiter needs its dollar sign", "{{ vars.tag }}", "{{ vars.tag }}"},
		{"an expression without text is nothing", "${{}}", ""},
		{"text around an empty expression stays", "a${{}}b", "ab"},

		{"an integer is a float", "${{ 42 }}", 42.0},
		{"text that looks like a number becomes one", "${{ '42' }}", 42.0},
		{"trailing zeros of a tag are lost", "${{ vars.tag }}", 1.2},
		{"a calendar version of two parts is a number", "${{ '2026.1' }}", 2026.1},
		{"a version of three parts is a string", "${{ '1.2.3' }}", "1.2.3"},
		{"leading zeros are lost", "${{ '0123' }}", 123.0},
		{"an exponent makes a number", "${{ '1e3' }}", 1000.0},
		{"a short SHA of digits and an e is a number", "${{ '123e45' }}", 123e45},
		{"a short SHA out of range stays text", "${{ '123e4567' }}", "123e4567"},
		{"a plus sign makes a number", "${{ '+5' }}", 5.0},
		{"0 and 1 are numbers before they are bools", "${{ '1' }}", 1.0},
		{"not a number stays text", "${{ 'NaN' }}", "NaN"},
		{"infinity stays text", "${{ 'Infinity' }}", "Infinity"},
		{"inf with a sign stays text", "${{ '-inf' }}", "-inf"},
		{"2^53 keeps its digits", "${{ '9007199254740993' }}", int64(9007199254740993)},
		{"an integer beyond 64 bits is a float", "${{ '12345678901234567890' }}", 12345678901234567890.0},
		{"an integer in JSON keeps its digits", "${{ '[9007199254740993]' }}", []any{int64(9007199254740993)}},
		{"spaces keep a number from being a float, but it is JSON", "${{ ' 5 ' }}", 5.0},
		{"text around an expression takes part", "1${{ 2 }}3", 123.0},

		{"true is a bool", "${{ true }}", true},
		{"t is a bool", "${{ 't' }}", true},
		{"F is a bool", "${{ 'F' }}", false},
		{"True is a bool", "${{ 'True' }}", true},
		{"tRUE is text", "${{ 'tRUE' }}", "tRUE"},
		{"yes is text", "${{ 'yes' }}", "yes"},

		{"nil is null", "${{ nil }}", nil},
		{"the text null is null", "${{ 'null' }}", nil},
		{"an unknown name is null", "${{ nothing }}", nil},
		{"null inside text is written out", "x-${{ nothing }}", "x-null"},
		{"a map is an object", `${{ {"a": 1} }}`, map[string]any{"a": 1.0}},
		{"a list is a list", `${{ [1, "b", nil] }}`, []any{1.0, "b", nil}},
		{"text that is JSON becomes JSON", `{"a": ${{ 1 + 1 }}}`, map[string]any{"a": 2.0}},
		{"JSON inside text is escaped as Kargo's is", `x ${{ ["<&>"] }}`, `x ["\u003c\u0026\u003e"]`},
		{"broken JSON is text", `{"a": ${{ 1 }}`, `{"a": 1`},

		{"quotes around the result make it a string", `"${{ 42 }}"`, "42"},
		{"one double quote is no pair", `${{ '"' }}`, `"`},
		{"two double quotes are the empty string", `${{ '""' }}`, ""},
		{"quotes need not belong together", `${{ '"a" and "b"' }}`, `a" and "b`},
		{"quoted results keep what is inside", `${{ '" 42 "' }}`, " 42 "},

		{"a newline at the end does not hide a number", "${{ 42 }}\n", 42.0},
		{"a newline at the end does not hide quotes and stays", "${{ quote(42) }}\n", "42\n"},
		{"a newline at the end of text stays", "${{ 'a' }}\n", "a\n"},
		{"of two newlines one counts, so the rest is JSON", "${{ quote('a') }}\n\n", "a"},

		{"several expressions are joined", "${{ ctx.stage }}-${{ vars.n }}", "prod-7"},
		{"both delimiters work side by side", "${{ 'a' }}${% 'b' %}", "ab"},
		{"percent delimiters may hold closing braces", "${% '{{ x }}' %}", "{{ x }}"},
		{"the delimiter that opens first counts", "${% '${{ 1 }}' %}", "${{ 1 }}"},
		{"no spaces are needed", "${{1+1}}", 2.0},

		{"an absent member takes the default", "${{ vars.nothing ?? 'x' }}", "x"},
		{"optional members of nil are nil", "${{ nothing?.a?.b }}", nil},
		{"members with a dash need brackets", "${{ outputs['step-1'].commit }}", "f00"},
		{"whole numbers are integers in expressions", "${{ vars.n % 2 }}", 1.0},
		{"whole numbers print without exponent", "${{ 'n' + string(vars.big) }}", "n1234567"},
		{"secrets are visible where allowed", "${{ secrets.TOKEN }}", "s3cret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.Evaluate(tt.template, values())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Evaluate(%q) (-want +got):\n%s", tt.template, diff)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("result is not JSON: %v", err)
			}
		})
	}
}

func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		offset   int
		message  string
	}{
		{"an expression must be closed", "ab ${{ 1", 3, `unclosed expression: "${{" has no "}}" after it`},
		{"one delimiter does not close the other", "${{ 1 %}", 0, "unclosed expression"},
		{"the closing delimiter ends a string literal", "${{ '}}' }}", 5, "literal not terminated"},
		{"blank is not an expression", "${{ }}", 3, "empty or ends too early"},
		{"a member of nil is an error", "é ${{ nothing.x }}", 15, "cannot fetch x from <nil>"},
		{"an unknown function is named", "a ${{ imgFrom('x') }}", 6, "there is no function imgFrom(): did you mean imageFrom()?"},
		{"a condition must be a bool", "${{ !nothing }}", 4, "the value is nil where a bool is needed"},
		{"infinity is no value", "${{ 1/0 }}", 3, "no JSON form"},
		{"functions of the cluster say what to use", "${{ secret('x').y }}", 4, "not available: there is no cluster to read from; use secrets.NAME"},
		{"a field that a struct lacks is found", "${{ imageFrom('x').tag }}", 19, "has no field tag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := expr.Evaluate(tt.template, values())
			var fault *expr.Error
			if !errors.As(err, &fault) {
				t.Fatalf("Evaluate(%q): error %v, want *expr.Error", tt.template, err)
			}
			if !strings.Contains(fault.Message, tt.message) {
				t.Errorf("message %q, want %q in it", fault.Message, tt.message)
			}
			if fault.Offset != tt.offset {
				t.Errorf("offset %d, want %d", fault.Offset, tt.offset)
			}
		})
	}
}

func TestEvaluateAllow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		allow    expr.Allow
	}{
		{"outputs", "${{ outputs.a }}", expr.AllowOutputs},
		{"outputs of a task", "${{ task.outputs }}", expr.AllowOutputs},
		{"secrets", "${{ secrets.a }}", expr.AllowSecrets},
		{"secrets in brackets", "${{ secrets['a'] }}", expr.AllowSecrets},
		{"success", "${{ success() }}", expr.AllowStatus},
		{"status", "${{ status('a') }}", expr.AllowStatus},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := expr.Evaluate(tt.template, expr.Env{Allow: tt.allow}); err != nil {
				t.Errorf("where allowed: %v", err)
			}
			_, err := expr.Evaluate(tt.template, expr.Env{Allow: expr.AllowAll &^ tt.allow})
			if err == nil || !strings.Contains(err.Error(), "in the") {
				t.Errorf("where not allowed: error %v, want one that says where it is", err)
			}
			if err := expr.CheckFor(tt.template, expr.AllowAll&^tt.allow); err == nil {
				t.Error("CheckFor finds nothing wrong")
			}
		})
	}

	t.Run("a local variable may have such a name", func(t *testing.T) {
		t.Parallel()
		got, err := expr.Evaluate("${{ let outputs = 5; outputs }}", expr.Env{})
		if err != nil || got != 5.0 {
			t.Errorf("got %v, %v; want 5", got, err)
		}
	})
	t.Run("the whole environment does not show secrets", func(t *testing.T) {
		t.Parallel()
		env := values()
		env.Allow = 0
		got, err := expr.Evaluate("${{ quote($env) }}", env)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.(string), "s3cret") {
			t.Errorf("secret in %s", got)
		}
	})
}

func TestEvaluateAny(t *testing.T) {
	t.Parallel()
	in := map[string]any{
		"${{ 1 }}": "${{ 1 }}",
		"list":     []any{"${{ vars.n }}", "plain", 3, nil, map[string]any{"deep": "${{ quote(vars.tag) }}"}},
	}
	want := map[string]any{
		"${{ 1 }}": 1.0,
		"list":     []any{7.0, "plain", 3, nil, map[string]any{"deep": "1.20"}},
	}
	got, err := expr.EvaluateAny(in, values())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in["list"].([]any)[0] != "${{ vars.n }}" {
		t.Error("the input was changed")
	}
}

func TestEvaluateAnyNamesThePlace(t *testing.T) {
	t.Parallel()
	in := map[string]any{"images": []any{map[string]any{"tag": "${{ nothing.x }}"}}}
	_, err := expr.EvaluateAny(in, expr.Env{})
	var fault *expr.Error
	if !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), "images[0].tag: ") {
		t.Errorf("error %v, want an *expr.Error at images[0].tag", err)
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		want     bool
		message  string
	}{
		{"a bool is one", "${{ vars.n > 5 }}", true, ""},
		{"text that coerces to a bool is one", "${{ 'f' }}", false, ""},
		{"plain text is an error", "true", false, "plain text: write ${{ true }}"},
		{"nothing is an error", "", false, "plain text"},
		{"a number is an error", "${{ 1 }}", false, "gives the number 1, not a bool"},
		{"a quoted bool is an error", "${{ quote(true) }}", false, `gives the string "true", not a bool`},
		{"null is an error", "${{ nothing }}", false, "gives null, not a bool"},
		{"a faulty expression is an error", "${{ ( }}", false, "ends too early"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.Bool(tt.template, values())
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if message := errorText(err); (message == "") != (tt.message == "") || !strings.Contains(message, tt.message) {
				t.Errorf("error %q, want %q in it", message, tt.message)
			}
		})
	}
}

func TestBare(t *testing.T) {
	t.Parallel()
	env := expr.Env{Extra: map[string]any{
		"subject": "fix: a bug", "creatorDate": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "flag": "1",
	}}
	value, err := expr.EvaluateBare("'1.' + flag", env)
	if err != nil || value != "1.1" {
		t.Errorf("EvaluateBare gives %#v, %v; want the string 1.1, not coerced", value, err)
	}
	tests := []struct {
		name, expression string
		want             bool
		message          string
	}{
		{"a comparison", `subject startsWith "fix:"`, true, ""},
		{"a method of a date", "creatorDate.Year() == 2025", false, ""},
		{"dates are compared", `creatorDate > date("2025-12-31")`, true, ""},
		{"a string is parsed as a bool", "flag", true, ""},
		{"a number is parsed as a bool", "0", false, ""},
		{"other text is an error", "subject", false, `gives the string "fix: a bug", not a bool`},
		{"delimiters are not known", "${{ true }}", false, "unexpected token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.BoolBare(tt.expression, env)
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if message := errorText(err); (message == "") != (tt.message == "") || !strings.Contains(message, tt.message) {
				t.Errorf("error %q, want %q in it", message, tt.message)
			}
		})
	}
}

func TestExtra(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"quote", "ctx", "vars", "outputs", "secrets", "success"} {
		if _, err := expr.Evaluate("${{ 1 }}", expr.Env{Extra: map[string]any{name: 1}}); err == nil {
			t.Errorf("a variable may be called %s", name)
		}
	}
	got, err := expr.EvaluateBare("x / 2", expr.Env{Extra: map[string]any{"x": math.Pi}})
	if err != nil || got != math.Pi/2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNow(t *testing.T) {
	t.Parallel()
	env := expr.Env{Now: func() time.Time { return time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC) }}
	got, err := expr.Evaluate(`${{ now().Format("20060102") }}-x`, env)
	if err != nil || got != "20260504-x" {
		t.Errorf("got %v, %v", got, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
