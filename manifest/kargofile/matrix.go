package kargofile

import (
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxCloned bounds the values of all Stages that matrices stand for, and
// maxClonedSize their bytes.
const (
	maxCloned     = 500_000
	maxClonedSize = 8 << 20
)

// axis is one key of a matrix and its values.
type axis struct {
	name   string
	values []*yaml.Node
}

// Values become part of names, paths and expressions, where quotes and braces
// would need care.
var matrixForm = regexp.MustCompile(`^[A-Za-z0-9 _./:@+=,-]{1,100}$`)

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
	if !d.mayClone(n, at, count) {
		d.problem(at, join(path, "matrix")).message("the matrices stand for more than %d values or %d bytes", maxCloned, maxClonedSize).
			expected("fewer or smaller Stages")
		return nil
	}
	d.matrixNames(n, path, axes)
	before = len(d.problems)
	d.inMatrix = true
	defer func() { d.inMatrix = false }()
	stages := make([]*stage, 0, count)
	for i := range count {
		c := combination{d: d, values: map[string]*yaml.Node{}}
		rest := i
		for j := len(axes) - 1; j >= 0; j-- {
			c.values[axes[j].name] = axes[j].values[rest%len(axes[j].values)]
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
			for _, r := range d.matrixReferences(n.Value) {
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

// mayClone reports whether a Stage may be there so often.
func (d *decoder) mayClone(stage, matrix *yaml.Node, count int) bool {
	nodes, size := measure(stage)
	without, withoutSize := measure(matrix)
	d.cloned += count * (nodes - without)
	d.clonedSize += count * (size - withoutSize)
	return d.cloned <= maxCloned && d.clonedSize <= maxClonedSize
}

func measure(n *yaml.Node) (nodes, size int) {
	nodes, size = 1, len(n.Value)
	for _, c := range n.Content {
		more, longer := measure(c)
		nodes, size = nodes+more, size+longer
	}
	return nodes, size
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
	for _, r := range d.matrixReferences(n.Value) {
		d.invalid(n, path, &invalid{message: "there is no matrix here", expected: "matrix in a Stage that has one", offset: r.at})
	}
}
