package kargofile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// maxCloned bounds the values of all Stages that matrices stand for.
const maxCloned = 500_000

// axis is one key of a matrix and its values.
type axis struct {
	name   string
	values []*yaml.Node
}

// combination is one value for every axis.
type combination map[string]*yaml.Node

var (
	// Values become part of names, paths and expressions, where quotes and braces
	// would need care.
	matrixForm = regexp.MustCompile(`^[A-Za-z0-9 _./:@+=,-]{1,200}$`)
	numberForm = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,15})?$`)
	// memberForm is how an expression names an axis.
	memberForm = regexp.MustCompile(`^matrix\s*(\??\.\s*[A-Za-z_][A-Za-z0-9_]*|\[\s*("[^"]*"|'[^']*')\s*\])`)
)

// stagesOf reads a Stage, or all that its matrix stands for.
func (d *decoder) stagesOf(n *yaml.Node, path string, def defaults, room int) []*stage {
	_, at := child(n, "matrix")
	if at == nil || n.Kind != yaml.MappingNode {
		return []*stage{d.stage(n, path, def)}
	}
	before := len(d.problems)
	axes := d.axes(at, join(path, "matrix"))
	if d.errorsSince(before) {
		return nil
	}
	count := 1
	for _, a := range axes {
		if count *= len(a.values); count > room {
			d.problem(at, join(path, "matrix")).message("the matrix makes more than %d Stages", room).expected("at most %d Stages in a file", maxStages)
			return nil
		}
	}
	if d.cloned += count * (countNodes(n) - countNodes(at)); d.cloned > maxCloned {
		d.problem(at, join(path, "matrix")).message("the matrices stand for more than %d values", maxCloned).expected("fewer or smaller Stages")
		return nil
	}
	d.matrixNames(n, path, axes)
	before = len(d.problems)
	d.inMatrix = true
	defer func() { d.inMatrix = false }()
	stages := make([]*stage, 0, count)
	for i := range count {
		c := combination{}
		rest := i
		for j := len(axes) - 1; j >= 0; j-- {
			c[axes[j].name] = axes[j].values[rest%len(axes[j].values)]
			rest /= len(axes[j].values)
		}
		at := len(d.problems)
		faulty := d.errorsSince(before)
		s := d.stage(c.stage(n, axes), path, def)
		if faulty {
			d.problems = d.problems[:at] // those of the first combination once more
		}
		if _, name := child(n, "name"); name != nil {
			s.base = name.Value
		}
		stages = append(stages, s)
	}
	return stages
}

// axes reads a matrix.
func (d *decoder) axes(n *yaml.Node, path string) []axis {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		d.problem(n, path).message("matrix is %s", describe(n)).expected("a mapping of lists, such as {region: [us, eu]}")
		return nil
	}
	var axes []axis
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if err := checkVariable(key.Value); err != nil {
			d.invalid(key, at, err)
			continue
		}
		if slices.ContainsFunc(axes, func(a axis) bool { return a.name == key.Value }) {
			d.problem(key, at).message("%q stands twice", key.Value).expected("one")
			continue
		}
		a := axis{name: key.Value}
		d.list(func(n *yaml.Node, path string) {
			switch {
			case n.Kind != yaml.ScalarNode || isNull(n):
				d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a single value")
			case !matrixForm.MatchString(n.Value):
				d.problem(n, path).message("%s cannot be a value of a matrix", quoted(n.Value)).expected("letters, digits and ordinary punctuation")
			case slices.ContainsFunc(a.values, func(v *yaml.Node) bool { return v.Value == n.Value }):
				d.problem(n, path).message("%s stands twice", quoted(n.Value)).expected("one")
			default:
				a.values = append(a.values, n)
			}
		})(value, at)
		if value.Kind == yaml.SequenceNode && len(value.Content) == 0 {
			d.problem(value, at).message("%s is empty", key.Value).expected("at least one value")
		}
		axes = append(axes, a)
	}
	return axes
}

// matrixNames reports what the expressions of a Stage ask of its matrix and it does
// not have.
func (d *decoder) matrixNames(n *yaml.Node, path string, axes []axis) {
	names := make([]string, len(axes))
	for i, a := range axes {
		names[i] = a.name
	}
	var visit func(n *yaml.Node, path string)
	visit = func(n *yaml.Node, path string) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				visit(n.Content[i+1], join(path, n.Content[i].Value))
			}
		case yaml.SequenceNode:
			for i, c := range n.Content {
				visit(c, path+"["+strconv.Itoa(i)+"]")
			}
		case yaml.ScalarNode:
			for _, r := range matrixReferences(n.Value) {
				switch {
				case r.end == 0:
					d.invalid(n, path, &invalid{message: "matrix stands without one of its names", expected: "matrix." + names[0], offset: r.at})
				case !contains(names, r.name):
					d.invalid(n, path, &invalid{
						message: "the matrix has no " + quoted(r.name), expected: oneOf(names), suggestion: d.closest(r.name, names), offset: r.at,
					})
				}
			}
		default:
		}
	}
	visit(n, path)
}

// matrixReference is one place of a template that names an axis.
type matrixReference struct {
	name string
	// at and end are in bytes; end is 0 where no axis is named.
	at, end int
}

func matrixReferences(template string) []matrixReference {
	if !strings.Contains(template, "matrix") || !expr.HasExpression(template) {
		return nil
	}
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
		case key.Value == "name" && value.Kind == yaml.ScalarNode && len(matrixReferences(value.Value)) == 0:
			named := *value
			for _, a := range axes {
				named.Value += "-" + c[a.name].Value
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
	refs := matrixReferences(n.Value)
	for _, r := range slices.Backward(refs) {
		value := c[r.name]
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

func countNodes(n *yaml.Node) int {
	count := 1
	for _, c := range n.Content {
		count += countNodes(c)
	}
	return count
}

// matrixHint returns a glob over the Stages of a matrix whose name was taken for that
// of one of them.
func (g *graph) matrixHint(name string) string {
	if g.bases[name] {
		return name + "-*"
	}
	return ""
}

// noMatrix refuses matrix where there is none.
func (d *decoder) noMatrix(n *yaml.Node, path string) {
	if d.inMatrix {
		return // checked for all combinations at once
	}
	for _, r := range matrixReferences(n.Value) {
		d.invalid(n, path, &invalid{message: "there is no matrix here", expected: "matrix in a Stage that has one", offset: r.at})
	}
}
