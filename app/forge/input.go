package forge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// field describes one accepted key of a request body.
type field struct {
	required bool
	nullable bool
	kind     string // string, boolean, integer, array, object, any
	enum     []string
	items    string // kind of array elements
}

type fields map[string]field

var (
	text        = field{kind: "string"}
	textNull    = field{kind: "string", nullable: true}
	flag        = field{kind: "boolean"}
	integer     = field{kind: "integer"}
	jsonObject  = field{kind: "object"}
	texts       = field{kind: "array", items: "string"}
	jsonObjects = field{kind: "array", items: "object"}
)

func (f field) must() field { f.required = true; return f }

func (f field) null() field { f.nullable = true; return f }

func oneOf(values ...string) field { return field{kind: "string", enum: values} }

// input is a decoded and checked request body.
type input map[string]any

// input decodes the body and holds it against want the way GitHub's request validation does: missing, mistyped and,
// stricter than GitHub on most routes, unknown keys are a 422.
func (c *call) input(want fields) (input, error) {
	in := input{}
	if len(c.body) > 0 {
		dec := json.NewDecoder(strings.NewReader(string(c.body)))
		dec.UseNumber()
		if err := dec.Decode(&in); err != nil {
			return nil, badRequest("Problems parsing JSON")
		}
	}
	if err := want.check(in, "properties"); err != nil {
		return nil, err
	}
	return in, nil
}

func (want fields) check(in map[string]any, where string) error {
	var missing []string
	for name, f := range want {
		if _, found := in[name]; f.required && !found {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		verb := "wasn't"
		if len(missing) > 1 {
			verb = "weren't"
		}
		return unprocessable("Invalid request.\n\n%s %s supplied.", quoteList(missing), verb)
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		f, known := want[name]
		if !known {
			return unprocessable("Invalid request.\n\n%q is not a permitted key.", name)
		}
		if err := f.check(in[name], where+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

func (f field) check(v any, where string) error {
	if v == nil {
		if f.nullable || f.kind == "any" {
			return nil
		}
		return mistyped(where, "nil", f.kind)
	}
	if f.kind == "any" {
		return nil
	}
	if got := kindOf(v); got != f.kind {
		return mistyped(where, show(v), f.kind)
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, v.(string)) {
		return unprocessable("Invalid request.\n\nFor '%s', %s is not a member of [%s].", where, show(v), quoteList(f.enum))
	}
	if f.items != "" {
		for i, item := range v.([]any) {
			if kindOf(item) != f.items {
				return mistyped(fmt.Sprintf("%s/%d", where, i), show(item), f.items)
			}
		}
	}
	return nil
}

func mistyped(where, got, want string) error {
	article := "a"
	if strings.ContainsAny(want[:1], "aio") {
		article = "an"
	}
	return unprocessable("Invalid request.\n\nFor '%s', %s is not %s %s.", where, got, article, want)
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}

func show(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(raw)
}

func (in input) has(name string) bool { _, found := in[name]; return found }

func (in input) str(name string) string { v, _ := in[name].(string); return v }

func (in input) flag(name string, otherwise bool) bool {
	if v, found := in[name].(bool); found {
		return v
	}
	return otherwise
}

func (in input) int(name string) int64 {
	n, _ := in[name].(json.Number)
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}

func (in input) strings(name string) []string {
	list, _ := in[name].([]any)
	out := make([]string, 0, len(list))
	for _, v := range list {
		if s, isString := v.(string); isString {
			out = append(out, s)
		}
	}
	return out
}

func (in input) objects(name string) []input {
	list, _ := in[name].([]any)
	out := make([]input, 0, len(list))
	for _, v := range list {
		if o, isObject := v.(map[string]any); isObject {
			out = append(out, o)
		}
	}
	return out
}

func (in input) object(name string) input { o, _ := in[name].(map[string]any); return o }
