package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// Each of these expressions would take minutes, or more memory than there is, without a
// bound.
func TestHostileExpressionsEnd(t *testing.T) {
	t.Parallel()
	doubling := "let a = repeat('x', 1000000); "
	for i := range 40 {
		from, to := string(rune('A'+i%26))+strings.Repeat("v", i/26), string(rune('A'+(i+1)%26))+strings.Repeat("v", (i+1)/26)
		if i == 0 {
			from = "a"
		}
		doubling += "let " + to + " = " + from + " + " + from + "; "
	}
	tests := []struct {
		name       string
		expression string
	}{
		{"nested loops over an existing list", "let a = 1..90000; all(a, all(a, all(a, true)))"},
		{"nested loops with a cheap body", "let a = 1..90000; count(a, count(a, # > 0) > 0)"},
		{"loops over a variable", "all(big, all(big, all(big, all(big, true))))"},
		{"strings that double", doubling + "1"},
		{"lists that contain each other", "let a = [1,1,1,1,1,1,1,1,1,1]; let b = [a,a,a,a,a,a,a,a,a,a]; let c = [b,b,b,b,b,b,b,b,b,b]; let d = [c,c,c,c,c,c,c,c,c,c]; let e = [d,d,d,d,d,d,d,d,d,d]; let f = [e,e,e,e,e,e,e,e,e,e]; let g = [f,f,f,f,f,f,f,f,f,f]; [g,g,g,g,g,g,g,g,g,g]"},
		{"such lists compared", "let a = [1,1,1,1,1,1,1,1,1,1]; let b = [a,a,a,a,a,a,a,a,a,a]; let c = [b,b,b,b,b,b,b,b,b,b]; let d = [c,c,c,c,c,c,c,c,c,c]; let e = [d,d,d,d,d,d,d,d,d,d]; let f = [e,e,e,e,e,e,e,e,e,e]; let g = [f,f,f,f,f,f,f,f,f,f]; g == g"},
		{"such lists as JSON", "let a = [1,1,1,1,1,1,1,1,1,1]; let b = [a,a,a,a,a,a,a,a,a,a]; let c = [b,b,b,b,b,b,b,b,b,b]; let d = [c,c,c,c,c,c,c,c,c,c]; let e = [d,d,d,d,d,d,d,d,d,d]; let f = [e,e,e,e,e,e,e,e,e,e]; let g = [f,f,f,f,f,f,f,f,f,f]; toJSON(g)"},
		{"a text repeated", "repeat(repeat('x', 1000000), 1000000)"},
		{"a replacement that multiplies", "let s = repeat('x', 100000); replace(s, 'x', s)"},
		{"a replacement of nothing", "let s = repeat('x', 100000); replace(s, '', s)"},
		{"a join with a long separator", "join(map(1..90000, 'a'), repeat('x', 100000))"},
		{"a search in a long list for each of its elements", "let a = 1..90000; filter(a, not (# in a))"},
		{"distinct elements of a long list", "uniq(1..90000)"},
		{"a range that is too long", "1..1000000000"},
		{"deep nesting that is indented", "asJSON(fromJSON(repeat('[', 9000) + repeat(']', 9000)))"},
		{"deep nesting as YAML", "asYAML(fromJSON(repeat('[', 9000) + repeat(']', 9000)))"},
		{"a regular expression with a large program", "repeat('a', 1000000) matches '" + strings.Repeat("(a{0,999}|b)", 80) + "c'"},
		{"a computed regular expression with a large program", "repeat('a', 1000000) matches repeat('a{0,999}', 100)"},
		{"a long regular expression", "'a' matches repeat('a', 100000)"},
		{"a slow regular expression in a loop", "let a = repeat('a', 100000); all(1..1000, not (a matches 'a{0,900}b'))"},
		{"a list in a loop", "map(1..90000, 1..90000)"},
	}
	env := expr.Env{Extra: map[string]any{"big": make([]any, 10_000)}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := expr.Evaluate("${{ "+tt.expression+" }}", env)
			var fault *expr.Error
			if !errors.As(err, &fault) {
				t.Errorf("error %v, want *expr.Error", err)
			}
		})
	}
}

func TestHostileSourceEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		template            string
		compiles, evaluates bool
	}{
		{"parentheses", "${{ " + strings.Repeat("(", 8_000) + " }}", false, false},
		{"signs", "${{ " + strings.Repeat("-", 8_000) + "1 }}", false, false},
		{"negations", "${{ " + strings.Repeat("!", 8_000) + "x }}", false, false},
		{"lists", "${{ " + strings.Repeat("[", 4_000) + strings.Repeat("]", 4_000) + " }}", true, true},
		{"loops in loops", "${{ " + strings.Repeat("filter(", 500) + "[1]" + strings.Repeat(", true)", 500) + " }}", true, true},
		{"loops in bodies", "${{ " + strings.Repeat("all([1],", 500) + "true" + strings.Repeat(")", 500) + " }}", true, true},
		{"conditions", "${{ " + strings.Repeat("a ? ", 1_000) + "1" + strings.Repeat(": 2", 1_000) + " }}", true, false},
		{"calls in calls", "${{ " + strings.Repeat("quote(", 1_000) + "1" + strings.Repeat(")", 1_000) + " }}", true, false},
		{"members", "${{ x" + strings.Repeat("?.a", 1_000) + " }}", true, true},
		{"a long sum", "${{ 1" + strings.Repeat("+1", 4_000) + " }}", false, false},
		{"a long expression", "${{ '" + strings.Repeat("x", 20_000) + "' }}", false, false},
		{"a long template", "${{ 1 }}" + strings.Repeat("x", 2_000_000), false, false},
		{"many expressions", strings.Repeat("${{ ", 200_000), false, false},
		{"an invalid regular expression", "${{ 'x' matches '(' }}", false, false},
		{"bytes that are not UTF-8", "${{ \xff\xfe }}", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := expr.Evaluate(tt.template, expr.Env{})
			if (err == nil) != tt.evaluates {
				t.Errorf("Evaluate: error %v, want one: %t", err, !tt.evaluates)
			}
			checked := expr.Check(tt.template)
			if (checked == nil) != tt.compiles {
				t.Errorf("Check: error %v, want one: %t", checked, !tt.compiles)
			}
			if _, err := expr.References(tt.template); tt.compiles && err != nil {
				t.Errorf("References: %v", err)
			}
		})
	}
}
