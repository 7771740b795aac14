package kargofile

import (
	"fmt"
	"slices"
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

// verifyItem is one item of the shorthand as decoded.
type verifyItem struct {
	*metric
	// chosen are the kinds that it is of, which should be one.
	chosen   []string
	waits    bool
	template ref
	args     []argument
}

func (d *decoder) verifyItem(v *verification, n *yaml.Node, path string) {
	item := &verifyItem{metric: &metric{node: n, path: path}}
	item.Timeout = pipeline.Duration(defaultTimeout)
	found := d.object(n, path, "an item of verify", d.verifyFields(item)...)
	if found == nil || !d.oneKind(item, found) {
		return
	}
	kind := item.chosen[0]
	d.belongs(found, path, kind, "workflow", "inputs", "ref")
	d.belongs(found, path, kind, "template", "args")
	if kind != templateKind {
		item.repeat(item.waits, found["failureLimit"] != nil)
		v.checks = append(v.checks, item.metric)
		return
	}
	for _, f := range []string{"name", "successCondition", "failureCondition", "interval", "failureLimit", "count"} {
		if at := found[f]; at != nil {
			d.problem(at, join(path, f)).message("%s belongs into the metrics of the template", f).expected("template, args and timeout")
		}
	}
	v.templates = append(v.templates, item.template)
	v.args = append(v.args, item.args...)
	if found["timeout"] != nil {
		v.timeouts[item.template.name] = item.Timeout
	}
}

// templateKind is the kind of item that is not a check of its own.
const templateKind = "template"

func (d *decoder) verifyFields(item *verifyItem) []field {
	fields := make([]field, 0, len(verifyKinds)+9)
	for _, k := range verifyKinds {
		fields = append(fields, field{k.key, func(n *yaml.Node, path string) {
			item.chosen, item.waits = append(item.chosen, k.key), k.waits
			d.verifyProvider(item.metric, k, n, path)
		}})
	}
	return append(fields,
		field{templateKind, func(n *yaml.Node, path string) {
			item.chosen = append(item.chosen, templateKind)
			d.name(&item.template.name, &item.template)(n, path)
		}},
		field{"args", d.arguments(&item.args)},
		field{"name", func(n *yaml.Node, path string) {
			d.text(&item.Name, checkMetricName)(n, path)
			item.ref = ref{item.Name, n, path}
		}},
		field{"inputs", d.workflowField(item.metric, "inputs")},
		field{"ref", d.workflowField(item.metric, "ref")},
		field{"successCondition", d.metricCondition(item.metric, &item.SuccessCondition)},
		field{"failureCondition", d.metricCondition(item.metric, &item.FailureCondition)},
		field{"timeout", d.duration(&item.Timeout, 0)},
		field{"interval", d.duration(&item.Interval, time.Second)},
		field{"failureLimit", d.integer(&item.FailureLimit, -1, maxCount)},
		field{"count", d.integer(&item.Count, 1, maxCount)},
	)
}

// oneKind refuses an item that is of no kind or of several.
func (d *decoder) oneKind(item *verifyItem, found map[string]*yaml.Node) bool {
	kinds := make([]string, 0, len(verifyKinds)+1)
	for _, k := range verifyKinds {
		kinds = append(kinds, k.key)
	}
	kinds = append(kinds, templateKind)
	switch {
	case len(item.chosen) == 1:
		return true
	case len(item.chosen) > 1:
		d.problem(item.node, item.path).message("an item of verify has both %s", strings.Join(item.chosen, " and ")).expected("one of them; write two items")
	case !slices.ContainsFunc(kinds, func(k string) bool { return found[k] != nil }): // else its value was reported
		d.problem(item.node, item.path).message("an item of verify checks nothing").expected("one of %s", strings.Join(kinds, ", "))
	}
	return false
}

// repeat completes how often to measure. What waits by itself is asked once, unless
// failures are forgiven; the rest is, with an interval and no count, repeated until
// it succeeds.
func (m *metric) repeat(waits, limited bool) {
	switch {
	case m.Interval == 0 || m.Count > 0:
	case waits && !limited:
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
