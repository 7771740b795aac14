package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func TestCheckAcceptsWhatMayEvaluate(t *testing.T) {
	t.Parallel()
	for _, template := range []string{
		"", "text", "}}", "${{}}",
		"${{ unknown.name }}",
		"${{ imageFrom(vars.repo).Tag }}",
		"${{ success() && secrets.a != outputs.b.c }}",
		"${% {'a': {'b': 1}} %}",
		"${{ 'x' matches vars.pattern }}",
		"${{ secret('a').b }}", // exists, says at run time what to use
	} {
		if err := expr.Check(template); err != nil {
			t.Errorf("Check(%q): %v", template, err)
		}
	}
}

func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		offset   int
		message  string
	}{
		{"not closed", "a\n${{ 1", 2, "unclosed"},
		{"a syntax error", "a\n${{ 1 + }}", 9, "ends too early"},
		{"an unknown function", "${{ frobnicate() }}", 4, "there is no function frobnicate()"},
		{"a misspelt function", "${{ commitForm('x') }}", 4, "did you mean commitFrom()?"},
		{"a wrong number of arguments", "${{ quote() }}", 4, "not enough arguments"},
		{"types that do not fit", "${{ 1 + 'a' }}", 6, "mismatched types"},
		{"types that do not fit, of functions", "${{ semverDiff('1', '2') + 1 }}", 25, "mismatched types string and int"},
		{"a bad regular expression", "${{ 'a' matches '[' }}", 16, "missing closing ]"},
		{"the second of two expressions", "${{ 1 }} ${{ nope() }}", 13, "there is no function nope()"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := expr.Check(tt.template)
			var fault *expr.Error
			if !errors.As(err, &fault) {
				t.Fatalf("Check(%q) = %v, want *expr.Error", tt.template, err)
			}
			if fault.Offset != tt.offset || !strings.Contains(fault.Message, tt.message) {
				t.Errorf("Check(%q): %q at %d, want %q at %d", tt.template, fault.Message, fault.Offset, tt.message, tt.offset)
			}
		})
	}
}

func TestCheckReportsAllFaults(t *testing.T) {
	t.Parallel()
	err := expr.Check("${{ a() }} ${{ b() }}")
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 2 {
		t.Errorf("Check: %v, want two errors", err)
	}
}

func TestCheckBare(t *testing.T) {
	t.Parallel()
	if err := expr.CheckBare("imageFrom('a').Tag == imageFrom('b').Tag"); err != nil {
		t.Error(err)
	}
	for _, expression := range []string{"", "${{ true }}", "success()", "secrets.a", "outputs.a", "imageFrom('a').Tga"} {
		var fault *expr.Error
		if err := expr.CheckBare(expression); !errors.As(err, &fault) {
			t.Errorf("CheckBare(%q) = %v, want *expr.Error", expression, err)
		}
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text         string
		offset       int
		line, column int
	}{
		{"abc", 0, 1, 1},
		{"abc", 2, 1, 3},
		{"a\nbc", 3, 2, 2},
		{"a\n", 2, 2, 1},
		{"é\né!", 5, 2, 2},
		{"abc", 99, 1, 4},
		{"abc", -1, 1, 1},
	}
	for _, tt := range tests {
		if line, column := expr.Position(tt.text, tt.offset); line != tt.line || column != tt.column {
			t.Errorf("Position(%q, %d) = %d, %d; want %d, %d", tt.text, tt.offset, line, column, tt.line, tt.column)
		}
	}
}
