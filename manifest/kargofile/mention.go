package kargofile

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// mention is a template of a Stage, whose names are looked up once everything is
// known.
type mention struct {
	node  *yaml.Node
	path  string
	stage *stage
	// step is the number of the step that it belongs to, 0 for none.
	step int
}

// mentions warns of names in expressions that stand for nothing: at run time they
// would be nil, which an expression may want, but hardly ever does.
func (g *graph) mentions(d *decoder) {
	for _, m := range d.mentions {
		if g.stages[m.stage.Name] != m.stage {
			continue
		}
		refs, err := expr.References(m.node.Value)
		if err != nil {
			continue // reported when it was read
		}
		for _, r := range refs {
			if e := g.unknown(m, r); e != nil {
				e.offset = r.Offset
				d.invalid(m.node, m.path, e)
				d.problems[len(d.problems)-1].Severity = Warning
			}
		}
	}
}

func (g *graph) unknown(m mention, r expr.Reference) *invalid {
	name := r.Name()
	var known []string
	what := ""
	switch {
	case name == "":
		return nil
	case r.Root == "outputs" && !r.Call, r.Root == "status" && r.Call:
		what = "no earlier step has the alias"
		for i, s := range m.stage.Steps {
			if m.step == 0 || i+1 < m.step {
				known = append(known, s.As)
			}
		}
	case r.Root == "vars" && !r.Call:
		what = "there is no variable"
		known = g.variables(m.stage)
	case r.Root == "imageFrom" && r.Call:
		what = fmt.Sprintf("no Warehouse of Stage %q subscribes to", m.stage.Name)
		for _, w := range g.doc.warehouses {
			if !contains(g.originsOf(m.stage.Name), w.Name) {
				continue
			}
			if w.broken {
				return nil
			}
			for _, s := range w.Subscriptions {
				if s.Image != nil {
					known = append(known, s.Image.RepoURL)
				}
			}
		}
	default:
		return nil
	}
	if contains(known, name) {
		return nil
	}
	return &invalid{
		message: what + " " + quoted(name), expected: oneOf(known), suggestion: pipeline.DidYouMean(cut(name), known),
	}
}

// variables returns the names that vars may have somewhere in a Stage.
func (g *graph) variables(s *stage) []string {
	var names []string
	add := func(vars []pipeline.Var) {
		for _, v := range vars {
			names = append(names, v.Name)
		}
	}
	add(g.doc.vars)
	add(s.Vars)
	add(s.TemplateVars)
	for _, step := range s.Steps {
		add(step.Vars)
	}
	return names
}
