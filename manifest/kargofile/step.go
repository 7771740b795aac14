package kargofile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// kargoSteps are the steps of Kargo, to tell one that is missing here from a slip.
var kargoSteps = []string{
	"argocd-update", "argocd-wait", "jfrog-evidence", "snow-create", "snow-delete", "snow-query-for-records",
	"snow-update", "snow-wait-for-condition", "tf-apply", "tf-output", "tf-plan", "ytt", "compose-output", "copy", "delete", "fail", "file-write", "git-clear",
	"git-clone", "git-commit", "git-merge-pr", "git-open-pr", "git-push", "git-tag", "git-wait-for-pr",
	"github-push", "hcl-update", "helm-template", "helm-update-chart", "http", "http-download", "json-parse",
	"json-update", "kustomize-build", "kustomize-set-image", "oci-download", "oci-push", "set-freight-alias",
	"set-metadata", "tar", "toml-parse", "toml-update", "untar", "yaml-merge", "yaml-parse", "yaml-update",
}

const maxErrorThreshold = 1000

// stepItem is one item of a list of steps: a step, or a reference to a task.
type stepItem struct {
	pipeline.StepSpec
	// at is where the alias stands, or the step that has none.
	at ref
	// task is where the name of a task of this file stands, nil for everything else.
	task *ref
}

// stepList is what a list of steps knows of itself while it is read.
type stepList struct {
	// aliases holds where those stand that are taken.
	aliases map[string]*yaml.Node
	// number counts from 1.
	number int
	// inflated lists have steps of tasks in them, as in canonical form, and so aliases
	// of the reserved form that do not match their place.
	inflated bool
}

func (d *decoder) stepList(n *yaml.Node) *stepList {
	l := &stepList{aliases: map[string]*yaml.Node{}}
	for _, item := range n.Content {
		if _, as := child(item, "as"); as != nil && strings.Contains(as.Value, inTask) {
			l.inflated = true
		}
	}
	return l
}

func (l *stepList) checkAlias(s string) error {
	if !l.inflated {
		return checkAlias(s)
	}
	outer, inner, both := strings.Cut(s, inTask)
	if aliasForm.MatchString(outer) && (!both || aliasForm.MatchString(inner)) {
		return nil
	}
	return checkAlias(s)
}

// step reads the next item of a list of steps.
func (d *decoder) step(n *yaml.Node, path string, l *stepList) stepItem {
	l.number++
	s := stepItem{at: ref{node: n, path: path}}
	d.inStep = l.number
	defer func() { d.inStep = 0 }()
	var uses, name ref
	var config, vars *yaml.Node
	var configPath string
	found := d.object(n, path, "a step",
		field{"uses", func(n *yaml.Node, path string) {
			d.text(&s.Uses)(n, path)
			uses = ref{s.Uses, n, path}
		}},
		field{"task", func(n *yaml.Node, path string) { name = d.taskName(n, path) }},
		field{"as", d.text(&s.As, l.checkAlias)},
		field{"if", d.condition(&s.If)},
		field{"continueOnError", d.boolean(&s.ContinueOnError)},
		field{"retry", d.retry(&s.Retry)},
		field{"vars", func(n *yaml.Node, _ string) { vars = n }},
		field{"taskVars", d.vars(&s.TaskVars, stepAllow)},
		field{"config", func(n *yaml.Node, path string) {
			if n.Kind != yaml.MappingNode {
				d.problem(n, path).message("config is %s", describe(n)).expected("a mapping")
				return
			}
			config, configPath = n, path
			if c, ok := d.value(n, path, expr.AllowAll).(map[string]any); ok && len(c) > 0 {
				s.Config = c
			}
		}},
	)
	if found == nil {
		return s
	}
	if at := found["taskVars"]; at != nil && !strings.Contains(s.As, inTask) {
		d.problem(at, join(path, "taskVars")).message("taskVars is for steps that a task stands for, whose alias is task::step").expected("vars")
	}
	if found["task"] != nil {
		d.taskReference(&s, found, n, path, name, vars)
	} else if vars != nil {
		d.vars(&s.Vars, stepAllow)(vars, join(path, "vars"))
	}
	if at := found["as"]; at != nil {
		s.at = ref{node: at, path: join(path, "as")}
	}
	d.alias(&s, l, found["task"] != nil)
	d.messageTarget(s.Uses, ref{node: config, path: configPath})
	switch {
	case found["task"] != nil:
	case found["uses"] == nil:
		d.problem(n, path).message("a step has neither uses nor task").expected("one of them")
	case s.Uses != "" && d.knownStep(uses) && (config != nil || found["config"] == nil):
		d.stepConfig(s.StepSpec, config, ref{node: n, path: path})
	}
	return s
}

// alias completes the alias of a step and refuses one that is taken.
func (d *decoder) alias(s *stepItem, l *stepList, isTask bool) {
	if s.As == "" {
		kind := "step"
		if isTask {
			kind = "task"
		}
		s.As = fmt.Sprintf("%s-%d", kind, l.number)
	}
	if first, twice := l.aliases[s.As]; twice {
		d.problem(s.at.node, s.at.path).message("a second step with the alias %s, first on line %d", quoted(s.As), first.Line).expected("another alias")
		return
	}
	l.aliases[s.As] = s.at.node
}

func (d *decoder) condition(dst *string) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind == yaml.ScalarNode && !expr.HasExpression(n.Value) {
			d.problem(n, path).message("if is not an expression: %s", quoted(n.Value)).expected("${{ ... }}").
				suggest("${{ " + cut(n.Value) + " }}")
			return
		}
		d.templated(dst, stepAllow|expr.AllowStatus)(n, path)
	}
}

func (d *decoder) retry(dst *pipeline.Retry) reader {
	return func(n *yaml.Node, path string) {
		d.object(n, path, "retry",
			field{"timeout", d.duration(&dst.Timeout, 0)},
			field{"errorThreshold", d.integer(&dst.ErrorThreshold, 0, maxErrorThreshold)},
		)
	}
}

func (d *decoder) knownStep(uses ref) bool {
	if d.opts.Steps == nil {
		return true
	}
	if d.stepNames == nil {
		d.stepNames = d.opts.Steps.Names()
	}
	names := d.stepNames
	if slices.Contains(names, uses.name) {
		return true
	}
	if slices.Contains(kargoSteps, uses.name) {
		if uses.name == "ytt" {
			d.problem(uses.node, uses.path).message("the step ytt is not available in this version: its library is not part of it").
				expected("gha-dispatch-workflow and a workflow that runs ytt, or kustomize-build or helm-template")
			return false
		}
		d.unavailable(uses.node, uses.path, "the step "+uses.name)
		return false
	}
	d.problem(uses.node, uses.path).message("unknown step %s", quoted(uses.name)).
		expected("one of %s", strings.Join(names, ", ")).suggest(pipeline.DidYouMean(cut(uses.name), names))
	return false
}

// stepConfig asks about the configuration of a step, which stands at a node, nil for
// one that has none or was generated from shorthand at the node of owner.
func (d *decoder) stepConfig(s pipeline.StepSpec, config *yaml.Node, owner ref) {
	if d.opts.Steps == nil {
		return
	}
	for _, err := range unjoin(d.checkConfig(s, config == nil)) {
		at, path := owner.node, owner.path
		if config != nil {
			at, path = d.blamed(config, join(owner.path, "config"), err.Error())
		}
		d.problem(at, path).message("%s: %s", s.Uses, cutMessage(err.Error()))
	}
}

// checkConfig asks once about the same configuration if it was generated, as most
// steps of most Stages are the same.
func (d *decoder) checkConfig(s pipeline.StepSpec, generated bool) error {
	if !generated {
		return d.opts.Steps.CheckConfig(s.Uses, s.Config)
	}
	key := fmt.Sprintf("%s %#v", s.Uses, s.Config)
	fault, known := d.configs[key]
	if !known {
		fault = d.opts.Steps.CheckConfig(s.Uses, s.Config)
		d.configs[key] = fault
	}
	return fault
}

var (
	unknownForm = regexp.MustCompile(`^unknown field "([^"]+)"`)
	blamedForm  = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9_.\[\]-]*)(:| is )`)
	partForm    = regexp.MustCompile(`\[\d+\]|[^.\[\]]+`)
)

// blamed returns the deepest node of a configuration on the path that a message
// begins with, as [StepChecker] describes; the key where a field is unknown.
func (d *decoder) blamed(config *yaml.Node, path, message string) (*yaml.Node, string) {
	unknown := unknownForm.FindStringSubmatch(message)
	m := unknown
	if m == nil {
		m = blamedForm.FindStringSubmatch(message)
	}
	if m == nil {
		return config, path
	}
	at := config
	for _, part := range partForm.FindAllString(m[1], -1) {
		key, value := child(at, part)
		if value == nil {
			break
		}
		at = value
		if strings.HasPrefix(part, "[") {
			path += part
		} else {
			path = join(path, part)
		}
		if unknown != nil && strings.HasSuffix(unknown[1], part) {
			at = key
		}
	}
	return at, path
}

// child returns what a node holds under a key or "[index]".
func child(n *yaml.Node, part string) (key, value *yaml.Node) {
	if index, ok := strings.CutPrefix(part, "["); ok {
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if n.Kind != yaml.SequenceNode || err != nil || i >= len(n.Content) {
			return nil, nil
		}
		return n.Content[i], n.Content[i]
	}
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == part {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}
