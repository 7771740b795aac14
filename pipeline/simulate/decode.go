package simulate

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// Bounds on one scenario file, counting every use of an alias.
const (
	maxSize  = 1 << 20
	maxNodes = 100_000
	maxDepth = 64
)

// Place is where something stands in the file. A struct that embeds it is told.
type Place struct {
	line, column, end int
	path              string
}

// decodes is a type that reads its own form.
type decodes interface {
	decode(d *decoder, n *yaml.Node, path string)
}

// decoder reads a document strictly into Go values, whose fields name their keys
// in a tag, and collects what is wrong with it.
type decoder struct {
	problems kargofile.Problems
	left     int
}

func (d *decoder) problem(n *yaml.Node, path, expected, format string, args ...any) {
	d.at(placeOf(n, path), expected, format, args...)
}

func (d *decoder) at(p Place, expected, format string, args ...any) {
	d.problems = append(d.problems, kargofile.Problem{
		Line: max(1, p.line), Column: max(1, p.column), EndColumn: max(2, p.end),
		Severity: kargofile.Error, Path: p.path, Message: fmt.Sprintf(format, args...), Expected: expected,
	})
}

func (d *decoder) suggest(got string, valid []string) {
	d.problems[len(d.problems)-1].Suggestion = pipeline.DidYouMean(got, valid)
}

func placeOf(n *yaml.Node, path string) Place {
	width := 1
	if n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, "\n") {
		width = max(1, utf8.RuneCountInString(n.Value))
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			width += 2
		}
	}
	return Place{line: n.Line, column: n.Column, end: n.Column + width, path: path}
}

// decode reads a node into v, a pointer.
func (d *decoder) decode(n *yaml.Node, v any, path string) {
	d.value(n, reflect.ValueOf(v).Elem(), path, 0)
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) {
	if d.left--; d.left < 0 || depth > maxDepth {
		if d.left >= -1 || depth == maxDepth+1 {
			d.problem(n, path, "a smaller scenario", "the scenario is too large or nested too deeply")
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		d.value(n.Alias, v, path, depth+1)
		return
	}
	if own, ok := v.Addr().Interface().(decodes); ok {
		own.decode(d, n, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path, depth+1)
	case reflect.Struct:
		d.object(n, v, path, depth)
	case reflect.Map:
		d.dictionary(n, v, path, depth)
	case reflect.Slice:
		d.list(n, v, path, depth)
	case reflect.String:
		if n.Kind != yaml.ScalarNode || isNull(n) {
			d.problem(n, path, "a string", "%s is %s", last(path), describe(n))
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		var b bool
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
			d.problem(n, path, "true or false", "%s is %s", last(path), describe(n))
			return
		}
		v.SetBool(b)
	case reflect.Int:
		var i int
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&i) != nil || i < 0 {
			d.problem(n, path, "a whole number", "%s is %s", last(path), describe(n))
			return
		}
		v.SetInt(int64(i))
	case reflect.Interface:
		var a any
		if err := n.Decode(&a); err != nil {
			d.problem(n, path, "a value", "%s cannot be read: %s", last(path), err)
			return
		}
		if a != nil {
			v.Set(reflect.ValueOf(a))
		}
	default:
		panic("simulate: no reader for " + v.Type().String())
	}
}

// object reads a mapping into a struct.
func (d *decoder) object(n *yaml.Node, v reflect.Value, path string, depth int) {
	fields := map[string]reflect.Value{}
	var names []string
	d.fields(n, v, path, fields, &names)
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "a mapping with "+strings.Join(names, ", "), "%s is %s", last(path), describe(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		field, ok := fields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !ok:
			d.problem(key, at, "one of "+strings.Join(names, ", "), "unknown field %q", cut(key.Value))
			d.suggest(cut(key.Value), names)
			continue
		case seen[key.Value] > 0:
			d.problem(key, at, "one", "%q stands twice, first on line %d", key.Value, seen[key.Value])
			continue
		case isNull(item):
			d.problem(key, at, "a value, or no such field at all", "%q has no value", key.Value)
			continue
		}
		seen[key.Value] = key.Line
		d.value(item, field, at, depth+1)
	}
}

// fields collects the keys of a struct and of those embedded in it.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, path string, fields map[string]reflect.Value, names *[]string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch name := f.Tag.Get("yaml"); {
		case f.Type == reflect.TypeFor[Place]():
			v.Field(i).Set(reflect.ValueOf(placeOf(n, path)))
		case f.Anonymous && name == "":
			d.fields(n, v.Field(i), path, fields, names)
		case name != "":
			fields[name] = v.Field(i)
			*names = append(*names, name)
		}
	}
}

func (d *decoder) dictionary(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "a mapping", "%s is %s", last(path), describe(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if key.Kind != yaml.ScalarNode || key.Value == "" {
			d.problem(key, at, "a name", "a key is %s", describe(key))
			continue
		}
		k := reflect.ValueOf(key.Value)
		if v.MapIndex(k).IsValid() {
			d.problem(key, at, "one", "%q stands twice", cut(key.Value))
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(item, e, at, depth+1)
		v.SetMapIndex(k, e)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, path, "a list", "%s is %s", last(path), describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
}
