package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// How a body is read.
const (
	contentJSON = "JSON"
	contentYAML = "YAML"
	contentText = "text"
)

// verdict is what the expressions say of an answer.
type verdict struct {
	succeeded, failed bool
	// byDefault means that no expression has a say.
	byDefault bool
	// message is what errorExpression says of a failure.
	message string
	outputs map[string]any
}

// Foresee compiles the expressions.
func (c HTTPConfig) Foresee() error {
	var errs []error
	check := func(field, expression string) {
		if expression == "" {
			return
		}
		if err := expr.CheckBare(expression); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
	}
	check("successExpression", c.SuccessExpression)
	check("failureExpression", c.FailureExpression)
	check("errorExpression", c.ErrorExpression)
	for i, o := range c.Outputs {
		check(fmt.Sprintf("outputs[%d].fromExpression", i), o.FromExpression)
	}
	return errors.Join(errs...)
}

// judge evaluates the expressions over an answer.
func (c HTTPConfig) judge(a webAnswer) (verdict, error) {
	body, err := readBody(a, c.ResponseContentType)
	if err != nil {
		return verdict{}, err
	}
	env := expr.Env{Extra: map[string]any{"response": map[string]any{
		"status": a.status, "headers": plainHeaders(a.header), "header": a.header.Get, "body": body,
	}}}
	v := verdict{byDefault: c.SuccessExpression == "" && c.FailureExpression == ""}
	if v.byDefault {
		v.succeeded = a.ok()
	}
	for _, e := range []struct {
		field, expression string
		dst               *bool
	}{
		{"failureExpression", c.FailureExpression, &v.failed},
		{"successExpression", c.SuccessExpression, &v.succeeded},
	} {
		if e.expression == "" {
			continue
		}
		value, err := expr.EvaluateBare(e.expression, env)
		if err != nil {
			return v, fmt.Errorf("%s: %w", e.field, err)
		}
		yes, ok := value.(bool)
		if !ok {
			return v, fmt.Errorf("%s gives %v, which is neither true nor false", e.field, value)
		}
		*e.dst = yes
	}
	switch {
	case v.failed:
		v.message = c.failure(env)
	case v.succeeded:
		v.outputs, err = c.keep(env)
	}
	return v, err
}

// failure is what errorExpression says; that it says nothing does not undo a failure.
func (c HTTPConfig) failure(env expr.Env) string {
	if c.ErrorExpression == "" {
		return ""
	}
	value, err := expr.EvaluateBare(c.ErrorExpression, env)
	if err != nil {
		return fmt.Sprintf("(errorExpression: %s)", err)
	}
	text, ok := value.(string)
	if !ok {
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprintf("(errorExpression: %s)", err)
		}
		text = string(data)
	}
	return strings.ToValidUTF8(text[:min(len(text), maxErrorMessage)], "")
}

// keep evaluates the outputs.
func (c HTTPConfig) keep(env expr.Env) (map[string]any, error) {
	if len(c.Outputs) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(c.Outputs))
	for _, o := range c.Outputs {
		value, err := expr.EvaluateBare(o.FromExpression, env)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", o.Name, err)
		}
		out[o.Name] = value
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	if len(data) > maxHTTPOutputs {
		return nil, &PermanentError{fmt.Errorf("outputs of %d bytes are more than the %d that are kept", len(data), maxHTTPOutputs)}
	}
	return out, nil
}

// readBody gives the value of a body. Without a content type that says otherwise it is
// JSON if it can be, else text.
func readBody(a webAnswer, as string) (any, error) {
	if len(a.body) == 0 {
		return map[string]any{}, nil
	}
	guessed := as == ""
	if guessed {
		as = contentOf(a.header)
	}
	var v any
	var err error
	switch as {
	case contentText:
		return strings.ToValidUTF8(string(a.body), "\ufffd"), nil
	case contentYAML:
		v, err = readYAML(a.body)
	case contentJSON:
		err = json.Unmarshal(a.body, &v)
	default:
		if json.Unmarshal(a.body, &v) != nil {
			return strings.ToValidUTF8(string(a.body), "\ufffd"), nil //nolint:nilerr // then it is text
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the body is not the %s that it should be: %w", as, err)
	}
	return v, nil
}

// readYAML gives a document the form that it would have as JSON.
func readYAML(data []byte) (any, error) {
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(stringKeys(v))
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(raw, &out)
}

func stringKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[fmt.Sprint(key)] = stringKeys(item)
		}
		return out
	case map[string]any:
		for key, item := range v {
			v[key] = stringKeys(item)
		}
	case []any:
		for i, item := range v {
			v[i] = stringKeys(item)
		}
	}
	return v
}

func contentOf(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return contentJSON
	case strings.HasSuffix(kind, "/yaml"), strings.HasSuffix(kind, "/x-yaml"), strings.HasSuffix(kind, "+yaml"):
		return contentYAML
	case kind == "text/plain":
		return "" // what servers say that do not know
	case strings.HasPrefix(kind, "text/"):
		return contentText
	}
	return ""
}

// plainHeaders are the headers in the form that expressions index.
func plainHeaders(h http.Header) map[string]any {
	out := make(map[string]any, len(h))
	for name, values := range h {
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		out[name] = list
	}
	return out
}
