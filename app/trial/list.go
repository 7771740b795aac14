package trial

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// item is an entry of a list of steps.
type item struct {
	spec pipeline.StepSpec
	// task is the name of the task that the entry refers to, empty for a step.
	task string
	node *yaml.Node
	at   string
}

// list is what a file of steps holds.
type list struct {
	vars []pipeline.Var
	// inputs are the variables without a value.
	inputs []string
	items  []item
	tasks  map[string]kargofile.Task
}

// ParseSteps reads a file with a list of steps: the bare list, {vars, steps, tasks},
// or a manifest of Kargo that holds a promotion template (a Stage), a Promotion or a
// PromotionTask. Further documents with PromotionTasks give the tasks that the steps
// refer to. A variable that the context gives keeps the value that it has there.
func ParseSteps(data []byte, given Context) (Steps, error) {
	docs, err := documents(data)
	if err != nil {
		return Steps{}, err
	}
	l := list{tasks: map[string]kargofile.Task{}}
	var rest []*yaml.Node
	for _, doc := range docs {
		if len(docs) > 1 && isTask(doc) {
			if err := l.addTask(doc, ""); err != nil {
				return Steps{}, err
			}
			continue
		}
		rest = append(rest, doc)
	}
	switch len(rest) {
	case 0:
		return Steps{}, errors.New("the file holds no steps")
	case 1:
	default:
		return Steps{}, fmt.Errorf("line %d: a second list of steps; further documents must be PromotionTasks", rest[1].Line)
	}
	if err := l.read(rest[0], ""); err != nil {
		return Steps{}, err
	}
	if len(l.items) == 0 {
		return Steps{}, errors.New("the file holds no steps")
	}
	outer := l.vars
	for name, value := range given.env.Vars {
		outer = append(outer, pipeline.Var{Name: name, Value: value})
	}
	for _, name := range l.inputs {
		if _, ok := given.env.Vars[name]; !ok {
			return Steps{}, fmt.Errorf("the task needs a value for %s; give it in the vars of the context", name)
		}
	}
	steps, err := inflate(l.items, l.tasks, slices.Clip(outer))
	return Steps{Vars: l.vars, Steps: steps}, err
}

func isTask(doc *yaml.Node) bool {
	kind := member(doc, "kind")
	return kind != nil && strings.HasSuffix(kind.Value, "PromotionTask")
}

// read finds the steps in a document.
func (l *list) read(n *yaml.Node, at string) error {
	if n = deref(n); n.Kind == yaml.SequenceNode {
		return l.readSteps(n, orSteps(at))
	}
	below := func(key string) func(*yaml.Node) error {
		return func(n *yaml.Node) error { return l.read(n, strings.TrimPrefix(at+"."+key, ".")) }
	}
	if member(n, "spec") != nil || member(n, "promotionTemplate") != nil {
		// A manifest, of which most does not matter here.
		var errs []error
		for _, key := range []string{"vars", "spec", "promotionTemplate"} {
			if inner := member(n, key); inner != nil && inner.Tag != "!!null" {
				if key == "vars" {
					errs = append(errs, l.readVars(inner, at, false))
					continue
				}
				errs = append(errs, below(key)(inner))
			}
		}
		return errors.Join(errs...)
	}
	known := fields{
		"name":           nil,
		"vars":           func(n *yaml.Node) error { return l.readVars(n, at, true) },
		"steps":          func(n *yaml.Node) error { return l.readSteps(n, strings.TrimPrefix(at+".steps", ".")) },
		"tasks":          func(n *yaml.Node) error { return l.readTasks(n, "tasks") },
		"promotionTasks": func(n *yaml.Node) error { return l.readTasks(n, "promotionTasks") },
	}
	if at != "" { // the spec of a Promotion says more
		for _, key := range []string{"stage", "freight", "requestedFreight", "shard", "verification"} {
			known[key] = nil
		}
	}
	return known.read(n, at)
}

func orSteps(at string) string {
	if at == "" {
		return "steps"
	}
	return at
}

func (l *list) readVars(n *yaml.Node, at string, inputs bool) error {
	vars, err := readVars(n, strings.TrimPrefix(at+".vars", "."), inputs)
	for _, v := range vars {
		if v.Value == nil || v.Value == "" && inputs {
			l.inputs = append(l.inputs, v.Name)
			continue
		}
		l.vars = append(l.vars, v)
	}
	return err
}

func (l *list) readSteps(n *yaml.Node, at string) error {
	if n.Kind != yaml.SequenceNode {
		return faultAt(n, at, "expected a list, got %s", kindOf(n))
	}
	var errs []error
	for i, entry := range n.Content {
		it := item{node: deref(entry), at: fmt.Sprintf("%s[%d]", at, i)}
		var err error
		it.spec, it.task, err = readStep(it.node, it.at, i+1)
		l.items = append(l.items, it)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l *list) readTasks(n *yaml.Node, at string) error {
	if n.Kind != yaml.SequenceNode {
		return faultAt(n, at, "expected a list, got %s", kindOf(n))
	}
	for i, entry := range n.Content {
		if err := l.addTask(deref(entry), fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

// addTask reads a task: {name, vars, steps}, or Kargo's manifest.
func (l *list) addTask(n *yaml.Node, at string) error {
	var t kargofile.Task
	name, spec := member(n, "name"), n
	if meta := member(n, "metadata"); meta != nil {
		name = member(meta, "name")
	}
	if inner := member(n, "spec"); inner != nil {
		spec = inner
	}
	if name == nil || name.Value == "" {
		return faultAt(n, at, "a task needs a name")
	}
	t.Name = name.Value
	if vars := member(spec, "vars"); vars != nil {
		var err error
		if t.Vars, err = readVars(vars, at, true); err != nil {
			return err
		}
	}
	inner := list{}
	steps := member(spec, "steps")
	if steps == nil {
		return faultAt(n, at, "the task %q has no steps", t.Name)
	}
	if err := inner.readSteps(steps, strings.TrimPrefix(at+".steps", ".")); err != nil {
		return err
	}
	for _, it := range inner.items {
		if it.task != "" {
			return faultAt(it.node, it.at, "a task cannot refer to a task")
		}
		t.Steps = append(t.Steps, it.spec)
	}
	l.tasks[t.Name] = t
	return nil
}
