package kargofile

import (
	"cmp"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// APIVersion is what apiVersion must be.
const APIVersion = "kargo/v1"

// Bounds on the size of one pipeline.
const (
	maxStages     = 5000
	maxWarehouses = 1000
	maxPolicies   = 6000
)

// ref is a name that stands in the file.
type ref struct {
	name string
	node *yaml.Node
	path string
}

// document is a file as decoded, before references are resolved and shorthand is
// expanded.
type document struct {
	name       string
	includes   []string
	vars       []pipeline.Var
	warehouses []*warehouse
	stages     []*stage
	policies   []policy
	windows    []window
	templates  []*analysisTemplate
	tasks      []*task
	access     pipeline.Access
	channels   []pipeline.MessageChannel
	defaults   defaults
	// promotion is policies followed by what autoPromote stands for.
	promotion []pipeline.PromotionPolicy
}

// defaults apply to every Stage that says nothing else.
type defaults struct {
	pullRequest pipeline.PullRequestPolicy
	access      pipeline.Access
	environment *environment
	concurrency pipeline.Concurrency
}

func (d *decoder) document(root *yaml.Node) *document {
	doc := &document{}
	var version string
	var stages *yaml.Node
	found := d.object(root, "", "the file", append([]field{
		{"apiVersion", d.text(&version, checkVersion)},
		{"name", d.text(&doc.name, checkLabel)},
		{"include", d.include(&doc.includes)},
		{"vars", d.vars(&doc.vars, 0)},
		{"warehouses", d.listUpTo(maxWarehouses, func(n *yaml.Node, path string) { doc.warehouses = append(doc.warehouses, d.warehouse(n, path)) })},
		{"stages", func(n *yaml.Node, _ string) { stages = n }},
		{"promotionPolicies", d.listUpTo(maxPolicies, func(n *yaml.Node, path string) { doc.policies = append(doc.policies, d.policy(n, path)) })},
		{"promotionWindows", d.list(func(n *yaml.Node, path string) { doc.windows = append(doc.windows, d.window(n, path)) })},
		{"promotionTasks", d.list(func(n *yaml.Node, path string) { doc.tasks = append(doc.tasks, d.promotionTask(n, path)) })},
		{"analysisTemplates", d.list(func(n *yaml.Node, path string) { doc.templates = append(doc.templates, d.analysisTemplate(n, path)) })},
		{"defaults", d.defaults(&doc.defaults)},
		{"access", d.access(&doc.access)},
		{"messageChannels", d.channels(&doc.channels)},
	}, notYet("notifications")...)...)
	if found == nil {
		return doc
	}
	if found["apiVersion"] == nil {
		d.problem(root, "").message("apiVersion is missing").expected("apiVersion: %s", APIVersion)
	}
	if doc.name == "" {
		doc.name = pipelineName(cmp.Or(d.opts.Qualify, d.opts.Repo))
	}
	d.pipeline = doc.name
	if stages != nil {
		// Only now, because Stages start from the defaults.
		d.listUpTo(maxStages, func(n *yaml.Node, path string) {
			doc.stages = append(doc.stages, d.stagesOf(n, path, doc.defaults, maxStages-len(doc.stages))...)
		})(stages, "stages")
	}
	// A file that only includes others declares no pipeline of its own.
	bare := found["include"] != nil && found["warehouses"] == nil && found["stages"] == nil
	switch n := found["warehouses"]; {
	case bare:
	case n == nil:
		d.problem(root, "").message("there are no warehouses").expected("at least one, for Freight to come from")
	case len(doc.warehouses) == 0 && n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		d.problem(n, "warehouses").message("warehouses is empty").expected("at least one, for Freight to come from")
	}
	if !bare && found["stages"] == nil || stages != nil && stages.Kind == yaml.SequenceNode && len(stages.Content) == 0 {
		d.problem(root, "").warning().message("there are no stages, so Freight goes nowhere")
	}
	return doc
}

func checkVersion(s string) error {
	if s == APIVersion {
		return nil
	}
	return &invalid{message: fmt.Sprintf("apiVersion cannot be %s", quoted(s)), expected: APIVersion}
}

func (d *decoder) defaults(dst *defaults) reader {
	return func(n *yaml.Node, path string) {
		d.object(n, path, "defaults",
			field{"pullRequest", d.pullRequest(&dst.pullRequest)},
			field{"access", d.access(&dst.access)},
			field{"environment", d.environment(&dst.environment)},
			field{"concurrency", d.concurrency(&dst.concurrency)},
		)
	}
}
