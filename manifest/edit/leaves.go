package edit

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format is a kind of file in which values can be read and set by key. The zero
// value is none.
type Format struct {
	name string
	set  func(src []byte, updates []Update) ([]byte, []Change, error)
	// walk visits what stands under a key.
	walk func(src []byte, key string) ([]Leaf, error)
}

// FormatOf returns the kind of a file by its name: .yaml and .yml, .json, .toml, and
// .tf, .tfvars and .hcl. ok is false for any other.
func FormatOf(name string) (f Format, ok bool) {
	switch path.Ext(name) {
	case ".yaml", ".yml":
		return Format{name: "YAML", set: SetYAML, walk: yamlLeaves}, true
	case ".json":
		return Format{name: "JSON", set: SetJSON, walk: jsonFormat().leaves}, true
	case ".toml":
		return Format{name: "TOML", set: SetTOML, walk: tomlFormat().leaves}, true
	case ".tf", ".tfvars", ".hcl":
		return Format{name: "HCL", set: SetHCL, walk: hclFormat().leaves}, true
	}
	return Format{}, false
}

// String is the name of the format.
func (f Format) String() string { return f.name }

// Creates reports whether Set makes keys that are missing.
func (f Format) Creates() bool { return f.name == "JSON" }

// Set is the Set function of the format.
func (f Format) Set(src []byte, updates []Update) (out []byte, changes []Change, err error) {
	return f.set(src, updates)
}

// Leaf is one scalar under a key.
type Leaf struct {
	// Key is relative to the key that was asked for, in the syntax of Update.Key;
	// empty for the value itself.
	Key string
	// Value can be handed to Set of any format as far as that can hold it.
	Value any
}

// MaxLeaves bounds how many scalars Leaves returns.
const MaxLeaves = 1000

// Leaves returns the scalars under a key in the order of the file: one for a key that
// holds a scalar, and all of a map or a list, in which empty ones are not seen. What is no
// plain value, such as a date or an expression, is an ErrTarget, because writing it again
// would make something else of it.
func (f Format) Leaves(src []byte, key string) ([]Leaf, error) {
	return f.walk(src, key)
}

// JoinKeys puts a relative key of a Leaf behind another key.
func JoinKeys(key, relative string) string {
	if relative == "" {
		return key
	}
	return key + "." + relative
}

// gatherer collects leaves within bounds.
type gatherer struct {
	found []Leaf
	// seen counts everything that was visited: aliases make much of little.
	seen int
}

// maxVisited bounds how much is looked at under one key.
const maxVisited = 10 * MaxLeaves

// visit takes note of something, and of a scalar if it is one. The error says what is
// wrong with it.
func (g *gatherer) visit() error {
	if g.seen++; g.seen > maxVisited || len(g.found) > MaxLeaves {
		return fmt.Errorf("more than %d values stand there", MaxLeaves)
	}
	return nil
}

var (
	errNotPlain = errors.New("it is no string, number, bool or null, so it cannot be set elsewhere by itself")
	errNoKey    = errors.New("not every name in it can be written as a key")
	errTwice    = errors.New("a name in it stands more than once")
)

// member is the key of a named member.
func (g *gatherer) member(at, name string) (string, error) {
	if name == "" || hidden(name) || strings.Contains(name, `\`) || strings.TrimSpace(name) != name {
		return "", errNoKey
	}
	text := joinKey(name)
	if _, index := (segment{name: name}).index(); index {
		text = ":" + text
	}
	return strings.TrimPrefix(at+"."+text, "."), nil
}

// element is the key of an element of a list.
func (g *gatherer) element(at string, i int) string {
	return strings.TrimPrefix(at+"."+strconv.Itoa(i), ".")
}

func yamlLeaves(src []byte, key string) ([]Leaf, error) {
	segments, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	s, err := parseSource(src)
	if err != nil {
		return nil, err
	}
	at, err := s.lookup(key, segments, true)
	if err != nil {
		return nil, err
	}
	var g gatherer
	if n, err := g.yaml(at[len(at)-1], ""); err != nil {
		return nil, fail(n, key, ErrTarget, "%s", err)
	}
	return g.found, nil
}

// yaml gathers what stands in a node. With an error it returns the node that is at
// fault.
func (g *gatherer) yaml(n *yaml.Node, at string) (*yaml.Node, error) {
	if err := g.visit(); err != nil {
		return n, err
	}
	switch n.Kind {
	case yaml.AliasNode:
		return g.yaml(n.Alias, at)
	case yaml.SequenceNode:
		for i, c := range n.Content {
			if fault, err := g.yaml(c, g.element(at, i)); err != nil {
				return fault, err
			}
		}
	case yaml.MappingNode:
		twice := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			name, err := g.member(at, k.Value)
			if twice[name] {
				return k, errTwice
			}
			twice[name] = true
			if err != nil || k.Kind != yaml.ScalarNode || k.ShortTag() == "!!merge" {
				return k, errNoKey
			}
			if fault, err := g.yaml(n.Content[i+1], name); err != nil {
				return fault, err
			}
		}
	default:
		v, err := scalarValue(n)
		if err == nil {
			v, err = normalizeYAML(v)
		}
		if err != nil || !holds(n, v) {
			return n, errNotPlain
		}
		g.found = append(g.found, Leaf{at, v})
	}
	return n, nil
}

// leaves is Leaves for the formats that share a tree.
func (f format) leaves(src []byte, key string) ([]Leaf, error) {
	segments, err := f.key(key)
	if err != nil {
		return nil, err
	}
	d, err := f.open(src)
	if err != nil {
		return nil, err
	}
	n, err := d.lookup(key, segments)
	if err != nil {
		return nil, err
	}
	var g gatherer
	if fault, err := g.node(n, ""); err != nil {
		return nil, d.fail(fault, key, ErrTarget, "%s", err)
	}
	return g.found, nil
}

// node is yaml for the other formats.
func (g *gatherer) node(n *node, at string) (*node, error) {
	if err := g.visit(); err != nil {
		return n, err
	}
	if n.kind == scalar {
		v, err := normalize(n.plain())
		if _, isOpaque := n.value.(opaque); isOpaque || err != nil {
			return n, errNotPlain
		}
		g.found = append(g.found, Leaf{at, v})
		return n, nil
	}
	twice := map[string]bool{}
	for i, c := range n.items {
		key, err := g.element(at, i), error(nil)
		if n.kind == table {
			key, err = g.member(at, n.names[i])
		}
		switch {
		case err != nil:
			return c, err
		case twice[key]:
			return c, errTwice
		}
		twice[key] = true
		if fault, err := g.node(c, key); err != nil {
			return fault, err
		}
	}
	return n, nil
}
