package kargofile

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// defaultTimeout is for how long an item of verify waits.
	defaultTimeout = 30 * time.Minute
	// untilTimeout is how many errors in a row are forgiven where the timeout ends it.
	untilTimeout = maxCount
)

// verifyKind is one kind of item of the shorthand.
type verifyKind struct {
	key string
	// provider is the kind of provider that it stands for.
	provider string
	// main is the setting that a plain string means.
	main string
	// waits means that the provider itself waits for something to end.
	waits bool
}

var verifyKinds = []verifyKind{
	{key: "check", provider: "check", main: "name", waits: true},
	{key: "workflow", provider: "workflow", main: "file", waits: true},
	{key: "deployment", provider: "deployment", main: "environment", waits: true},
	{key: "argocd", provider: "argocd", main: "application", waits: true},
	{key: "http", provider: "web", main: "url"},
	{key: "prometheus", provider: "prometheus"},
}

// verify reads the shorthand: a list of inline checks and of templates.
func (d *decoder) verify(dst **verification) reader {
	return func(n *yaml.Node, path string) {
		v := &verification{node: n, path: path, timeouts: map[string]pipeline.Duration{}}
		d.list(func(n *yaml.Node, path string) { d.verifyItem(v, n, path) })(n, path)
		if n.Kind != yaml.SequenceNode {
			return
		}
		if len(n.Content) == 0 {
			d.problem(n, path).message("verify is empty").expected("at least one item, or no verify at all")
		}
		v.nameChecks()
		*dst = v
	}
}

func (d *decoder) verifyItem(v *verification, n *yaml.Node, path string) {
	m := &metric{node: n, path: path}
	m.Timeout = pipeline.Duration(defaultTimeout)
	var chosen []string
	var waits bool
	var template ref
	fields := []field{}
	for _, k := range verifyKinds {
		fields = append(fields, field{k.key, func(n *yaml.Node, path string) {
			chosen, waits = append(chosen, k.key), k.waits
			d.verifyProvider(m, k, n, path)
		}})
	}
	var args []argument
	found := d.object(n, path, "an item of verify", append(fields,
		field{"template", func(n *yaml.Node, path string) {
			chosen = append(chosen, "template")
			d.name(&template.name, &template)(n, path)
		}},
		field{"args", d.arguments(&args)},
		field{"name", func(n *yaml.Node, path string) {
			d.text(&m.Name, checkMetricName)(n, path)
			m.ref = ref{m.Name, n, path}
		}},
		field{"inputs", d.workflowField(m, "inputs")},
		field{"ref", d.workflowField(m, "ref")},
		field{"timeout", d.duration(&m.Timeout, 0)},
		field{"interval", d.duration(&m.Interval, time.Second)},
		field{"failureLimit", d.integer(&m.FailureLimit, -1, maxCount)},
		field{"count", d.integer(&m.Count, 1, maxCount)},
	)...)
	if found == nil {
		return
	}
	if len(chosen) != 1 {
		words := make([]string, 0, len(verifyKinds)+1)
		for _, k := range verifyKinds {
			words = append(words, k.key)
		}
		words = append(words, "template")
		switch {
		case len(chosen) > 1:
			d.problem(n, path).message("an item of verify has both %s", strings.Join(chosen, " and ")).expected("one of them; write two items")
		default:
			for key := range found {
				if found[key] != nil && contains(words, key) {
					return // its value was reported
				}
			}
			d.problem(n, path).message("an item of verify checks nothing").expected("one of %s", strings.Join(words, ", "))
		}
		return
	}
	d.belongs(found, path, chosen[0], "workflow", "inputs", "ref")
	d.belongs(found, path, chosen[0], "template", "args")
	if chosen[0] == "template" {
		for _, f := range []string{"name", "interval", "failureLimit", "count"} {
			if at := found[f]; at != nil {
				d.problem(at, join(path, f)).message("%s belongs into the metrics of the template", f).expected("template, args and timeout")
			}
		}
		v.templates = append(v.templates, template)
		v.args = append(v.args, args...)
		if found["timeout"] != nil {
			v.timeouts[template.name] = m.Timeout
		}
		return
	}
	m.repeat(waits, found["failureLimit"] != nil)
	v.checks = append(v.checks, m)
}

// repeat completes how often to measure. What waits by itself is asked once; the
// rest is, with an interval and no count, repeated until it succeeds.
func (m *metric) repeat(waits, limited bool) {
	switch {
	case m.Interval == 0 || m.Count > 0:
	case waits:
		m.Count = 1
	default:
		m.ConsecutiveSuccessLimit = 1
		errors := untilTimeout
		m.ConsecutiveErrorLimit = &errors
		if !limited {
			m.FailureLimit = -1
		}
	}
}

// verifyProvider reads the value of a kind: a string or the provider's settings with
// conditions.
func (d *decoder) verifyProvider(m *metric, k verifyKind, n *yaml.Node, path string) {
	m.Provider.Kind = k.provider
	if n.Kind == yaml.ScalarNode && k.main != "" {
		if d.settingFits(setting{name: k.main}, n, path) {
			m.set(k.main, d.metricValue(m, n, path))
		}
	} else {
		config := m.Provider.Config
		var extra []field
		if !k.waits {
			extra = []field{
				{"successCondition", d.metricCondition(m, &m.SuccessCondition)},
				{"failureCondition", d.metricCondition(m, &m.FailureCondition)},
			}
		}
		d.settings(m, k.provider, n, path, extra...)
		for key, v := range config {
			m.set(key, v)
		}
	}
	if m.Name == "" {
		m.Name = k.key
		if name, ok := m.Provider.Config[k.main].(string); ok && k.waits && checkMetricName(name) == nil && !strings.Contains(name, "{{") {
			m.Name = name
		}
	}
}

func (m *metric) set(key string, v any) {
	if m.Provider.Config == nil {
		m.Provider.Config = map[string]any{}
	}
	m.Provider.Config[key] = v
}

// workflowField reads what belongs to workflow and stands beside it.
func (d *decoder) workflowField(m *metric, name string) reader {
	return func(n *yaml.Node, path string) {
		for _, s := range workflowSettings {
			if s.name == name && d.settingFits(s, n, path) {
				m.set(name, d.metricValue(m, n, path))
			}
		}
	}
}

// belongs refuses fields that another kind of item has.
func (d *decoder) belongs(found map[string]*yaml.Node, path, kind, owner string, fields ...string) {
	for _, f := range fields {
		if at := found[f]; at != nil && kind != owner {
			d.problem(at, join(path, f)).message("%s has no meaning for %s", f, kind).expected("it beside %s", owner)
		}
	}
}

// nameChecks makes the names distinct that nobody gave.
func (v *verification) nameChecks() {
	taken := map[string]bool{}
	for _, m := range v.checks {
		if m.ref.node != nil {
			taken[m.Name] = true
		}
	}
	for _, m := range v.checks {
		if m.ref.node != nil {
			continue
		}
		name := m.Name
		for i := 2; taken[m.Name]; i++ {
			m.Name = fmt.Sprintf("%s-%d", name, i)
		}
		taken[m.Name] = true
		m.ref = ref{m.Name, m.node, m.path}
	}
}
