package kargofile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// merging makes one Verification of templates, arguments and checks.
type merging struct {
	d *decoder
	g *graph
	// v is nil for a template by itself.
	v *verification
	// templates are those in use, without repetition.
	templates []*analysisTemplate
	names     []string
	values    map[string]argument
	// open means that not all arguments and their values are known, partial that not
	// all values are.
	open, partial bool
}

// use adds a template and those that it refers to.
func (m *merging) use(r ref) {
	t := m.g.templates[r.name]
	switch {
	case r.name == "":
		m.open = true
	case t == nil:
		m.d.problem(r.node, r.path).message("there is no analysis template %s", quoted(r.name)).
			expected("%s", oneOf(m.g.templateNames)).suggest(m.d.closest(r.name, m.g.templateNames))
		m.open = true
	case !slices.Contains(m.templates, t):
		t.used = true
		m.open = m.open || t.broken
		m.templates = append(m.templates, t)
		for _, a := range t.args {
			m.declare(a)
		}
		for _, r := range t.templates {
			m.use(r)
		}
	}
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
	seen := map[string]argument{}
	for _, a := range args {
		if other, twice := seen[a.Name]; twice && !sameArgument(other.AnalysisArg, a.AnalysisArg) {
			m.d.problem(a.ref.node, a.ref.path).
				message("the argument %q has another value on line %d, and the templates of a Stage share their arguments", a.Name, other.ref.node.Line).
				expected("one value, or two names for it")
		}
		seen[a.Name] = a
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

func sameArgument(a, b pipeline.AnalysisArg) bool {
	return a.Secret == b.Secret && (a.Value == nil) == (b.Value == nil) && (a.Value == nil || *a.Value == *b.Value)
}

// merge builds the Verification.
func (m *merging) merge(checks []*metric) *pipeline.Verification {
	out := &pipeline.Verification{}
	lines := map[string]int{}
	for _, t := range m.templates {
		for _, metric := range t.metrics {
			built := m.build(metric)
			if m.v != nil {
				built.Timeout = m.v.timeouts[t.name]
			}
			m.add(out, metric, built, lines)
		}
	}
	for _, t := range m.templates {
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
	if m.v != nil && len(out.Args) > maxItems {
		m.d.problem(m.v.node, m.v.path).message("a Stage is verified with %d arguments", len(out.Args)).expected("at most %d", maxItems)
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
		{"failureLimit", built.FailureLimit},
		{"inconclusiveLimit", built.InconclusiveLimit},
		{"consecutiveSuccessLimit", built.ConsecutiveSuccessLimit},
	} {
		if l.value > built.Count {
			fault("%s is greater than count", l.name).expected("at most %d", built.Count)
		}
	}
}
