package kargocrd

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// rule says what becomes of one field. at is the field's path in the resource.
type rule func(r *resource, out *mapping, key, value *yaml.Node, at string)

// keep carries the field over as it is.
func keep(_ *resource, out *mapping, key, value *yaml.Node, _ string) { out.set(key.Value, value) }

// rename carries the field over under another name.
func rename(name string) rule {
	return func(_ *resource, out *mapping, _, value *yaml.Node, _ string) { out.set(name, value) }
}

// lost names the field as lost.
func lost(reason string) rule {
	return func(r *resource, _ *mapping, key, _ *yaml.Node, at string) { r.lose(key, at, "%s", reason) }
}

// object carries over a nested object by its own rules.
func object(fields func() map[string]rule) rule {
	return func(r *resource, out *mapping, key, value *yaml.Node, at string) {
		if nested := r.fields(value, at, fields()); len(nested.node.Content) > 0 {
			out.set(key.Value, nested.node)
		}
	}
}

// list carries over a list whose items are objects with rules of their own.
func list(name string, fields func() map[string]rule) rule {
	return func(r *resource, out *mapping, _, value *yaml.Node, at string) {
		if items := r.items(value, at, fields()); len(items.Content) > 0 {
			out.set(name, items)
		}
	}
}

// fields applies rules to an object. A field without a rule is lost.
func (r *resource) fields(n *yaml.Node, at string, rules map[string]rule) *mapping {
	out := newMapping()
	if n.Kind != yaml.MappingNode {
		if n.ShortTag() != "!!null" {
			r.lose(n, at, "an object was expected here")
		}
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		apply, ok := rules[key.Value]
		if !ok {
			apply = lost("the field is not known in any release of Kargo that this reads")
		}
		apply(r, out, key, value, join(at, key.Value))
	}
	return out
}

func (r *resource) items(n *yaml.Node, at string, rules map[string]rule) *yaml.Node {
	out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i, item := range n.Content {
		out.Content = append(out.Content, r.fields(item, index(at, i), rules).node)
	}
	return out
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func index(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

// mapping is a YAML mapping under construction.
type mapping struct{ node *yaml.Node }

func newMapping() *mapping { return &mapping{&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}} }

func (m *mapping) set(key string, value *yaml.Node) {
	if m.get(key) == nil {
		m.node.Content = append(m.node.Content, text(key), value)
	}
}

func (m *mapping) get(key string) *yaml.Node { return child(m.node, key) }

// remove takes a key out.
func (m *mapping) remove(key string) {
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == key {
			m.node.Content = append(m.node.Content[:i:i], m.node.Content[i+2:]...)
			return
		}
	}
}

// child returns the value of a key, nil when there is none.
func child(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		var found *yaml.Node
		if n != nil && n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == key {
					found = n.Content[i+1]
				}
			}
		}
		n = found
	}
	return n
}

// value returns the text of a scalar at a path, empty for none.
func scalar(n *yaml.Node, path ...string) string {
	if v := child(n, path...); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
		return v.Value
	}
	return ""
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func texts(values ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, v := range values {
		n.Content = append(n.Content, text(v))
	}
	return n
}
