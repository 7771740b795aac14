package kargofile

import (
	"fmt"
	"slices"
	"strings"

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
	if v == nil || g.stages[s.Name] != s {
		return
	}
	m := merging{d: d, g: g, v: v, values: map[string]argument{}}
	var templates []*analysisTemplate
	for _, r := range v.templates {
		t := g.templates[r.name]
		switch {
		case r.name == "":
		case t == nil:
			d.problem(r.node, r.path).message("there is no analysis template %s", quoted(r.name)).
				expected("%s", oneOf(g.templateNames)).suggest(d.closest(r.name, g.templateNames))
			m.open = true
		case slices.Contains(templates, t):
			d.problem(r.node, r.path).message("the analysis template %q stands twice", r.name).expected("one")
		default:
			t.used = true
			m.open = m.open || t.broken
			templates = append(templates, t)
			for _, a := range t.args {
				m.declare(a)
			}
		}
	}
	m.give(v.args, v.checks)
	s.Verification = m.merge(templates, v.checks)
	if g.metrics += len(s.Verification.Metrics); g.metrics > maxAllMetrics && g.metrics-len(s.Verification.Metrics) <= maxAllMetrics {
		d.problem(v.node, v.path).message("the Stages are verified by more than %d metrics", maxAllMetrics).expected("fewer")
	}
}

// merging makes one Verification of templates, arguments and checks.
type merging struct {
	d *decoder
	g *graph
	// v is nil for a template by itself.
	v      *verification
	names  []string
	values map[string]argument
	// open means that not all arguments and their values are known, partial that not
	// all values are.
	open, partial bool
}

// declare adds an argument of a template. Those of one name are one; the first value
// counts, and a second must be the same.
func (m *merging) declare(a argument) {
	first, known := m.values[a.Name]
	switch {
	case !known:
		m.names = append(m.names, a.Name)
		m.values[a.Name] = a
	case first.Value != nil && a.Value != nil && *first.Value != *a.Value:
		m.d.problem(a.ref.node, a.ref.path).
			message("the argument %q has another value by default in the template on line %d, and Stages use both", a.Name, first.ref.node.Line).
			expected("%s", quoted(*first.Value))
	case !first.resolved():
		m.values[a.Name] = a
	}
}

// give sets what the Stage says of arguments.
func (m *merging) give(args []argument, checks []*metric) {
	mentioned := map[string]bool{}
	for _, c := range checks {
		for _, r := range c.arguments {
			mentioned[r.name] = true
		}
	}
	declared := slices.Clone(m.names)
	for _, a := range args {
		first, known := m.values[a.Name]
		switch {
		case !known && len(m.v.templates) > 0 && !mentioned[a.Name]:
			if m.open {
				continue
			}
			m.d.problem(a.ref.node, a.ref.path).warning().message("no template of the Stage has the argument %q", a.Name).
				expected("%s", oneOf(declared)).suggest(m.d.closest(a.Name, declared))
			continue
		case !known:
			m.names = append(m.names, a.Name)
		case a.Value == nil && a.Secret == "":
			a.Value, a.Secret = first.Value, first.Secret
		}
		m.values[a.Name] = a
	}
	if m.open {
		return
	}
	for _, name := range m.names {
		if a := m.values[name]; !a.resolved() {
			m.d.problem(m.v.node, m.v.path).message("the argument %q has no value", name).expected("one among the args of the Stage, or a default in the template")
		}
	}
}

// merge builds the Verification.
func (m *merging) merge(templates []*analysisTemplate, checks []*metric) *pipeline.Verification {
	out := &pipeline.Verification{}
	lines := map[string]int{}
	for _, t := range templates {
		for _, metric := range t.metrics {
			built := m.build(metric)
			if m.v != nil {
				built.Timeout = m.v.timeouts[t.name]
			}
			m.add(out, metric, built, lines)
		}
	}
	for _, t := range templates {
		for _, r := range t.rules {
			if !r.apply(out.Metrics) && !m.open {
				m.d.problem(r.ref.node, r.ref.path).message("no metric has a name that matches %s", quoted(r.ref.name)).
					expected("%s", oneOf(metricNames(out.Metrics))).suggest(m.d.closest(r.ref.name, metricNames(out.Metrics)))
			}
		}
	}
	for _, c := range checks {
		m.add(out, c, m.build(c), lines)
	}
	for _, name := range m.names {
		out.Args = append(out.Args, m.values[name].AnalysisArg)
	}
	if m.v != nil && len(out.Metrics) > maxMetrics {
		m.d.problem(m.v.node, m.v.path).message("a Stage is verified by %d metrics", len(out.Metrics)).expected("at most %d", maxMetrics)
	}
	return out
}

func metricNames(metrics []pipeline.Metric) []string {
	names := make([]string, len(metrics))
	for i, m := range metrics {
		names[i] = m.Name
	}
	return names
}

func (m *merging) add(out *pipeline.Verification, from *metric, built pipeline.Metric, lines map[string]int) {
	if first, twice := lines[built.Name]; twice && built.Name != "" {
		m.d.problem(from.ref.node, from.ref.path).message("two metrics have the name %s, the other one on line %d", quoted(built.Name), first).
			expected("another name for one of them")
	} else {
		lines[built.Name] = from.node.Line
	}
	out.Metrics = append(out.Metrics, built)
}

// build returns a metric with all fields that depend on arguments.
func (m *merging) build(from *metric) pipeline.Metric {
	built := from.Metric
	if !m.open {
		for _, r := range from.arguments {
			if _, known := m.values[r.name]; !known {
				m.d.problem(r.node, r.path).message("there is no argument %s", quoted(r.name)).
					expected("%s", oneOf(m.names)).suggest(m.d.closest(r.name, m.names))
			}
		}
	}
	for _, f := range from.deferred {
		if m.open || m.partial {
			continue
		}
		text, ok := m.substitute(f)
		if ok {
			m.d.apply(f.node, f.path, f.set(&built, text))
		}
	}
	if !m.open && !m.partial {
		m.consistent(from, built)
	}
	return built
}

// substitute puts arguments into a field that has to be known when the file is read.
func (m *merging) substitute(f deferred) (string, bool) {
	ok := true
	text := argumentForm.ReplaceAllStringFunc(f.name, func(found string) string {
		a := m.values[argumentForm.FindStringSubmatch(found)[1]]
		switch {
		case a.Value == nil:
			ok = false // reported, or a secret, which says nothing about numbers
			if a.Secret != "" {
				m.d.problem(f.node, f.path).message("%s comes from a secret", last(f.path)).expected("an argument with a value")
			}
			return ""
		case strings.Contains(*a.Value, "${"):
			ok = false
			m.d.problem(f.node, f.path).message("%s depends on an expression, through the argument %q", last(f.path), a.Name).
				expected("an argument with a plain value")
			return ""
		}
		return *a.Value
	})
	return text, ok
}

// consistent refuses limits that can never be reached and repetition without a
// pause, as Argo Rollouts does.
func (m *merging) consistent(from *metric, built pipeline.Metric) {
	fault := func(format string, args ...any) report {
		return m.d.problem(from.node, from.path).message("%s", fmt.Sprintf("metric %s: ", quoted(built.Name))+fmt.Sprintf(format, args...))
	}
	if built.Count > 1 && built.Interval == 0 {
		fault("count is %d, and there is no interval", built.Count).expected("interval")
	}
	if built.FailureLimit < 0 && built.ConsecutiveSuccessLimit == 0 {
		fault("nothing ends it with a negative failureLimit").expected("consecutiveSuccessLimit")
	}
	if built.Count == 0 {
		return
	}
	for _, l := range []struct {
		name  string
		value int
	}{
		{"failureLimit", built.FailureLimit}, {"inconclusiveLimit", built.InconclusiveLimit},
		{"consecutiveSuccessLimit", built.ConsecutiveSuccessLimit},
	} {
		if l.value > built.Count {
			fault("%s is greater than count", l.name).expected("at most %d", built.Count)
		}
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
