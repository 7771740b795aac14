package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

var errNotJSON = errors.New("not JSON")

// Evaluate evaluates every expression in template and returns the typed result.
//
// A template without delimiters is returned unchanged, as a string. Otherwise each
// expression is replaced by its value (a string as it is, anything else as JSON, so
// nil is null) and the whole text is coerced, in this order:
//
//   - text in double quotes: a string, without the quotes (what quote() is for)
//   - a float: float64, or int64 for integers beyond 2^53
//   - a bool in any spelling of strconv.ParseBool, so also t, T, f and F
//   - other JSON: nil, map[string]any, []any
//   - anything else: a string
//
// So an image tag 1.20 becomes the number 1.2 unless it is quoted. Names that env does
// not have are nil; a member of nil is an error unless written ?.name.
//
// Faults are returned as [*Error].
func Evaluate(template string, env Env) (any, error) {
	if !HasExpression(template) {
		return template, nil
	}
	r, err := newRunner(env)
	if err != nil {
		return nil, err
	}
	return r.evaluate(template)
}

func (r *runner) evaluate(template string) (any, error) {
	if !HasExpression(template) {
		return template, nil
	}
	parts, err := split(template)
	if err != nil {
		return nil, err
	}
	r.budget = budget{}
	var text strings.Builder
	for _, p := range parts {
		if !p.expression {
			text.WriteString(p.source)
			continue
		}
		value, err := r.run(p)
		if err != nil {
			return nil, err
		}
		rendered, err := r.render(value)
		if err != nil {
			return nil, p.fault(0, err)
		}
		text.WriteString(rendered)
	}
	return coerce(text.String()), nil
}

// EvaluateAny evaluates every string in v, which is made of map[string]any, []any and
// scalars as a decoded document is, and returns a copy with the results in place. Keys are
// not templates. Errors name the place ("images[0].tag: ...") and wrap [*Error].
func EvaluateAny(v any, env Env) (any, error) {
	r, err := newRunner(env)
	if err != nil {
		return nil, err
	}
	return r.evaluateAny(v)
}

func (r *runner) evaluateAny(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return r.evaluate(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			value, err := r.evaluateAny(v[key])
			if err != nil {
				return nil, within("."+key, err)
			}
			out[key] = value
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			value, err := r.evaluateAny(item)
			if err != nil {
				return nil, within("["+strconv.Itoa(i)+"]", err)
			}
			out[i] = value
		}
		return out, nil
	}
	return v, nil
}

// placeError carries the path to the string that did not evaluate.
type placeError struct {
	path string
	err  error
}

func (e *placeError) Error() string {
	return strings.TrimPrefix(e.path, ".") + ": " + e.err.Error()
}

func (e *placeError) Unwrap() error { return e.err }

func within(step string, err error) error {
	if inner, ok := err.(*placeError); ok { //nolint:errorlint // extends the path of this very error, not of a wrapped one
		return &placeError{path: step + inner.path, err: inner.err}
	}
	return &placeError{path: step, err: err}
}

// Bool evaluates the condition of a step. The result must be a bool: text without
// delimiters, such as true, is an error, and so is an empty template (callers
// decide what that means).
func Bool(template string, env Env) (bool, error) {
	value, err := Evaluate(template, env)
	if err != nil {
		return false, err
	}
	b, ok := value.(bool)
	switch {
	case ok:
		return b, nil
	case !HasExpression(template):
		return false, &Error{Message: fmt.Sprintf("condition %q is plain text: write ${{ %s }}", shorten(template), shorten(template))}
	default:
		return false, &Error{Message: fmt.Sprintf("condition %q gives %s, not a bool", shorten(template), describe(value))}
	}
}

// EvaluateBare evaluates an expression that stands without delimiters, as Freight
// creation criteria and commit filters do, and returns its value as it is: no coercion.
func EvaluateBare(expression string, env Env) (any, error) {
	p, err := bare(expression)
	if err != nil {
		return nil, err
	}
	r, err := newRunner(env)
	if err != nil {
		return nil, err
	}
	return r.run(p)
}

// BoolBare is EvaluateBare for criteria and filters. A result that is not a bool is
// read as strconv.ParseBool reads its text, as Kargo does.
func BoolBare(expression string, env Env) (bool, error) {
	value, err := EvaluateBare(expression, env)
	if err != nil {
		return false, err
	}
	if b, ok := value.(bool); ok {
		return b, nil
	}
	b, err := strconv.ParseBool(fmt.Sprint(value))
	if err != nil {
		return false, &Error{Expression: strings.TrimSpace(expression), Message: fmt.Sprintf("gives %s, not a bool", describe(value))}
	}
	return b, nil
}

func bare(expression string) (part, error) {
	if len(expression) > maxExpression {
		return part{}, &Error{Message: fmt.Sprintf("expression of %d bytes is longer than %d", len(expression), maxExpression)}
	}
	return part{source: expression, expression: true}, nil
}

// render is the text that stands in a template for a value. JSON is escaped as
// encoding/json does by default, <, > and & included, because Kargo's is.
func (r *runner) render(value any) (string, error) {
	if s, ok := value.(string); ok {
		return s, r.budget.charge(len(s))
	}
	if err := r.budget.weigh(value); err != nil {
		return "", err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("the result has no JSON form: %w", err)
	}
	return string(data), nil
}

func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the string %q", shorten(v))
	case float64, int, int64:
		return fmt.Sprintf("the number %v", v)
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	default:
		return fmt.Sprintf("a %T", value)
	}
}
