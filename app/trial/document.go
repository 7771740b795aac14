package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// documents reads a file of YAML documents, or of one JSON document.
func documents(data []byte) ([]*yaml.Node, error) {
	if json.Valid(data) {
		// JSON may be indented by tabs and escape what YAML does not know.
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
		data = b.Bytes()
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var out []*yaml.Node
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if n.Kind == yaml.DocumentNode && len(n.Content) == 1 && n.Content[0].Tag != "!!null" {
			out = append(out, n.Content[0])
		}
	}
}

// plain is the value of a node as it would come from JSON: keys are strings, and so
// are dates.
func plain(n *yaml.Node) (any, error) {
	datesAsText(n, map[*yaml.Node]bool{})
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return textKeys(v), nil
}

func datesAsText(n *yaml.Node, seen map[*yaml.Node]bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	datesAsText(n.Alias, seen)
	for _, c := range n.Content {
		datesAsText(c, seen)
	}
}

func textKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[fmt.Sprint(key)] = textKeys(item)
		}
		return out
	case map[string]any:
		for key, item := range v {
			v[key] = textKeys(item)
		}
	case []any:
		for i, item := range v {
			v[i] = textKeys(item)
		}
	}
	return v
}

// fields are those of a mapping that may have no others.
type fields map[string]func(n *yaml.Node) error

// read reads a mapping; at says where it stands.
func (f fields) read(n *yaml.Node, at string) error {
	n = deref(n)
	if n.Kind != yaml.MappingNode {
		return faultAt(n, at, "expected a mapping, got %s", kindOf(n))
	}
	var errs []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], deref(n.Content[i+1])
		take, ok := f[key.Value]
		switch {
		case !ok:
			errs = append(errs, f.unknown(key, at))
		case take == nil || value.Tag == "!!null":
		default:
			errs = append(errs, take(value))
		}
	}
	return errors.Join(errs...)
}

func (f fields) unknown(key *yaml.Node, at string) error {
	var names []string
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	if hint := pipeline.DidYouMean(key.Value, names); hint != "" {
		return faultAt(key, at, "unknown field %q (did you mean %q?)", key.Value, hint)
	}
	return faultAt(key, at, "unknown field %q; fields: %s", key.Value, strings.Join(names, ", "))
}

func faultAt(n *yaml.Node, at, format string, args ...any) error {
	if at != "" {
		at += ": "
	}
	return fmt.Errorf("line %d: %s%w", n.Line, at, fmt.Errorf(format, args...))
}

// into decodes a scalar or a list of them.
func into(dst any, at string) func(n *yaml.Node) error {
	return func(n *yaml.Node) error {
		if err := n.Decode(dst); err != nil {
			return faultAt(n, at, "expected %s, got %s", wanted(dst), kindOf(n))
		}
		return nil
	}
}

func wanted(dst any) string {
	switch dst.(type) {
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	default:
		return "a string"
	}
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("%q", n.Value)
	}
}

func deref(n *yaml.Node) *yaml.Node {
	for range 10 {
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	return n
}

// member returns what a mapping holds under a key, nil for nothing.
func member(n *yaml.Node, key string) *yaml.Node {
	if n = deref(n); n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return deref(n.Content[i+1])
		}
	}
	return nil
}
