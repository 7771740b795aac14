package expr_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func TestCondition(t *testing.T) {
	t.Parallel()
	type row struct {
		ID     string
		Values []float64
	}
	for name, tt := range map[string]struct {
		source string
		result any
		want   bool
		fault  string
	}{
		"a vector is indexed":                {"result[0] >= 0.95", []float64{0.97}, true, ""},
		"a scalar is compared":               {"result < 5", 4.5, true, ""},
		"an object's members are read":       {`result.data.ok && result["n"] == 3`, map[string]any{"data": map[string]any{"ok": true}, "n": 3.0}, true, ""},
		"a struct's fields are read":         {"result[0].Values[0] <= 0.01", []row{{"rate", []float64{0.001}}}, true, ""},
		"asInt reads text":                   {"asInt(result) == 12", "12", true, ""},
		"asInt cuts a float":                 {"asInt(result) == 12", 12.9, true, ""},
		"asInt refuses other text":           {"asInt(result) == 12", "12.5", false, `asInt() cannot read "12.5"`},
		"asFloat reads text":                 {"asFloat(result) > 1.5", "1.75", true, ""},
		"asFloat refuses a list":             {"asFloat(result) > 1.5", []any{1}, false, "asFloat() does not take a list"},
		"isNaN knows NaN":                    {"isNaN(result[0])", []float64{math.NaN()}, true, ""},
		"isNaN takes whole numbers":          {"!isNaN(result)", 3, true, ""},
		"isNaN refuses text":                 {"isNaN(result)", "NaN", false, "a number is needed"},
		"isInf knows both infinities":        {"isInf(result[0]) && isInf(result[1])", []float64{math.Inf(1), math.Inf(-1)}, true, ""},
		"isNil knows nothing":                {"isNil(result)", nil, true, ""},
		"isNil knows a nil list":             {"isNil(result)", []float64(nil), true, ""},
		"isNil lets an empty list be":        {"isNil(result)", []float64{}, false, ""},
		"default replaces nothing":           {"default(result, 0) < 5", nil, true, ""},
		"default keeps a value":              {"default(result, 0) == 7", 7.0, true, ""},
		"the language's own functions exist": {"len(result) == 0 || all(result, # > 0.9)", []float64{}, true, ""},
		"an index out of range is a fault":   {"result[0] > 1", []float64{}, false, "out of range"},
		"anything but a bool is a fault":     {"result + 1", 1, false, "gives the number 2, not a bool"},
		"an unknown name is a fault":         {"results[0] > 1", []float64{2}, false, "there is no results in conditions"},
		"an unknown function is a fault":     {"asString(result) == ''", "", false, "there is no asString"},
		"the environment cannot be listed":   {"len($env) > 0", "", false, "there is no $env"},
		"Kargo's functions do not exist":     {`imageFrom("x").Tag == ""`, "", false, "there is no imageFrom"},
		"a bad expression is a fault":        {"result >", 1, false, "ends too early"},
		"an empty condition is a fault":      {"", 1, false, "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.Condition(tt.source, tt.result)
			if got != tt.want {
				t.Errorf("%s = %v, want %v (%v)", tt.source, got, tt.want, err)
			}
			var e *expr.Error
			if (tt.fault == "") != (err == nil) || err != nil && (!errors.As(err, &e) || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("%s: %v, want a fault with %q", tt.source, err, tt.fault)
			}
		})
	}
}

func TestConditionIsCheckedWithoutAResult(t *testing.T) {
	t.Parallel()
	if err := expr.CheckCondition("result[0].x > asFloat(result[1])"); err != nil {
		t.Error(err)
	}
	for _, source := range []string{"result >", "args.x > 1", "foo()", strings.Repeat("(", 9000)} {
		if expr.CheckCondition(source) == nil {
			t.Errorf("%.20s is accepted", source)
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"result[0] >= 0.95", "default(result, 0) < 1", "asInt(result) == 1", "len(result) == 0", "result.a?.b == nil", "map(1..9, #)"} {
		f.Add(s, "1")
	}
	f.Fuzz(func(t *testing.T, source, result string) {
		for _, v := range []any{nil, result, 1.5, []float64{1}, map[string]any{"a": result}} {
			ok, err := expr.Condition(source, v)
			if ok && err != nil {
				t.Errorf("true and %v", err)
			}
		}
	})
}
