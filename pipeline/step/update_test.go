package step_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func updates(keyValues ...any) []any {
	var out []any
	for i := 0; i < len(keyValues); i += 2 {
		out = append(out, config{"key": keyValues[i], "value": keyValues[i+1]})
	}
	return out
}

func TestUpdateSteps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uses, file string
		updates          []any
		want, message    string
	}{
		{
			"yaml-update quotes in the message what would be another type", "yaml-update", "a: x # c\nb: 1\nc: y\nd: z\n",
			updates("a", "v1.2.3", "b", 1000000, "c", "1.10", "d", nil),
			"a: v1.2.3 # c\nb: 1000000\nc: \"1.10\"\nd: null\n",
			"Updated f\n\n- a: v1.2.3\n- b: 1000000\n- c: \"1.10\"\n- d: null",
		},
		{
			"yaml-update takes the last of several values", "yaml-update", "a: x\n", updates("a", 1, "a", 2),
			"a: 2\n", "Updated f\n\n- a: 1\n- a: 2",
		},
		{
			"json-update creates and quotes", "json-update", "{\n  \"a\": \"x\"\n}\n", updates("a", "v2", "b.c", true, "n", 9007199254740993),
			"{\n  \"a\": \"v2\",\"b\":{\"c\":true},\"n\":9007199254740993\n}\n",
			"Updated f\n\n- a: \"v2\"\n- b.c: true\n- n: 9007199254740993",
		},
		{
			"toml-update keeps integers", "toml-update", "a = 'x' # c\nport = 8080\nr = 0.5\n", updates("a", "v2", "port", 9090, "r", 1),
			"a = 'v2' # c\nport = 9090\nr = 1.0\n", "Updated f\n\n- a: 'v2'\n- port: 9090\n- r: 1",
		},
		{
			"hcl-update", "hcl-update", "a = \"x\" # c\nb = false\nn = 1\n", updates("a", "v2", "b", true, "n", 3),
			"a = \"v2\" # c\nb = true\nn = 3\n", "Updated f\n\n- a: \"v2\"\n- b: true\n- n: 3",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, wrote("f", tt.file), use(tt.uses, config{"path": "f", "updates": tt.updates}))
			b.upTo(1)
			b.want(1, pipeline.Succeeded)
			if got := b.files(".")["f"]; got != tt.want {
				t.Errorf("file is %q, want %q", got, tt.want)
			}
			if got := output[step.CommitMessage](b, 1).CommitMessage; got != tt.message {
				t.Errorf("message is %q, want %q", got, tt.message)
			}
		})
	}
}

func TestUpdateStepsFailWithoutAChange(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		uses, file string
		updates    []any
		want       string
		phase      pipeline.Phase
	}{
		"json-update with a list":         {"json-update", `{"a": 1}`, updates("a", 2, "b", []any{1}), "update f: key \"b\"", pipeline.Errored},
		"json-update with null":           {"json-update", `{"a": 1}`, updates("a", 2, "b", nil), "null is none of them", pipeline.Errored},
		"json-update of what is not JSON": {"json-update", "{\n\"a\" 1}", updates("a", 2), "update f: line 2, column 5: not valid JSON", pipeline.Errored},
		"toml-update of an absent key":    {"toml-update", "aa = 1\n", updates("aa", 2, "ab", 2), `did you mean "aa"?`, pipeline.Errored},
		"toml-update of a table":          {"toml-update", "[a]\n", updates("a", 2), "the target is a map", pipeline.Errored},
		"hcl-update of an absent key":     {"hcl-update", "aa = 1\n", updates("aa", 2, "ab", 2), `did you mean "aa"?`, pipeline.Errored},
		"yaml-update of a list":           {"yaml-update", "a: [1]\nb: 1\n", updates("b", 2, "a", 2), "the target is a sequence", pipeline.Errored},
		"yaml-update with a list":         {"yaml-update", "a: 1\n", updates("a", []any{1}), "cannot be written as one value", pipeline.Errored},
		"an index that is not there":      {"yaml-update", "a: [1]\n", updates("a.7", 2), "index 7 is out of range", pipeline.Errored},
		"no updates":                      {"toml-update", "a = 1\n", []any{}, "updates must not be empty", pipeline.Failed},
		"an empty key":                    {"hcl-update", "a = 1\n", updates("", 1), "updates[0].key must not be empty", pipeline.Failed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, wrote("f", tt.file), use(tt.uses, config{"path": "f", "updates": tt.updates}))
			b.upTo(1)
			res := b.want(1, tt.phase)
			if !strings.Contains(res.Message, tt.want) || res.Terminal != (tt.phase == pipeline.Failed) {
				t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
			}
			if got := b.files(".")["f"]; got != tt.file {
				t.Errorf("file is %q", got)
			}
		})
	}
}

func TestUpdateStepsNeedTheirFile(t *testing.T) {
	t.Parallel()
	for _, uses := range []string{"yaml-update", "json-update", "toml-update", "hcl-update"} {
		b := newBench(t, use(uses, config{"path": "absent", "updates": updates("a", 1)}))
		if res := b.want(0, pipeline.Errored); !strings.Contains(res.Message, "absent: file does not exist") || res.Terminal {
			t.Errorf("%s: terminal %v, message %q", uses, res.Terminal, res.Message)
		}
	}
}
