package kargofile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Bounds on the steps of one Stage and of all, for which a few tasks can stand.
const (
	maxSteps    = 1000
	maxAllSteps = 100_000
)

// inTask separates the alias of a task's reference from that of its step.
const inTask = "::"

// Inflate returns the steps of a task in place of a step that refers to it: with
// the aliases "task::step", and with TaskVars that are the defaults of the task
// followed by the vars of the reference. Outer are the vars that the Promotion has
// anyhow, of the pipeline, the Stage and the template; they take the place of the
// defaults of the same name, as in Kargo. The error names the variables that the
// task needs and nobody gives.
func Inflate(step pipeline.StepSpec, t Task, outer ...pipeline.Var) ([]pipeline.StepSpec, error) {
	steps, missing := inflate(step, t, func(name string) bool { return given(outer, name) })
	if len(missing) > 0 {
		return nil, fmt.Errorf("step %s: the task needs a value for %s", step.As, strings.Join(missing, " and "))
	}
	return steps, nil
}

func inflate(step pipeline.StepSpec, t Task, outer func(name string) bool) (steps []pipeline.StepSpec, missing []string) {
	var vars []pipeline.Var
	for _, v := range t.Vars {
		switch {
		case given(step.TaskVars, v.Name), outer(v.Name):
		case empty(v.Value):
			missing = append(missing, v.Name)
		default:
			vars = append(vars, v)
		}
	}
	for _, v := range step.TaskVars {
		if !empty(v.Value) {
			vars = append(vars, v)
		}
	}
	steps = slices.Clone(t.Steps)
	for i := range steps {
		steps[i].As = step.As + inTask + steps[i].As
		steps[i].TaskVars = vars
	}
	return steps, missing
}

// given reports whether a variable has a value.
func given(vars []pipeline.Var, name string) bool {
	return slices.ContainsFunc(vars, func(v pipeline.Var) bool { return v.Name == name && !empty(v.Value) })
}

// empty reports whether a value counts as none, as in Kargo.
func empty(v any) bool { return v == nil || v == "" }

// inflate gives a Stage its steps, with those of tasks in place of their references.
func (g *graph) inflate(d *decoder, s *stage) {
	if g.stages[s.Name] != s || g.steps > maxAllSteps {
		return
	}
	outer := func(name string) bool {
		return given(g.doc.vars, name) || given(s.Vars, name) || given(s.TemplateVars, name)
	}
	var tasks []stepItem
	for _, item := range s.steps {
		s.starts = append(s.starts, len(s.Steps))
		if item.task == nil {
			s.Steps = append(s.Steps, item.StepSpec)
			continue
		}
		if item.task.name == "" {
			continue
		}
		t := g.tasks[item.task.name]
		if t == nil {
			d.problem(item.task.node, item.task.path).message("there is no task %s", quoted(item.task.name)).
				expected("%s", oneOf(g.taskNames)).suggest(d.closest(item.task.name, g.taskNames))
			continue
		}
		g.checkGiven(d, item, t)
		steps, missing := inflate(item.StepSpec, t.Task, outer)
		if len(missing) > 0 && !t.broken {
			d.problem(item.task.node, item.task.path).message("the task %q needs a value for %s", t.Name, strings.Join(missing, " and ")).
				expected("it in the vars of the step")
		}
		s.Steps = append(s.Steps, steps...)
		tasks = append(tasks, item)
		if len(s.Steps) > maxSteps {
			d.problem(item.task.node, item.task.path).message("Stage %q has more than %d steps, counting those of tasks", s.Name, maxSteps).expected("fewer")
			break
		}
	}
	s.starts = append(s.starts, len(s.Steps))
	s.distinct(d, tasks)
	if g.steps += len(s.Steps); g.steps > maxAllSteps {
		d.problem(s.node, s.path).message("the Stages have more than %d steps", maxAllSteps).expected("fewer")
		s.Steps = nil
	}
}

// distinct refuses a reference to a task whose steps have the alias of another step.
func (s *stage) distinct(d *decoder, tasks []stepItem) {
	count := map[string]int{}
	for _, step := range s.Steps {
		count[step.As]++
	}
	if len(count) == len(s.Steps) {
		return
	}
	for _, item := range tasks {
		for _, step := range s.Steps {
			if strings.HasPrefix(step.As, item.As+inTask) && count[step.As] > 1 {
				d.problem(item.at.node, item.at.path).message("the task has a step with the alias %s, and so has the Stage", quoted(step.As)).
					expected("another alias")
				break
			}
		}
	}
}

// checkGiven warns of vars that the task does not have.
func (g *graph) checkGiven(d *decoder, item stepItem, t *task) {
	if t.broken {
		return
	}
	names := make([]string, len(t.Vars))
	for i, v := range t.Vars {
		names[i] = v.Name
	}
	for _, v := range item.TaskVars {
		if !slices.Contains(names, v.Name) {
			d.problem(item.task.node, item.task.path).warning().message("the task %q has no variable %q", t.Name, v.Name).
				expected("%s", oneOf(names)).suggest(d.closest(v.Name, names))
		}
	}
}
