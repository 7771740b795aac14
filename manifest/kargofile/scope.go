package kargofile

import (
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// scope is what names mean for the templates of one step, which all come one after the
// other.
type scope struct {
	stage *stage
	task  *task
	step  int

	// siblings are the aliases of the earlier steps of the same task, or outside of
	// tasks where the step is.
	siblings []string
	// published are the names under which earlier steps have outputs, remote the
	// beginnings of further ones, from tasks of other repositories.
	published, remote []string
	// variables are the names that vars may have somewhere in the Stage; in a task
	// those of all Stages, as any may use it.
	variables []string
}

// scopeOf returns the scope of a mention.
func (g *graph) scopeOf(m mention) *scope {
	if l := g.last; l != nil && l.stage == m.stage && l.task == m.task && l.step == m.step {
		return l
	}
	l := &scope{stage: m.stage, task: m.task, step: m.step}
	own := m.ownTask()
	tasks := map[string]bool{}
	for _, s := range m.before() {
		outer, inner, both := strings.Cut(s.As, inTask)
		switch {
		case both && outer == own:
			l.siblings = append(l.siblings, inner)
		case !both && own == "":
			l.siblings = append(l.siblings, s.As)
		}
		l.published = append(l.published, s.As)
		if both && s.Uses == "compose-output" && !tasks[outer] {
			tasks[outer] = true
			l.published = append(l.published, outer)
		}
		if s.Task != "" {
			l.remote = append(l.remote, s.As+inTask)
		}
	}
	l.variables = g.variables(m)
	g.last = l
	return l
}

// variables returns the names for a scope.
func (g *graph) variables(m mention) []string {
	var names []string
	add := func(vars []pipeline.Var) {
		for _, v := range vars {
			names = append(names, v.Name)
		}
	}
	add(g.doc.vars)
	if m.task == nil {
		add(m.stage.Vars)
		add(m.stage.TemplateVars)
		for _, step := range m.stage.Steps {
			add(step.TaskVars)
			add(step.Vars)
		}
		return names
	}
	add(m.task.Vars)
	for _, s := range m.task.Steps {
		add(s.Vars)
	}
	if g.stageVars == nil {
		seen := map[string]bool{}
		for _, s := range g.doc.stages {
			for _, v := range slices.Concat(s.Vars, s.TemplateVars) {
				if !seen[v.Name] {
					seen[v.Name] = true
					g.stageVars = append(g.stageVars, v.Name)
				}
			}
		}
	}
	return append(names, g.stageVars...)
}
