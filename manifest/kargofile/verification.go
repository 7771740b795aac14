package kargofile

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// maxMetrics bounds the metrics of one Stage, and maxAllMetrics those of all.
	maxMetrics    = 100
	maxAllMetrics = 20_000
)

// verification is what verifies a Stage as decoded, in either form.
type verification struct {
	node *yaml.Node
	path string
	// templates are references to analysis templates, args what the Stage gives
	// them, and checks the metrics of its own.
	templates []ref
	args      []argument
	checks    []*metric
	// timeouts bound the metrics of a template, by its name.
	timeouts map[string]pipeline.Duration
}

// verification reads the canonical form: Kargo's, and checks of the Stage's own.
func (d *decoder) verification(dst **verification) reader {
	return func(n *yaml.Node, path string) {
		v := &verification{node: n, path: path}
		found := d.object(n, path, "verification", append([]field{
			{"analysisTemplates", d.list(func(n *yaml.Node, path string) {
				var t ref
				found := d.object(n, path, "a reference to a template",
					field{"name", d.name(&t.name, &t)},
					field{"kind", func(n *yaml.Node, path string) {
						var kind string
						enum(d, &kind, "AnalysisTemplate", "ClusterAnalysisTemplate")(n, path)
					}})
				if found != nil && found["name"] == nil {
					d.missing(n, path, "a reference to a template", "name")
				}
				v.templates = append(v.templates, t)
			})},
			{"args", d.arguments(&v.args)},
			{"checks", d.list(func(n *yaml.Node, path string) { v.checks = append(v.checks, d.metric(n, path, true)) })},
		}, notYet("analysisRunMetadata")...)...)
		if found == nil {
			return
		}
		if len(v.templates)+len(v.checks) == 0 {
			d.problem(n, path).message("verification checks nothing").expected("analysisTemplates or checks")
		}
		*dst = v
	}
}

// verify resolves what verifies a Stage. It follows Argo Rollouts: the templates
// become one, the Stage's arguments override theirs, and all must have a value.
func (g *graph) verify(d *decoder, s *stage) {
	v := s.verification
	if v == nil || g.stages[s.Name] != s || g.metrics > maxAllMetrics {
		return
	}
	m := merging{d: d, g: g, v: v, values: map[string]argument{}}
	for _, r := range v.templates {
		if slices.ContainsFunc(m.templates, func(t *analysisTemplate) bool { return t.name == r.name }) {
			d.problem(r.node, r.path).message("the analysis template %q stands twice", r.name).expected("one")
			continue
		}
		m.use(r)
	}
	m.give(v.args, v.checks)
	s.Verification = m.merge(v.checks)
	if g.metrics += len(s.Verification.Metrics); g.metrics > maxAllMetrics {
		d.problem(v.node, v.path).message("the Stages are verified by more than %d metrics", maxAllMetrics).expected("fewer")
	}
}

// verificationNode prints the canonical form, in which templates are resolved.
func verificationNode(v *pipeline.Verification) *yaml.Node {
	if v == nil {
		return nil
	}
	o := newObject()
	if len(v.Args) > 0 {
		o.set("args", listNode(v.Args, argumentNode))
	}
	o.set("checks", listNode(v.Metrics, metricNode))
	return o.node
}
