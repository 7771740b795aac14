package kargofile

import (
	"fmt"
	"slices"
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
	var uses ref
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
			if config, ok := d.value(n, path, expr.AllowAll).(map[string]any); ok && len(config) > 0 {
				s.Config = config
			}
		}},
	}, notYet("task")...)...)
	switch {
	case found == nil || found["task"] != nil:
	case found["uses"] == nil:
		d.missing(n, path, "a step", "uses")
	case s.Uses != "" && d.knownStep(uses):
		at := n
		if found["config"] != nil {
			at = found["config"]
		}
		d.stepConfig(s, at, path)
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

func (d *decoder) stepConfig(s pipeline.StepSpec, at *yaml.Node, path string) {
	if d.opts.Steps == nil {
		return
	}
	for _, err := range unjoin(d.opts.Steps.CheckConfig(s.Uses, s.Config)) {
		d.problem(at, join(path, "config")).message("%s: %s", s.Uses, err)
	}
}
