package kargofile

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// mention is a template of a Stage or a task, whose names are looked up once
// everything is known.
type mention struct {
	node *yaml.Node
	path string
	// One of stage and task is set.
	stage *stage
	task  *task
	// step is the number of the step that it belongs to, 0 for none.
	step int
}

// maxMentions bounds for how many templates names are looked up, which only warns.
const maxMentions = 20_000

// mentions warns of names in expressions that stand for nothing: at run time they
// would be nil, which an expression may want, but hardly ever does.
func (g *graph) mentions(d *decoder) {
	for _, m := range d.mentions[:min(len(d.mentions), maxMentions)] {
		if m.stage != nil && g.stages[m.stage.Name] != m.stage {
			continue
		}
		refs, err := expr.References(m.node.Value)
		if err != nil {
			continue // reported when it was read
		}
		for _, r := range refs {
			if e := g.ambiguous(m, r); e != nil {
				e.offset = r.Offset
				d.invalid(m.node, m.path, e)
				continue
			}
			if e := g.unknown(d, m, r); e != nil {
				e.offset = r.Offset
				d.invalid(m.node, m.path, e)
				d.problems[len(d.problems)-1].Severity = Warning
			}
		}
	}
}

func (g *graph) unknown(d *decoder, m mention, r expr.Reference) *invalid {
	name := r.Name()
	var known []string
	what := "no earlier step has the alias"
	switch {
	case r.Root == "task" && !r.Call:
		if !m.inTask() {
			return &invalid{message: "task exists only in the steps of a task", expected: "outputs, by alias"}
		}
		if len(r.Path) < 2 || r.Path[0] != "outputs" {
			return nil
		}
		name = r.Path[1]
		what = "no earlier step of the task has the alias"
		known = g.scopeOf(m).siblings
	case name == "":
		return nil
	case r.Root == "status" && r.Call:
		known = g.scopeOf(m).siblings
	case r.Root == "outputs" && !r.Call:
		if m.stage == nil {
			return nil // the outputs of whatever Stage uses the task
		}
		l := g.scopeOf(m)
		if slices.ContainsFunc(l.remote, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return nil
		}
		known = l.published
	case r.Root == "vars" && !r.Call && !g.alone:
		what = "there is no variable"
		known = g.scopeOf(m).variables
	case r.Call && artifactFunctions[r.Root] != nil && m.stage != nil:
		what = fmt.Sprintf("no Warehouse of Stage %q subscribes to", m.stage.Name)
		var open bool
		if known, open = g.subscribed(m.stage, r.Root); open {
			return nil
		}
	default:
		return nil
	}
	if contains(known, name) || artifactFunctions[r.Root] != nil && among(known, name, artifactFunctions[r.Root]) {
		return nil
	}
	return &invalid{message: what + " " + quoted(name), expected: oneOf(known), suggestion: d.closest(name, known)}
}

// before returns the steps before the one that a mention belongs to.
func (m mention) before() []pipeline.StepSpec {
	switch {
	case m.task != nil && m.step > 0:
		return m.task.Steps[:min(m.step-1, len(m.task.Steps))]
	case m.task != nil:
		return m.task.Steps
	case m.step > 0 && m.step <= len(m.stage.starts):
		return m.stage.Steps[:min(m.stage.starts[m.step-1], len(m.stage.Steps))]
	}
	return m.stage.Steps
}

// ownTask is the alias of the task that a step of a Stage came from, empty for none.
func (m mention) ownTask() string {
	if m.stage == nil || m.step == 0 || m.step > len(m.stage.steps) {
		return ""
	}
	outer, _, both := strings.Cut(m.stage.steps[m.step-1].As, inTask)
	if !both {
		return ""
	}
	return outer
}

func (m mention) inTask() bool { return m.task != nil || m.ownTask() != "" }
