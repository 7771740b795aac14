package kargofile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// setting is one field of a provider's configuration.
type setting struct {
	name string
	// kind is what the value has to be.
	kind     settingKind
	required bool
	// words are the only values, where that is known.
	words []string
}

type settingKind int

const (
	textSetting settingKind = iota
	flagSetting
	numberSetting
	listSetting
	mapSetting
	anySetting
)

func (k settingKind) String() string {
	return [...]string{"a string", "true or false", "a whole number", "a list", "a mapping", "a value"}[k]
}

// workflowSettings are what a workflow takes besides its file.
var workflowSettings = []setting{
	{name: "inputs", kind: mapSetting}, {name: "ref"}, {name: "idInput"},
}

// providers are where the values of a metric may come from, with the fields of
// Argo Rollouts where it has the provider.
var providers = map[string][]setting{
	"check":    {{name: "name", required: true}, {name: "app"}},
	"workflow": append([]setting{{name: "file", required: true}}, workflowSettings...),
	// There is no cluster to run a job in, so a workflow does what it did.
	"job":        append([]setting{{name: "workflow", required: true}}, workflowSettings...),
	"deployment": {{name: "environment", required: true}},
	"argocd": {
		{name: "application", required: true},
		{name: "namespace"},
		{name: "project"},
		{name: "revision"},
		{name: "server"},
		{name: "token"},
		{name: "insecure", kind: flagSetting},
		{name: "timeoutSeconds", kind: numberSetting},
	},
	"web": {
		{name: "url", required: true},
		{name: "method", words: []string{"GET", "POST", "PUT"}},
		{name: "headers", kind: listSetting},
		{name: "body"},
		{name: "jsonBody", kind: anySetting},
		{name: "jsonPath"},
		{name: "timeoutSeconds", kind: numberSetting},
		{name: "insecure", kind: flagSetting},
		{name: "authentication", kind: mapSetting},
	},
	"prometheus": {
		{name: "address"},
		{name: "query", required: true},
		{name: "rangeQuery", kind: mapSetting},
		{name: "headers", kind: listSetting},
		{name: "timeout", kind: numberSetting},
		{name: "insecure", kind: flagSetting},
		{name: "authentication", kind: mapSetting},
	},
	"datadog": {
		{name: "query"},
		{name: "queries", kind: mapSetting},
		{name: "formula"},
		{name: "interval"},
		{name: "apiVersion", words: []string{"v1", "v2"}},
		{name: "aggregator"},
		{name: "secretRef", kind: mapSetting},
	},
	"newRelic":   {{name: "query", required: true}, {name: "profile"}, {name: "timeout", kind: numberSetting}},
	"cloudWatch": {{name: "metricDataQueries", kind: listSetting, required: true}, {name: "interval"}},
	"graphite":   {{name: "query", required: true}, {name: "address"}},
	"influxdb":   {{name: "query", required: true}, {name: "profile"}},
}

// providerNames are in the order in which they are named in messages.
var providerNames = []string{
	"web", "prometheus", "datadog", "newRelic", "cloudWatch", "graphite", "influxdb", "job", "check", "workflow", "deployment", "argocd",
}

// provider reads a mapping whose only key is the provider's kind.
func (d *decoder) provider(m *metric) reader {
	return func(n *yaml.Node, path string) {
		chosen := 0
		fields := make([]field, 0, len(providerNames)+4)
		for _, kind := range providerNames {
			fields = append(fields, field{kind, func(n *yaml.Node, path string) {
				chosen++
				m.Provider.Kind = kind
				d.settings(m, kind, n, path)
			}})
		}
		found := d.object(n, path, "a provider", append(fields, notYet("wavefront", "skywalking", "kayenta", "plugin")...)...)
		switch {
		case found == nil:
		case len(found) == 0:
			d.problem(n, path).message("a metric has no provider").expected("one of %s", strings.Join(providerNames, ", "))
		case chosen > 1:
			d.problem(n, path).message("a metric has several providers").expected("one; write several metrics")
		}
	}
}

// settings reads the configuration of a provider of a kind, and extra fields that
// shorthand has beside them.
func (d *decoder) settings(m *metric, kind string, n *yaml.Node, path string, extra ...field) {
	config := map[string]any{}
	var fields []field
	for _, s := range providers[kind] {
		fields = append(fields, field{s.name, func(n *yaml.Node, path string) {
			if s.name == "headers" {
				n = headerList(n)
			}
			if !d.settingFits(s, n, path) {
				return
			}
			config[s.name] = d.metricValue(m, n, path)
		}})
	}
	found := d.object(n, path, kind, append(fields, extra...)...)
	if found == nil {
		return
	}
	for _, s := range providers[kind] {
		if s.required && found[s.name] == nil {
			d.missing(n, path, kind, s.name)
		}
	}
	if kind == "datadog" && (found["query"] == nil) == (found["queries"] == nil) {
		d.problem(n, path).message("datadog asks either one query or several").expected("query or queries")
	}
	if h := found["headers"]; h != nil && h.Kind == yaml.SequenceNode {
		d.checkHeaders(h, join(path, "headers"))
	}
	if len(config) > 0 {
		m.Provider.Config = config
	}
}

// headerList turns a mapping of headers into Argo Rollouts' list.
func headerList(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return n
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
	for i := 0; i+1 < len(n.Content); i += 2 {
		list.Content = append(list.Content, &yaml.Node{
			Kind: yaml.MappingNode, Tag: "!!map", Line: n.Content[i].Line, Column: n.Content[i].Column,
			Content: []*yaml.Node{textNode("key"), n.Content[i], textNode("value"), n.Content[i+1]},
		})
	}
	return list
}

func (d *decoder) checkHeaders(n *yaml.Node, path string) {
	d.list(func(n *yaml.Node, path string) {
		found := d.object(n, path, "a header",
			field{"key", func(*yaml.Node, string) {}}, field{"value", func(*yaml.Node, string) {}})
		for _, f := range []string{"key", "value"} {
			if found != nil && found[f] == nil {
				d.missing(n, path, "a header", f)
			}
		}
	})(n, path)
}

// settingFits checks the type of a setting; a string that holds an argument may
// stand for any single value.
func (d *decoder) settingFits(s setting, n *yaml.Node, path string) bool {
	scalar := n.Kind == yaml.ScalarNode
	fits := true
	switch s.kind {
	case textSetting:
		fits = scalar && n.ShortTag() == "!!str" && n.Value != ""
	case flagSetting:
		fits = scalar && (n.ShortTag() == "!!bool" || hasArgument(n.Value))
	case numberSetting:
		fits = scalar && (n.ShortTag() == "!!int" || hasArgument(n.Value))
	case listSetting:
		fits = n.Kind == yaml.SequenceNode && len(n.Content) > 0
	case mapSetting:
		fits = n.Kind == yaml.MappingNode && len(n.Content) > 0
	case anySetting:
	}
	switch {
	case !fits:
		d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("%s", s.kind)
	case s.words != nil && !hasArgument(n.Value) && !slices.Contains(s.words, n.Value):
		d.problem(n, path).message("%s cannot be %s", last(path), quoted(n.Value)).
			expected("one of %s", strings.Join(s.words, ", ")).suggest(pipeline.DidYouMean(cut(n.Value), s.words))
	default:
		return true
	}
	return false
}

// providerNode prints what provider reads.
func providerNode(p pipeline.Provider) *yaml.Node {
	o := newObject()
	o.set(p.Kind, valueNode(p.Config))
	return o.node
}
