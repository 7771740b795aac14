package kargofile

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Task is a reusable list of steps, Kargo's PromotionTask. It is not changed once
// parsed.
type Task struct {
	Name string
	// Vars are its inputs with their defaults; one whose Value is nil or empty has to
	// be given.
	Vars []pipeline.Var
	// Steps all have a Uses and an As.
	Steps []pipeline.StepSpec
}

// task is a Task as decoded.
type task struct {
	Task
	ref    ref
	broken bool
}

// ParseTask reads a file that holds one task: {name, vars, steps} as under
// promotionTasks, or the manifest of Kargo's PromotionTask or ClusterPromotionTask.
// The Task is empty when there is any problem of severity [Error].
func ParseTask(data []byte, opts Options) (Task, Problems) {
	d := newDecoder(data, opts)
	root := d.load(data)
	if root == nil {
		return Task{}, d.finish()
	}
	t := &task{}
	if isManifest(root) {
		d.taskManifest(t, root)
	} else {
		d.readTask(t, root, "", "a task",
			field{"apiVersion", func(n *yaml.Node, path string) {
				var version string
				d.text(&version, checkVersion)(n, path)
			}},
			field{"name", d.name(&t.Name, &t.ref)})
	}
	(&graph{doc: &document{}, alone: true}).mentions(d)
	problems := d.finish()
	if problems.HasErrors() {
		return Task{}, problems
	}
	return t.Task, problems
}

func isManifest(root *yaml.Node) bool {
	_, kind := child(root, "kind")
	return kind != nil
}

func (d *decoder) taskManifest(t *task, root *yaml.Node) {
	ignored := func(*yaml.Node, string) {}
	found := d.object(root, "", "the manifest of a task",
		field{"apiVersion", func(n *yaml.Node, path string) {
			if s, ok := d.str(n, path); ok && !strings.HasPrefix(s, "kargo.akuity.io/") {
				d.problem(n, path).message("apiVersion cannot be %s", quoted(s)).expected("kargo.akuity.io/v1alpha1")
			}
		}},
		field{"kind", func(n *yaml.Node, path string) {
			var kind string
			enum(d, &kind, "PromotionTask", "ClusterPromotionTask")(n, path)
		}},
		field{"metadata", func(n *yaml.Node, path string) {
			if _, name := child(n, "name"); name != nil {
				d.name(&t.Name, &t.ref)(name, join(path, "name"))
			}
		}},
		field{"spec", func(n *yaml.Node, path string) { d.readTask(t, n, path, "spec") }},
		field{"status", ignored},
	)
	if found != nil && found["spec"] == nil {
		d.missing(root, "", "the manifest of a task", "spec")
	}
}

// promotionTask reads an item of promotionTasks.
func (d *decoder) promotionTask(n *yaml.Node, path string) *task {
	t := &task{}
	before := len(d.problems)
	defer func() { t.broken = d.errorsSince(before) }()
	found := d.readTask(t, n, path, "a promotion task",
		field{"name", d.name(&t.Name, &t.ref)},
		field{"spec", func(n *yaml.Node, path string) { d.readTask(t, n, path, "spec") }})
	if found != nil && found["name"] == nil {
		d.missing(n, path, "a promotion task", "name")
	}
	return t
}

// readTask reads what all forms of a task have in common.
func (d *decoder) readTask(t *task, n *yaml.Node, path, what string, fields ...field) map[string]*yaml.Node {
	outer := d.task
	d.task = t
	defer func() { d.task = outer }()
	var steps *yaml.Node
	found := d.object(n, path, what, append(fields,
		field{"vars", d.variables(&t.Vars, 0, true)},
		field{"steps", func(n *yaml.Node, path string) {
			steps = n
			l := d.stepList(n)
			d.list(func(n *yaml.Node, path string) {
				if item := d.step(n, path, l); item.task == nil && item.Task == "" {
					t.Steps = append(t.Steps, item.StepSpec)
				}
			})(n, path)
		}},
	)...)
	switch {
	case found == nil || found["spec"] != nil:
	case steps == nil:
		d.missing(n, path, what, "steps")
	case steps.Kind == yaml.SequenceNode && len(steps.Content) == 0:
		d.problem(steps, join(path, "steps")).message("steps is empty").expected("at least one step")
	}
	return found
}
