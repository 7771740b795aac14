package kargofile

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// rule is what a template says of the metrics whose name matches.
type rule struct {
	ref ref
	// match is nil for a faulty pattern.
	match *regexp.Regexp
	// retention is how many measurements are kept; zero for a dry run.
	retention int
}

// analysisTemplate is Argo Rollouts' AnalysisTemplate: a spec under a name.
type analysisTemplate struct {
	name    string
	ref     ref
	args    []argument
	metrics []*metric
	rules   []rule
	// templates are those that are used together with this one.
	templates []ref
	used      bool
	broken    bool
}

func (d *decoder) analysisTemplate(n *yaml.Node, path string) *analysisTemplate {
	t := &analysisTemplate{}
	before := len(d.problems)
	defer func() { t.broken = d.errorsSince(before) }()
	spec := func(n *yaml.Node, path string, fields ...field) {
		found := d.object(n, path, "an analysis template", append(fields, []field{
			{"args", d.arguments(&t.args)},
			{"metrics", d.list(func(n *yaml.Node, path string) { t.metrics = append(t.metrics, d.metric(n, path, false)) })},
			{"dryRun", d.rules(t, false)},
			{"measurementRetention", d.rules(t, true)},
			{"templates", d.list(func(n *yaml.Node, path string) { t.templates = append(t.templates, d.templateName(n, path)) })},
		}...)...)
		if found == nil {
			return
		}
		if fields != nil && found["name"] == nil {
			d.missing(n, path, "an analysis template", "name")
		}
		if found["spec"] == nil && len(t.metrics)+len(t.templates) == 0 {
			d.problem(n, path).message("an analysis template has no metrics").expected("at least one")
		}
	}
	spec(n, path,
		field{"name", d.name(&t.name, &t.ref)},
		field{"spec", func(n *yaml.Node, path string) { spec(n, path) }})
	return t
}

// templateName reads Argo Rollouts' {templateName}.
func (d *decoder) templateName(n *yaml.Node, path string) ref {
	var t ref
	var cluster bool
	found := d.object(n, path, "a reference to a template",
		field{"templateName", d.name(&t.name, &t)},
		field{"clusterScope", d.boolean(&cluster)})
	if found != nil && found["templateName"] == nil {
		d.missing(n, path, "a reference to a template", "templateName")
	}
	return t
}

// rules reads which metrics are only measured, or how many of their measurements
// are kept.
func (d *decoder) rules(t *analysisTemplate, retention bool) reader {
	seen := map[string]bool{}
	return d.list(func(n *yaml.Node, path string) {
		var r rule
		fields := []field{{"metricName", func(n *yaml.Node, path string) {
			var pattern string
			d.text(&pattern, checkRegex)(n, path)
			r.ref = ref{pattern, n, path}
			if seen[pattern] {
				d.problem(n, path).message("%s stands twice", quoted(pattern)).expected("one")
			}
			seen[pattern] = true
			if len(pattern) <= maxPattern {
				r.match, _ = regexp.Compile(pattern)
			}
		}}}
		if retention {
			fields = append(fields, field{"limit", d.integer(&r.retention, 1, maxRetention)})
		}
		found := d.object(n, path, "a rule", fields...)
		if found == nil {
			return
		}
		for _, f := range fields {
			if found[f.name] == nil {
				d.missing(n, path, "a rule", f.name)
			}
		}
		if r.match != nil {
			t.rules = append(t.rules, r)
		}
	})
}

// apply changes the metrics whose name matches, wherever in it, and reports whether
// there are any.
func (r rule) apply(metrics []pipeline.Metric) bool {
	matched := false
	for i := range metrics {
		if !r.match.MatchString(metrics[i].Name) {
			continue
		}
		matched = true
		if r.retention > 0 {
			metrics[i].MeasurementRetention = r.retention
		} else {
			metrics[i].DryRun = true
		}
	}
	return matched
}

// collectTemplates indexes the templates by name and refuses names that stand twice.
func (g *graph) collectTemplates(d *decoder) {
	g.templates = map[string]*analysisTemplate{}
	for _, t := range g.doc.templates {
		switch first := g.templates[t.name]; {
		case t.name == "":
		case first != nil:
			d.problem(t.ref.node, t.ref.path).message("a second analysis template named %q, first on line %d", t.name, first.ref.node.Line).
				expected("another name")
		default:
			g.templates[t.name] = t
			g.templateNames = append(g.templateNames, t.name)
		}
	}
}

// unusedTemplates checks by themselves the templates that no Stage uses.
func (g *graph) unusedTemplates(d *decoder) {
	for _, t := range g.doc.templates {
		if t.used || t.broken || g.templates[t.name] != t {
			continue
		}
		m := merging{d: d, g: g, values: map[string]argument{}}
		m.use(ref{name: t.name, node: t.ref.node, path: t.ref.path})
		for _, a := range m.values {
			m.partial = m.partial || !a.resolved()
		}
		m.merge(nil)
	}
}
