package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// template fills text with arguments and expressions. What it fills in is never
// looked at again, so that no value can bring an argument or expression of its own.
type template struct {
	// arg returns the value of an argument.
	arg func(name string) (string, error)
	// eval returns the value of one ${{ }} or ${% %} expression, delimiters included.
	eval func(expression string) (any, error)
}

// argument matches {{ args.NAME }}, the form of Argo Rollouts' templates.
var argument = regexp.MustCompile(`^\{\{\s*args\.([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*\}\}`)

// fill returns text with all of its {{ args.NAME }} and expressions replaced. Any
// other text in double braces stays as it is: queries have their own uses for it. A
// text that is one expression and nothing else gives that expression's value.
func (t template) fill(text string) (any, error) {
	var out strings.Builder
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "${")
		if at < 0 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:at])
		rest = rest[at:]
		if closing, ok := expressionEnd(rest); ok {
			if closing < 0 {
				return nil, fmt.Errorf("unclosed expression in %q", shorten(text, maxQuote))
			}
			value, err := t.eval(rest[:closing])
			if err != nil {
				return nil, err
			}
			if closing == len(text) {
				return value, nil
			}
			written, err := written(value)
			if err != nil {
				return nil, err
			}
			out.WriteString(written)
			rest = rest[closing:]
			continue
		}
		if m := argument.FindStringSubmatch(rest); m != nil {
			value, err := t.arg(m[1])
			if err != nil {
				return nil, err
			}
			out.WriteString(value)
			rest = rest[len(m[0]):]
			continue
		}
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	return out.String(), nil
}

// expressionEnd reports whether text begins with an expression, and where that ends;
// -1 when it does not.
func expressionEnd(text string) (end int, ok bool) {
	for _, d := range [...][2]string{{"${{", "}}"}, {"${%", "%}"}} {
		if inner, found := strings.CutPrefix(text, d[0]); found {
			if i := strings.Index(inner, d[1]); i >= 0 {
				return len(d[0]) + i + len(d[1]), true
			}
			return -1, true
		}
	}
	return 0, false
}

func written(value any) (string, error) {
	if s, ok := value.(string); ok {
		return s, nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("an expression's value: %w", err)
	}
	return string(data), nil
}

// fillAny fills every string of a document; keys are left alone.
func (t template) fillAny(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return t.fill(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			value, err := t.fillAny(v[key])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out[key] = value
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			value, err := t.fillAny(item)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", strconv.Itoa(i), err)
			}
			out[i] = value
		}
		return out, nil
	}
	return v, nil
}

// maxQuote bounds what messages quote.
const maxQuote = 80

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "..."
}
