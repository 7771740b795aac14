package trial

import (
	"errors"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// Steps are the steps that are tried, and the variables that stand beside them.
type Steps struct {
	Vars  []pipeline.Var
	Steps []pipeline.StepSpec
}

var (
	entryKeys     = []string{"uses", "task", "as", "if", "continueOnError", "retry", "vars", "config"}
	reservedAlias = regexp.MustCompile(`^(step|task)-\d+$`)
	aliasForm     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
)

// ParseConfig reads a file that holds what stands under config, or one whole entry
// of a list of steps. Uses names the step when the file does not; nothing that is in
// a config is evaluated or checked, which is for the step to do.
func ParseConfig(data []byte, uses string) (Steps, error) {
	docs, err := documents(data)
	if err != nil {
		return Steps{}, err
	}
	spec := pipeline.StepSpec{Uses: uses, As: "step-1"}
	switch {
	case len(docs) == 0:
	case len(docs) > 1:
		return Steps{}, errors.New("expected one document; a list of steps is for --steps")
	case isEntry(docs[0]):
		var tasked string
		if spec, tasked, err = readStep(docs[0], "", 1); err != nil {
			return Steps{}, err
		}
		switch {
		case tasked != "":
			return Steps{}, errors.New("a task is a list of steps: give it as --steps")
		case spec.Uses == "":
			spec.Uses = uses
		case uses != "" && uses != spec.Uses:
			return Steps{}, fmt.Errorf("the entry uses %s, not %s", spec.Uses, uses)
		}
	default:
		if spec.Config, err = config(docs[0], ""); err != nil {
			return Steps{}, err
		}
	}
	if spec.Uses == "" {
		return Steps{}, errors.New("neither --uses nor the file says which step to run")
	}
	return Steps{Steps: []pipeline.StepSpec{spec}}, nil
}

// isEntry tells an entry of a list of steps from what stands under its config. No
// step has a config of these fields alone.
func isEntry(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		known := false
		for _, key := range entryKeys {
			known = known || key == n.Content[i].Value
		}
		if !known {
			return false
		}
	}
	inner := member(n, "config")
	uses := member(n, "uses")
	return (inner != nil && inner.Kind == yaml.MappingNode) || (uses != nil && uses.Kind == yaml.ScalarNode)
}

// readStep reads the entry that stands at place number of its list. The name of a
// task that it refers to is returned as such.
func readStep(n *yaml.Node, at string, number int) (s pipeline.StepSpec, task string, err error) {
	place := func(field string) string {
		if at == "" {
			return field
		}
		return at + "." + field
	}
	var vars []pipeline.Var
	err = fields{
		"uses": into(&s.Uses, place("uses")),
		"task": func(n *yaml.Node) error {
			if n.Kind == yaml.MappingNode {
				return fields{"name": into(&task, place("task.name")), "kind": nil}.read(n, place("task"))
			}
			return into(&task, place("task"))(n)
		},
		"as":              into(&s.As, place("as")),
		"if":              into(&s.If, place("if")),
		"continueOnError": into(&s.ContinueOnError, place("continueOnError")),
		"retry": func(n *yaml.Node) error {
			return fields{
				"timeout":        func(n *yaml.Node) error { return duration(&s.Retry.Timeout, n, place("retry.timeout")) },
				"errorThreshold": into(&s.Retry.ErrorThreshold, place("retry.errorThreshold")),
			}.read(n, place("retry"))
		},
		"vars": func(n *yaml.Node) (err error) { vars, err = readVars(n, place("vars"), false); return err },
		"config": func(n *yaml.Node) (err error) {
			s.Config, err = config(n, place("config"))
			return err
		},
	}.read(n, at)
	if err != nil {
		return s, task, err
	}
	kind := "step"
	if task != "" {
		kind = "task"
		s.TaskVars = vars
	} else {
		s.Vars = vars
	}
	byDefault := fmt.Sprintf("%s-%d", kind, number)
	switch {
	case s.Uses == "" && task == "" && at != "":
		return s, task, faultAt(n, at, "a step has neither uses nor task")
	case s.Uses != "" && task != "":
		return s, task, faultAt(n, at, "give only one of uses and task")
	case s.As == "":
		s.As = byDefault
	case reservedAlias.MatchString(s.As) && s.As != byDefault:
		return s, task, faultAt(n, place("as"), "the alias %q is reserved for steps without one", s.As)
	case !aliasForm.MatchString(s.As):
		return s, task, faultAt(n, place("as"), "%q is not an alias; letters, digits, dashes and underscores are", s.As)
	}
	return s, task, nil
}

func duration(dst *pipeline.Duration, n *yaml.Node, at string) error {
	if n.Kind != yaml.ScalarNode || dst.UnmarshalText([]byte(n.Value)) != nil {
		return faultAt(n, at, "expected a duration such as 30s or 5m, got %s", kindOf(n))
	}
	return nil
}

func config(n *yaml.Node, at string) (map[string]any, error) {
	v, err := plain(n)
	if err != nil {
		return nil, faultAt(n, at, "%w", err)
	}
	c, ok := v.(map[string]any)
	if !ok {
		return nil, faultAt(n, at, "expected a mapping, got %s", kindOf(n))
	}
	return c, nil
}

// readVars reads a mapping, or Kargo's list of {name, value}. Inputs may lack a
// value.
func readVars(n *yaml.Node, at string, inputs bool) ([]pipeline.Var, error) {
	var out []pipeline.Var
	add := func(name string, value *yaml.Node, n *yaml.Node) error {
		v := pipeline.Var{Name: name}
		if name == "" {
			return faultAt(n, at, "a variable needs a name")
		}
		if value == nil && !inputs {
			return faultAt(n, at, "the variable %q has no value", name)
		}
		if value != nil {
			var err error
			if v.Value, err = plain(value); err != nil {
				return faultAt(n, at, "%w", err)
			}
		}
		out = append(out, v)
		return nil
	}
	switch n = deref(n); n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if err := add(n.Content[i].Value, n.Content[i+1], n.Content[i]); err != nil {
				return nil, err
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			var name string
			err := fields{"name": into(&name, at), "value": nil}.read(item, fmt.Sprintf("%s[%d]", at, i))
			if err == nil {
				err = add(name, member(item, "value"), item)
			}
			if err != nil {
				return nil, err
			}
		}
	default:
		return nil, faultAt(n, at, "expected a mapping or a list of {name, value}, got %s", kindOf(n))
	}
	return out, nil
}

// inflate puts the steps of tasks in place of the references to them.
func inflate(items []item, tasks map[string]kargofile.Task, outer []pipeline.Var) ([]pipeline.StepSpec, error) {
	var out []pipeline.StepSpec
	taken := map[string]bool{}
	for _, it := range items {
		if taken[it.spec.As] {
			return nil, faultAt(it.node, it.at, "a second step with the alias %q", it.spec.As)
		}
		taken[it.spec.As] = true
		if it.task == "" {
			out = append(out, it.spec)
			continue
		}
		t, ok := tasks[it.task]
		if !ok {
			return nil, faultAt(it.node, it.at, "there is no task %q in the file; put it under tasks, or in a document of its own", it.task)
		}
		steps, err := kargofile.Inflate(it.spec, t, outer...)
		if err != nil {
			return nil, faultAt(it.node, it.at, "%w", err)
		}
		out = append(out, steps...)
	}
	return out, nil
}
