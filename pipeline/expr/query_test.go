package expr_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	document := map[string]any{
		"image": map[string]any{"tag": "1.2", "ports": []any{json.Number("80"), json.Number("443")}},
		"big":   json.Number("9007199254740993"), "ratio": json.Number("0.5"), "replace": "x", "secrets": "mine",
	}
	for source, want := range map[string]any{
		"image.tag":                         "1.2",
		"image.ports[1] % 2":                1,
		"big":                               9007199254740993,
		"ratio * 2":                         1.0,
		"missing":                           nil,
		"missing?.x":                        nil,
		"missing ?? 'none'":                 "none",
		"image.missing":                     nil,
		"len(filter(image.ports, # > 100))": 1,
		"$env.replace":                      "x",
		"secrets":                           "mine",
		"{'tag': image.tag}":                map[string]any{"tag": "1.2"},
	} {
		got, err := expr.Query(source, document)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
	if got, err := expr.Query("$env[0].x", []any{map[string]any{"x": "y"}}); err != nil || got != "y" {
		t.Errorf("of a list: %v, %v", got, err)
	}
	if got, err := expr.Query("x", nil); err != nil || got != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestQueryFaults(t *testing.T) {
	t.Parallel()
	long := make([]any, 10_000)
	for i := range long {
		long[i] = strings.Repeat("x", 100)
	}
	for source, want := range map[string]string{
		"missing.x":             "cannot fetch x from <nil>",
		"a[":                    "ends too early",
		"":                      "the expression is empty",
		"quote('x')":            "there is no function quote() here",
		"1..99999999":           "memory budget exceeded",
		"repeat('x', 99999999)": "cannot repeat",
		"len(filter(long, len(filter(long, # == '')) > 0))": "too much work",
		strings.Repeat("x", 100_000):                        "longer than",
	} {
		_, err := expr.Query(source, map[string]any{"long": long})
		var at *expr.Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: error %v, want %q", source, err, want)
		}
	}
	if err := expr.CheckQuery("a ."); err == nil {
		t.Error("a malformed expression passes the check")
	}
	if err := expr.CheckQuery("a.b"); err != nil {
		t.Error(err)
	}
}
