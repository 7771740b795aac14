package kargofile

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var remoteForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})//([^@]+)@(.+)$`)

// checkTask admits the name of a task of this file, or the place of one of another
// repository.
func checkTask(s string) error {
	if !strings.ContainsAny(s, "/@") {
		return checkLabel(s)
	}
	const form = "the name of a task, or org/repo//path@ref"
	m := remoteForm.FindStringSubmatch(s)
	if m == nil {
		return &invalid{message: fmt.Sprintf("%s is not the place of a task", quoted(s)), expected: form}
	}
	for _, err := range []error{checkPath(m[2]), checkBranch(m[3])} {
		if err != nil {
			e := asInvalid(err)
			return &invalid{message: e.message, expected: form}
		}
	}
	return nil
}

func isRemote(name string) bool { return strings.Contains(name, "/") }

// collectTasks indexes the tasks by name and refuses names that stand twice.
func (g *graph) collectTasks(d *decoder) {
	g.tasks = map[string]*task{}
	for _, t := range g.doc.tasks {
		switch first := g.tasks[t.Name]; {
		case t.Name == "":
		case first != nil:
			d.problem(t.ref.node, t.ref.path).message("a second task named %q, first on line %d", t.Name, first.ref.node.Line).expected("another name")
		default:
			g.tasks[t.Name] = t
			g.taskNames = append(g.taskNames, t.Name)
		}
	}
}

// taskName reads the name of a task, or Kargo's {name, kind}.
func (d *decoder) taskName(n *yaml.Node, path string) ref {
	name := ref{node: n, path: path}
	if n.Kind != yaml.MappingNode {
		d.text(&name.name, checkTask)(n, path)
		return name
	}
	found := d.object(n, path, "task",
		field{"name", func(n *yaml.Node, path string) {
			d.text(&name.name, checkTask)(n, path)
			name.node, name.path = n, path
		}},
		field{"kind", func(n *yaml.Node, path string) {
			var kind string
			enum(d, &kind, "PromotionTask", "ClusterPromotionTask")(n, path)
		}})
	if found != nil && found["name"] == nil {
		d.missing(n, path, "task", "name")
	}
	return name
}

// taskReference completes a step that stands for a task, which has an alias and vars
// and nothing else.
func (d *decoder) taskReference(s *stepItem, found map[string]*yaml.Node, n *yaml.Node, path string, name ref, vars *yaml.Node) {
	for _, f := range []string{"uses", "if", "continueOnError", "retry", "config", "taskVars"} {
		if at := found[f]; at != nil {
			d.problem(at, join(path, f)).message("a step that is a task cannot have %s", f).expected("as and vars")
		}
	}
	if d.task != nil {
		d.problem(n, path).message("a step of a task cannot be a task").expected("uses")
		s.Task = name.name
		return
	}
	if vars != nil {
		d.vars(&s.TaskVars, stepAllow)(vars, join(path, "vars"))
	}
	if isRemote(name.name) {
		s.Task = name.name
		return
	}
	s.task = &name
}
