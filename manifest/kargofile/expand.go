package kargofile

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Expand prints a file in canonical form: no shorthand, every default that matters
// spelled out. Parsing the result with the same [Options] gives an equal File, as long
// as it is not larger than a file may be: the canonical form has wider bounds.
func Expand(f File) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(fileNode(f)); err != nil {
		return nil, fmt.Errorf("print the canonical form: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("print the canonical form: %w", err)
	}
	return b.Bytes(), nil
}

// object builds a mapping in the order in which keys are set.
type object struct{ node *yaml.Node }

func newObject() object { return object{&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}} }

func (o object) set(key string, value *yaml.Node) {
	if value != nil {
		o.node.Content = append(o.node.Content, textNode(key), value)
	}
}

func (o object) text(key, value string) {
	if value != "" {
		o.set(key, textNode(value))
	}
}

func (o object) texts(key string, values []string) {
	if len(values) > 0 {
		o.set(key, listNode(values, textNode))
	}
}

func (o object) flag(key string, value bool) {
	if value {
		o.set(key, valueNode(value))
	}
}

func (o object) duration(key string, value pipeline.Duration) {
	if value != 0 {
		o.text(key, shortDuration(time.Duration(value)))
	}
}

// orNil returns nil for an object without keys, which set leaves out.
func (o object) orNil() *yaml.Node {
	if len(o.node.Content) == 0 {
		return nil
	}
	return o.node
}

func listNode[T any](items []T, node func(T) *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, item := range items {
		n.Content = append(n.Content, node(item))
	}
	return n
}

func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !plainLines(s) || oldBool.MatchString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// oldBool is what readers of older YAML take for a bool.
var oldBool = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$`)

// plainLines reports whether a literal block keeps the text exactly.
func plainLines(s string) bool {
	for i, r := range s {
		switch {
		case r == '\n':
			if i == 0 || s[i-1] == ' ' {
				return false
			}
		case hidden(r), r == 0xFEFF, r == ' ' && (i == 0 || i == len(s)-1):
			return false
		}
	}
	return true
}

// valueNode prints what value reads.
func valueNode(v any) *yaml.Node {
	switch v := v.(type) {
	case string:
		return textNode(v)
	case map[string]any:
		o := newObject()
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			o.set(k, valueNode(v[k]))
		}
		return o.node
	case []any:
		return listNode(v, valueNode)
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(v)}
	case float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(v, 'g', -1, 64)}
	}
	// The decoder makes nothing else.
	return textNode(fmt.Sprint(v))
}
