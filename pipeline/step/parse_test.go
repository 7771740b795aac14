package step_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func outputs(namesAndExpressions ...string) []any {
	var out []any
	for i := 0; i < len(namesAndExpressions); i += 2 {
		out = append(out, config{"name": namesAndExpressions[i], "fromExpression": namesAndExpressions[i+1]})
	}
	return out
}

func TestParseSteps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uses, file string
		outputs          []any
		want             string
	}{
		{
			"yaml-parse keeps types", "yaml-parse", "image: {tag: '1.10'}\nnum: 9007199254740993\nf: 1.5\nl: [a, b]\n",
			outputs("tag", "image.tag", "n", "num + 1", "f", "f", "l", "l", "image", "image", "count", "len(l)"),
			`{"tag":"1.10","n":9007199254740994,"f":1.5,"l":["a","b"],"image":{"tag":"1.10"},"count":2}`,
		},
		{
			"yaml-parse reads booleans as YAML 1.1 does", "yaml-parse", "a: on\nb: Yes\nc: off\nd: 'on'\n",
			outputs("a", "a", "b", "b ? 1 : 2", "c", "c", "d", "d"), `{"a":true,"b":1,"c":false,"d":"on"}`,
		},
		{
			"yaml-parse reads the first document only", "yaml-parse", "---\na: 1\n---\na: 2\n", outputs("a", "a"), `{"a":1}`,
		},
		{"yaml-parse of a list", "yaml-parse", "- x: 1\n- x: 2\n", outputs("a", "$env[1].x"), `{"a":2}`},
		{"a missing top-level name is null", "yaml-parse", "a: 1\n", outputs("b", "b", "c", "b?.c", "d", "b ?? 'x'"), `{"b":null,"c":null,"d":"x"}`},
		{"json-parse", "json-parse", "\ufeff{\"a\": [1, {\"b\": null}], \"big\": 123456789012345678}", outputs("a", "a[0]", "b", "a[1].b", "big", "big"), `{"a":1,"b":null,"big":123456789012345678}`},
		{"json-parse of a list", "json-parse", "[[1]]", outputs("a", "$env[0][0]"), `{"a":1}`},
		{
			"toml-parse", "toml-parse", "a = 'x'\nd = 1979-05-27\nt = 1979-05-27T07:32:00Z\n[[s]]\nport = 80\n[package]\nversion = \"1.10\"\n",
			outputs("a", "a", "d", "d", "t", "t", "port", "s[0].port", "v", "$env['package'].version"),
			`{"a":"x","d":"1979-05-27","t":"1979-05-27T07:32:00Z","port":80,"v":"1.10"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, wrote("f", tt.file), use(tt.uses, config{"path": "f", "outputs": tt.outputs}))
			b.upTo(1)
			b.want(1, pipeline.Succeeded)
			var want any
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, output[any](b, 1)); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if strings.Contains(tt.want, "9007199254740994") && !strings.Contains(string(b.p.Steps[1].Output), "9007199254740994") {
				t.Errorf("digits are lost: %s", b.p.Steps[1].Output)
			}
		})
	}
}

func TestParseStepsFail(t *testing.T) {
	t.Parallel()
	long := "a: " + strings.Repeat("x", 300<<10)
	tests := map[string]struct {
		uses, file, expression string
		want                   string
		phase                  pipeline.Phase
	}{
		"empty YAML":                    {"yaml-parse", "\n", "a", "f: the file is empty", pipeline.Errored},
		"YAML of comments":              {"yaml-parse", "# nothing\n", "a", "the first document is empty", pipeline.Errored},
		"empty JSON":                    {"json-parse", "", "a", "the file is empty", pipeline.Errored},
		"empty TOML":                    {"toml-parse", "", "a", "the file is empty", pipeline.Errored},
		"malformed YAML":                {"yaml-parse", "a: [\n", "a", "parse f: ", pipeline.Errored},
		"malformed JSON":                {"json-parse", "{", "a", "parse f: ", pipeline.Errored},
		"JSON with more behind":         {"json-parse", "{} {}", "a", "more behind", pipeline.Errored},
		"malformed TOML":                {"toml-parse", "a = 1\nb\n", "a", "parse f: line 2", pipeline.Errored},
		"TOML nested without end":       {"toml-parse", "a = " + strings.Repeat("[", 1<<20), "a", "nested", pipeline.Errored},
		"a member of nothing":           {"yaml-parse", "a: 1\n", "b.c", "cannot fetch c", pipeline.Errored},
		"aliases that multiply":         {"yaml-parse", bomb, "a", "excessive aliasing", pipeline.Errored},
		"a large output":                {"yaml-parse", long, "a", "more than 262144 bytes", pipeline.Errored},
		"too much work":                 {"yaml-parse", long, "map(1..1000, a)", "too much work", pipeline.Errored},
		"a malformed expression":        {"yaml-parse", "a: 1\n", "a[", "outputs[0].fromExpression", pipeline.Failed},
		"a function of another context": {"yaml-parse", "a: 1\n", "quote(a)", "there is no function quote()", pipeline.Failed},
		"an empty expression":           {"yaml-parse", "a: 1\n", "", "fromExpression must not be empty", pipeline.Failed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, wrote("f", tt.file), use(tt.uses, config{"path": "f", "outputs": outputs("x", tt.expression)}))
			b.upTo(1)
			res := b.want(1, tt.phase)
			if !strings.Contains(res.Message, tt.want) || res.Terminal != (tt.phase == pipeline.Failed) {
				t.Errorf("terminal %v, message %.200q", res.Terminal, res.Message)
			}
		})
	}
}

// bomb is small and stands for billions of strings.
var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + func() string {
	var b strings.Builder
	for i := range 9 {
		old, name := string(rune('0'+i)), string(rune('1'+i))
		b.WriteString("a" + name + ": &a" + name + " [" + strings.TrimSuffix(strings.Repeat("*a"+old+", ", 9), ", ") + "]\n")
	}
	return b.String()
}()
