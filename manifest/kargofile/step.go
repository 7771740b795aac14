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
	"argocd-update", "argocd-wait", "compose-output", "copy", "delete", "fail", "file-write", "git-clear",
	"git-clone", "git-commit", "git-merge-pr", "git-open-pr", "git-push", "git-tag", "git-wait-for-pr",
	"github-push", "hcl-update", "helm-template", "helm-update-chart", "http", "http-download", "json-parse",
	"json-update", "kustomize-build", "kustomize-set-image", "oci-download", "oci-push", "set-freight-alias",
	"set-metadata", "tar", "toml-parse", "toml-update", "untar", "yaml-merge", "yaml-parse", "yaml-update",
}

const maxErrorThreshold = 1000

// step reads a step. Number counts from 1; aliases holds those taken in the same
// template.
func (d *decoder) step(n *yaml.Node, path string, number int, aliases map[string]*yaml.Node) pipeline.StepSpec {
	s := pipeline.StepSpec{As: fmt.Sprintf("step-%d", number)}
	d.inStep = number
	defer func() { d.inStep = 0 }()
	var uses ref
	var config *yaml.Node
	found := d.object(n, path, "a step", append([]field{
		{"uses", func(n *yaml.Node, path string) {
			d.text(&s.Uses)(n, path)
			uses = ref{s.Uses, n, path}
		}},
		{"as", func(n *yaml.Node, path string) {
			d.text(&s.As, checkAlias)(n, path)
			if first, twice := aliases[s.As]; twice {
				d.problem(n, path).message("a second step with the alias %s, first on line %d", quoted(s.As), first.Line).
					expected("another alias")
				return
			}
			aliases[s.As] = n
		}},
		{"if", d.condition(&s.If)},
		{"continueOnError", d.boolean(&s.ContinueOnError)},
		{"retry", d.retry(&s.Retry)},
		{"vars", d.vars(&s.Vars, stepAllow)},
		{"config", func(n *yaml.Node, path string) {
			if n.Kind != yaml.MappingNode {
				d.problem(n, path).message("config is %s", describe(n)).expected("a mapping")
				return
			}
			config = n
			if c, ok := d.value(n, path, expr.AllowAll).(map[string]any); ok && len(c) > 0 {
				s.Config = c
			}
		}},
	}, notYet("task")...)...)
	switch {
	case found == nil || found["task"] != nil:
	case found["uses"] == nil:
		d.missing(n, path, "a step", "uses")
	case s.Uses != "" && d.knownStep(uses) && (config != nil || found["config"] == nil):
		d.stepConfig(s, config, ref{node: n, path: path})
	}
	return s
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
	names := d.opts.Steps.Names()
	if slices.Contains(names, uses.name) {
		return true
	}
	if slices.Contains(kargoSteps, uses.name) {
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
	for _, err := range unjoin(d.opts.Steps.CheckConfig(s.Uses, s.Config)) {
		at, path := owner.node, owner.path
		if config != nil {
			at, path = d.blamed(config, join(owner.path, "config"), err.Error())
		}
		d.problem(at, path).message("%s: %s", s.Uses, cutMessage(err.Error()))
	}
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
