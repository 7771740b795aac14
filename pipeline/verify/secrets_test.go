package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/verify"
)

const token = `to"ken/with spaces&more`

// leaky tells everything it was told.
func leaky(in verify.Look) (verify.Outcome, error) {
	value, _ := in.Config["header"].(string)
	all := strings.Join([]string{
		value, url.QueryEscape(token), url.PathEscape(token), base64.StdEncoding.EncodeToString([]byte(token)),
	}, " ")
	return verify.Outcome{Value: all, Message: all, URL: "https://x/?t=" + url.QueryEscape(token), Phase: pipeline.VerificationFailed}, nil
}

func TestSecretsAreNeverRecorded(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]any{
		"in a value": leaky,
		"in an error": func(in verify.Look) (verify.Outcome, error) {
			_, err := leaky(in)
			return verify.Outcome{}, errors.Join(err, errors.New(token))
		},
		"in a panic":     func(in verify.Look) (verify.Outcome, error) { panic(in.Config["header"]) },
		"in a transient": &pipeline.TransientError{Err: errors.New("sent " + token)},
		"while it waits": func(in verify.Look) (verify.Outcome, error) {
			o, _ := leaky(in)
			o.Wait = &verify.Wait{}
			return o, nil
		},
		"that is asked for": func(in verify.Look) (verify.Outcome, error) { return leaky(in) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := one(metric("m", func(m *pipeline.Metric) { m.Provider.Config = map[string]any{"header": "Bearer {{ args.token }}"} }))
			v.Args = []pipeline.AnalysisArg{{Name: "token", Secret: "TOKEN"}}
			w := newWorld(t, v)
			w.secrets["TOKEN"] = token
			s := &script{steps: []any{step}}
			w.runner.Providers["m"] = s
			w.advance()
			if s.looks[0].Config["header"] != "Bearer "+token {
				t.Errorf("the provider got %v", s.looks[0].Config)
			}
			raw, err := json.Marshal(w.run)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{token, `to\"ken`, url.QueryEscape(token), url.PathEscape(token), base64.StdEncoding.EncodeToString([]byte(token)), "with spaces"} {
				if strings.Contains(string(raw), form) {
					t.Errorf("%s is in %s", form, raw)
				}
			}
			if !strings.Contains(string(raw), "***") {
				t.Errorf("nothing is masked in %s", raw)
			}
		})
	}
}

func TestMissingSecretIsAnErrorThatMayMend(t *testing.T) {
	t.Parallel()
	v := one(metric("m", func(m *pipeline.Metric) { m.Provider.Config = map[string]any{"x": "{{args.token}}"} }))
	v.Args = []pipeline.AnalysisArg{{Name: "token", Secret: "TOKEN"}}
	w := newWorld(t, v)
	w.runner.Providers["m"] = phases("S")
	w.advance()
	if m := w.metric(0); m.Error != 1 || m.Message != "x: secret TOKEN: there is no such secret" {
		t.Errorf("%+v", m)
	}
	w.secrets["TOKEN"] = "here"
	w.finish()
	if w.run.Phase != pipeline.VerificationSuccessful {
		t.Errorf("%s: %s", w.run.Phase, w.run.Message)
	}
}

func TestValuesBringNoTemplatesOfTheirOwn(t *testing.T) {
	t.Parallel()
	v := one(metric("m", func(m *pipeline.Metric) {
		m.Provider.Config = map[string]any{
			"a": "{{args.hostile}}", "b": "x ${{ vars.hostile }}", "c": []any{"sum(rate(x{y=\"{{ z }}\"}[5m]))", 3},
			"d": "${{ 1 + 1 }}", "e": map[string]any{"f": "${{ args.hostile == '' }}"}, "g": "$5 {{", "h": "${% '}}' %}",
		}
	}))
	v.Args = []pipeline.AnalysisArg{{Name: "token", Secret: "TOKEN"}, {Name: "hostile", Value: ptr("{{args.token}} {{ args.token }}")}}
	w := newWorld(t, v)
	w.secrets["TOKEN"] = "s3cret"
	w.env = expr.Env{Vars: map[string]any{"hostile": "{{args.token}}${{ 1 }}"}}
	s := phases("S")
	w.runner.Providers["m"] = s
	w.advance()
	if w.run.Phase != pipeline.VerificationSuccessful {
		t.Fatalf("%s: %s", w.run.Phase, w.run.Message)
	}
	raw, err := json.Marshal(s.looks[0].Config)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"a":"{{args.token}} {{ args.token }}","b":"x {{args.token}}${{ 1 }}","c":["sum(rate(x{y=\"{{ z }}\"}[5m]))",3],"d":2,"e":{"f":false},"g":"$5 {{","h":"}}"}`
	if string(raw) != want {
		t.Errorf("config\n%s, want\n%s", raw, want)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{args.a}}", "${{ args.a }}", "${% 1 %}", "${{", "{{ args. }}", "a {{x}} ${{ '{{args.a}}' }}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		v := one(metric("m", func(m *pipeline.Metric) {
			m.Provider.Config = map[string]any{"x": source}
			m.SuccessCondition = source
		}))
		v.Args = []pipeline.AnalysisArg{{Name: "a", Value: ptr("v")}, {Name: "s", Secret: "S"}}
		w := newWorld(t, v)
		w.secrets["S"] = "q7Zx81kkPv"
		w.runner.Providers["m"] = &script{steps: []any{func(in verify.Look) (verify.Outcome, error) {
			return verify.Outcome{Value: in.Config["x"]}, nil
		}}}
		w.advance()
		raw, err := json.Marshal(w.run)
		if err != nil {
			t.Fatal(err)
		}
		w.run.Stage = pipeline.Stage{}
		if strings.Contains(string(raw), "q7Zx81kkPv") && !strings.Contains(source, "q7Zx81kkPv") {
			t.Errorf("the secret is in %s", raw)
		}
	})
}
