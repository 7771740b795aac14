package kargofile

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// maxVars bounds the variables of one place. A step of a task has those of the task
// and those that are given.
const maxVars = maxItems

// vars reads a mapping, or Kargo's list of {name, value}, keeping the order:
// values may refer to earlier ones.
func (d *decoder) vars(dst *[]pipeline.Var, allow expr.Allow) reader {
	return d.variables(dst, allow, false)
}

// variables is vars where, with inputs, a variable without a value is one that has
// to be given.
func (d *decoder) variables(dst *[]pipeline.Var, allow expr.Allow, inputs bool) reader {
	return func(n *yaml.Node, path string) {
		seen := map[string]bool{}
		add := func(name string, at, value *yaml.Node, path string) {
			if err := checkVariable(name); err != nil {
				d.invalid(at, path, err)
				return
			}
			if seen[name] {
				d.problem(at, path).message("the variable %q stands twice", name).expected("one")
				return
			}
			seen[name] = true
			if inputs && (value == nil || isNull(value)) {
				*dst = append(*dst, pipeline.Var{Name: name})
				return
			}
			if isNull(value) {
				d.problem(at, path).message("the variable %q has no value", name).expected("a value")
				return
			}
			*dst = append(*dst, pipeline.Var{Name: name, Value: d.value(value, path, allow)})
		}
		if n.Kind == yaml.MappingNode {
			if count := len(n.Content) / 2; count > maxVars {
				d.problem(n, path).message("%s has %d items", last(path), count).expected("at most %d", maxVars)
				return
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				if name, ok := d.key(n.Content[i], path); ok {
					add(name, n.Content[i], n.Content[i+1], join(path, name))
				}
			}
			return
		}
		if n.Kind != yaml.SequenceNode {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a mapping, or a list of {name, value}")
			return
		}
		d.listUpTo(2*maxVars, func(n *yaml.Node, path string) {
			var name string
			found := d.object(n, path, "a variable",
				field{"name", d.text(&name)},
				field{"value", func(*yaml.Node, string) {}},
			)
			switch {
			case found == nil:
			case found["name"] == nil:
				d.missing(n, path, "a variable", "name")
			case found["value"] == nil && !inputs:
				d.missing(n, path, "a variable", "value")
			case name != "":
				add(name, found["name"], found["value"], path)
			}
		})(n, path)
	}
}
