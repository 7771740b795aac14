package actions_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/actions"
)

func TestOutputsOfAnnotations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		messages []string
		want     map[string]any
	}{
		"none":                            {nil, map[string]any{}},
		"a text":                          {[]string{"digest=sha256:0123"}, map[string]any{"digest": "sha256:0123"}},
		"a text that looks like a number": {[]string{"tag=1.10"}, map[string]any{"tag": "1.10"}},
		"a text with an equals sign":      {[]string{"q=a=b"}, map[string]any{"q": "a=b"}},
		"an empty text":                   {[]string{"q="}, map[string]any{"q": ""}},
		"several lines":                   {[]string{"a=1\r\n\nb=2\n"}, map[string]any{"a": "1", "b": "2"}},
		"an object":                       {[]string{` {"n": 3, "l": ["x"], "o": {"k": null}} `}, map[string]any{"n": json.Number("3"), "l": []any{"x"}, "o": map[string]any{"k": nil}}},
		"the later of two":                {[]string{"a=1", `{"a": true}`}, map[string]any{"a": true}},
	} {
		got, err := actions.ParseOutputs(tt.messages)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestOutputsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("a%d=1", i))
	}
	for name, tt := range map[string]struct {
		messages []string
		says     string
	}{
		"words":                  {[]string{"it went well"}, "neither NAME=VALUE nor a JSON object"},
		"an object that was cut": {[]string{`{"a": "b`}, "cuts messages after 4096 characters"},
		"two objects":            {[]string{`{} {}`}, "more than one JSON object"},
		"a name with a space":    {[]string{"a b=1"}, "is not the name of an output"},
		"no name":                {[]string{"=1"}, "is not the name of an output"},
		"too many":               {many, "100 outputs"},
		"too large":              {[]string{"a=" + strings.Repeat("x", 70_000)}, "65536 bytes at most"},
	} {
		if _, err := actions.ParseOutputs(tt.messages); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseOutputs(f *testing.F) {
	for _, seed := range []string{"a=b", `{"a": 1}`, "a=b\nc=d", "{", "=", `{"a": {"b": [1e999]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		out, err := actions.ParseOutputs([]string{message})
		if err != nil {
			return
		}
		if _, err := json.Marshal(out); err != nil {
			t.Errorf("%q cannot be recorded: %v", message, err)
		}
	})
}
