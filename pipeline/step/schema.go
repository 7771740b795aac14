package step

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Doc is what the reference says of a step beyond the names and types of its
// fields, which are read from the config type and the output type: the json
// tag names a field, which is optional with omitempty, the doc tag describes it,
// and empty:"no" refuses a text without characters and a list without elements.
type Doc struct {
	// Summary is Markdown: what the step does, then what is worth knowing.
	Summary string
	// Example is one entry of a promotion template's steps, in YAML.
	Example string
	// Secrets says that the step may see the values of secrets: it hands them to
	// another service and shows them to nobody. See [Definition.Secrets].
	Secrets bool
}

// shape is the JSON form of a value.
type shape string

const (
	shapeAny    shape = "any"
	shapeText   shape = "string"
	shapeBool   shape = "boolean"
	shapeInt    shape = "integer"
	shapeList   shape = "list"
	shapeObject shape = "map"
	shapeOpen   shape = "map of values"
	shapeTexts  shape = "string or list of strings"
)

// schema is the form of a config or an output, derived from its Go type.
type schema struct {
	shape  shape
	elem   *schema // of a list
	fields []field // of an object
	// replaced says of fields that Kargo has given up what took their place.
	replaced map[string]string
}

type field struct {
	name, doc string
	required  bool
	nonEmpty  bool
	schema    *schema
}

// replacedFields returns what a config type says of fields that Kargo has given up.
func replacedFields[C any]() map[string]string {
	var c C
	if r, ok := any(c).(interface{ Replaced() map[string]string }); ok {
		return r.Replaced()
	}
	return nil
}

func schemaFor[T any]() *schema { return schemaOf(reflect.TypeFor[T]()) }

// schemaOf panics for types that no config should use, which any test of the
// step finds.
func schemaOf(t reflect.Type) *schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t == reflect.TypeFor[json.RawMessage]():
		return &schema{shape: shapeAny}
	case t == reflect.TypeFor[Texts]():
		return &schema{shape: shapeTexts, elem: &schema{shape: shapeText}}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &schema{shape: shapeText}
	}
	switch t.Kind() {
	case reflect.String:
		return &schema{shape: shapeText}
	case reflect.Bool:
		return &schema{shape: shapeBool}
	case reflect.Int, reflect.Int64:
		return &schema{shape: shapeInt}
	case reflect.Map:
		return &schema{shape: shapeOpen}
	case reflect.Slice:
		return &schema{shape: shapeList, elem: schemaOf(t.Elem())}
	case reflect.Struct:
		s := &schema{shape: shapeObject}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				s.fields = append(s.fields, schemaOf(f.Type).fields...)
				continue
			}
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			s.fields = append(s.fields, field{
				name: name, doc: f.Tag.Get("doc"), required: options == "", nonEmpty: f.Tag.Get("empty") == "no", schema: schemaOf(f.Type),
			})
		}
		return s
	default:
		panic(fmt.Sprintf("step config of type %s", t))
	}
}

// check reports everything in which raw differs from the schema. With
// expressions, a string that holds one passes as anything.
func (s *schema) check(raw []byte, expressions bool) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	c := checker{expressions: expressions}
	c.visit("", s, v)
	return errors.Join(c.errs...)
}

type checker struct {
	expressions bool
	errs        []error
}

func (c *checker) visit(at string, s *schema, v any) {
	if text, ok := v.(string); ok && c.expressions && hasExpression(text) {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if s.shape == shapeObject {
			c.object(at, s, v)
			return
		}
		if s.shape == shapeOpen {
			return
		}
	case []any:
		if s.shape == shapeList || s.shape == shapeTexts {
			for i, e := range v {
				c.visit(fmt.Sprintf("%s[%d]", at, i), s.elem, e)
			}
			return
		}
	case json.Number:
		if _, err := v.Int64(); s.shape == shapeInt && err == nil {
			return
		}
	case string:
		if s.shape == shapeText || s.shape == shapeTexts {
			return
		}
	case bool:
		if s.shape == shapeBool {
			return
		}
	}
	if s.shape != shapeAny {
		c.errs = append(c.errs, fmt.Errorf("%s: expected %s, got %s", orConfig(at), withArticle(string(s.shape)), found(s.shape, v)))
	}
}

func (c *checker) object(at string, s *schema, v map[string]any) {
	prefix := ""
	if at != "" {
		prefix = at + "."
	}
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
		// An expression that found nothing is null, which is as good as absent.
		value := v[f.name]
		if f.nonEmpty && isEmpty(value) {
			c.errs = append(c.errs, fmt.Errorf("%s%s must not be empty", prefix, f.name))
		} else if value != nil {
			c.visit(prefix+f.name, f.schema, value)
		} else if _, present := v[f.name]; f.required && (!present || f.schema.shape != shapeAny) {
			c.errs = append(c.errs, fmt.Errorf("%s%s is required", prefix, f.name))
		}
	}
	var unknown []string
	for name := range v {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		msg := fmt.Sprintf("unknown field %q", prefix+name)
		if instead := s.replaced[name]; instead != "" {
			msg = fmt.Sprintf("field %q %s", prefix+name, instead)
		} else if hint := didYouMean(name, names); hint != "" {
			msg += " (" + hint + ")"
		}
		c.errs = append(c.errs, errors.New(msg))
	}
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

func didYouMean(got string, valid []string) string {
	if best := pipeline.DidYouMean(got, valid); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

func orConfig(at string) string {
	if at == "" {
		return "config"
	}
	return at
}

// found names what stands where want was expected, with the remedy for the
// usual surprise: an evaluated expression turned into a number.
func found(want shape, v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a string"
	case bool, json.Number:
		kind := "a boolean"
		if n, ok := v.(json.Number); ok {
			kind = "the number " + n.String()
		}
		if want == shapeText {
			kind += "; wrap the expression in quote() to keep it a string"
		}
		return kind
	case []any:
		return "a list"
	default:
		return "a map"
	}
}

func withArticle(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
