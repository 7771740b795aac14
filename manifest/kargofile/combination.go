package kargofile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

var (
	numberForm = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,15})?$`)
	// memberForm is how an expression names an axis.
	memberForm = regexp.MustCompile(`^matrix\s*(\??\.\s*[A-Za-z_][A-Za-z0-9_]*|\[\s*("[^"]*"|'[^']*')\s*\])`)
)

// combination is one value for every axis.
type combination struct {
	d      *decoder
	values map[string]*yaml.Node
}

// matrixReference is one place of a template that names an axis.
type matrixReference struct {
	name string
	// at and end are in bytes; end is 0 where no axis is named.
	at, end int
}

// matrixReferences finds them. It remembers what it found, as all combinations ask
// about the same templates.
func (d *decoder) matrixReferences(template string) []matrixReference {
	if !strings.Contains(template, "matrix") || !expr.HasExpression(template) {
		return nil
	}
	found, known := d.matrices[template]
	if !known {
		found = matrixReferences(template)
		d.matrices[template] = found
	}
	return found
}

func matrixReferences(template string) []matrixReference {
	refs, err := expr.References(template)
	if err != nil {
		return nil // reported when it is read
	}
	var found []matrixReference
	for _, r := range refs {
		if r.Root != "matrix" || r.Call {
			continue
		}
		m := matrixReference{name: r.Name(), at: r.Offset}
		if form := memberForm.FindString(template[r.Offset:]); form != "" {
			m.end = r.Offset + len(form)
		}
		found = append(found, m)
	}
	return found
}

// stage returns what a Stage with a matrix is for one combination.
func (c combination) stage(n *yaml.Node, axes []axis) *yaml.Node {
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Value == "matrix":
			continue
		case key.Value == "name" && value.Kind == yaml.ScalarNode && len(c.d.matrixReferences(value.Value)) == 0:
			named := *value
			for _, a := range axes {
				named.Value += "-" + c.values[a.name].Value
			}
			value = &named
		default:
			value = c.fill(value, key.Value)
		}
		out.Content = append(out.Content, key, value)
	}
	return &out
}

// fill returns a copy of a node with the values of the combination in its strings.
func (c combination) fill(n *yaml.Node, key string) *yaml.Node {
	out := *n
	if n.Kind == yaml.ScalarNode {
		c.scalar(&out, key)
		return &out
	}
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		if n.Kind != yaml.MappingNode {
			out.Content[i] = c.fill(item, "")
		} else if i%2 == 1 {
			out.Content[i] = c.fill(item, n.Content[i-1].Value)
		} else {
			out.Content[i] = item
		}
	}
	return &out
}

// scalar fills a string. An expression that is an axis and nothing else becomes its
// value as text; a string that is such an expression, the value itself.
func (c combination) scalar(n *yaml.Node, key string) {
	refs := c.d.matrixReferences(n.Value)
	for _, r := range slices.Backward(refs) {
		value := c.values[r.name]
		if value == nil || r.end == 0 {
			continue
		}
		from, to, alone := enclosing(n.Value, r.at, r.end)
		switch {
		// A condition is an expression even if it is a constant.
		case !alone || key == "if":
			n.Value = n.Value[:r.at] + literal(value) + n.Value[r.end:]
		case from == 0 && to == len(n.Value):
			n.Value, n.Tag, n.Style = value.Value, value.Tag, value.Style
		default:
			n.Value = n.Value[:from] + value.Value + n.Value[to:]
		}
	}
}

// enclosing returns the bounds of the expression around a reference, delimiters
// included, and whether there is nothing else in it.
func enclosing(s string, at, end int) (from, to int, alone bool) {
	before := strings.TrimRight(s[:at], " \t\n")
	after := strings.TrimLeft(s[end:], " \t\n")
	for _, d := range [][2]string{{"${{", "}}"}, {"${%", "%}"}} {
		if strings.HasSuffix(before, d[0]) && strings.HasPrefix(after, d[1]) {
			return len(before) - len(d[0]), len(s) - len(after) + len(d[1]), true
		}
	}
	return 0, 0, false
}

// literal writes a value in an expression.
func literal(n *yaml.Node) string {
	switch tag := n.ShortTag(); {
	case tag == "!!bool":
		return strings.ToLower(n.Value)
	case (tag == "!!int" || tag == "!!float") && numberForm.MatchString(n.Value):
		return n.Value
	}
	return strconv.Quote(n.Value)
}
