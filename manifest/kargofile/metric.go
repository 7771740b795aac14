package kargofile

import (
	"math"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

const (
	maxCount     = 1_000_000
	maxRetention = 1000
	maxCondition = 8 << 10
)

// metric is a metric as decoded, and where its name and its arguments stand.
type metric struct {
	pipeline.Metric
	ref  ref
	node *yaml.Node
	path string
	// arguments are those that its strings mention.
	arguments []ref
	// deferred are the fields that are known once the arguments are.
	deferred []deferred
}

// deferred is a field of a metric, which Argo Rollouts allows to hold an argument.
type deferred struct {
	ref
	set func(m *pipeline.Metric, text string) error
}

// metricFields are the fields that all metrics have besides name and provider.
func (d *decoder) metricFields(m *metric) []field {
	number := func(low int, at func(*pipeline.Metric) *int) reader {
		return d.orArgument(m, func(m *pipeline.Metric, text string) error {
			v, err := strconv.Atoi(text)
			if err != nil || v < low || v > maxCount {
				return &invalid{message: "not " + quoted(text), expected: "a whole number from " + strconv.Itoa(low) + " to " + strconv.Itoa(maxCount)}
			}
			*at(m) = v
			return nil
		})
	}
	duration := func(at func(*pipeline.Metric) *pipeline.Duration) reader {
		return d.orArgument(m, func(m *pipeline.Metric, text string) error {
			v, err := time.ParseDuration(text)
			if err != nil || v < 0 {
				return &invalid{message: "not " + quoted(text), expected: "a duration such as 90s, 15m or 1h30m"}
			}
			*at(m) = pipeline.Duration(v)
			return nil
		})
	}
	return []field{
		{"count", number(0, func(m *pipeline.Metric) *int { return &m.Count })},
		{"interval", duration(func(m *pipeline.Metric) *pipeline.Duration { return &m.Interval })},
		{"initialDelay", duration(func(m *pipeline.Metric) *pipeline.Duration { return &m.InitialDelay })},
		{"successCondition", d.metricCondition(m, &m.SuccessCondition)},
		{"failureCondition", d.metricCondition(m, &m.FailureCondition)},
		{"failureLimit", number(math.MinInt32, func(m *pipeline.Metric) *int { return &m.FailureLimit })},
		{"inconclusiveLimit", number(0, func(m *pipeline.Metric) *int { return &m.InconclusiveLimit })},
		{"consecutiveErrorLimit", number(0, func(m *pipeline.Metric) *int {
			m.ConsecutiveErrorLimit = new(int)
			return m.ConsecutiveErrorLimit
		})},
		{"consecutiveSuccessLimit", number(0, func(m *pipeline.Metric) *int { return &m.ConsecutiveSuccessLimit })},
	}
}

// metric reads a metric in Argo Rollouts' form. Inline ones also say for themselves
// what a template says of its metrics by name.
func (d *decoder) metric(n *yaml.Node, path string, inline bool) *metric {
	m := &metric{node: n, path: path}
	fields := append([]field{
		{"name", func(n *yaml.Node, path string) {
			d.text(&m.Name, checkMetricName)(n, path)
			m.ref = ref{m.Name, n, path}
		}},
		{"provider", d.provider(m)},
	}, d.metricFields(m)...)
	if inline {
		fields = append(fields,
			field{"dryRun", d.boolean(&m.DryRun)},
			field{"measurementRetention", d.integer(&m.MeasurementRetention, 1, maxRetention)},
			field{"timeout", d.duration(&m.Timeout, 0)})
	}
	found := d.object(n, path, "a metric", fields...)
	if found == nil {
		return m
	}
	for _, f := range []string{"name", "provider"} {
		if found[f] == nil {
			d.missing(n, path, "a metric", f)
		}
	}
	return m
}

func checkMetricName(s string) error {
	if len(s) > maxLabel || !printableName(s) {
		return &invalid{message: quoted(s) + " is not the name of a metric", expected: "at most 63 printable characters"}
	}
	return nil
}

func printableName(s string) bool {
	for _, r := range s {
		if hidden(r) {
			return false
		}
	}
	return true
}

// orArgument reads a single value into a metric, now or, where it holds an
// argument, once that is known.
func (d *decoder) orArgument(m *metric, set func(*pipeline.Metric, string) error) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a single value")
			return
		}
		if hasArgument(n.Value) {
			m.mention(n, path)
			m.deferred = append(m.deferred, deferred{ref{n.Value, n, path}, set})
			return
		}
		d.apply(n, path, set(&m.Metric, n.Value))
	}
}

// apply reports why a field of a metric cannot be set.
func (d *decoder) apply(n *yaml.Node, path string, err error) {
	if err == nil {
		return
	}
	e := asInvalid(err)
	e.message = last(path) + " is " + e.message
	d.invalid(n, path, e)
}

// metricCondition reads a condition over result, which is expr without delimiters.
func (d *decoder) metricCondition(m *metric, dst *string) reader {
	return func(n *yaml.Node, path string) {
		if *dst != "" {
			d.problem(n, path).message("%s stands twice", last(path)).expected("one")
			return
		}
		d.text(dst, checkLength(maxCondition))(n, path)
		m.mention(n, path)
		switch {
		case *dst == "" || len(*dst) > maxCondition:
		case expr.HasExpression(*dst):
			d.problem(n, path).message("%s is an expression over result as it stands", last(path)).
				expected("no ${{ }}; put what it needs into an argument")
		case !hasArgument(*dst):
			d.expressions(n, path, expr.CheckCondition(*dst))
		}
	}
}

// metricValue reads a value of a provider's configuration.
func (d *decoder) metricValue(m *metric, n *yaml.Node, path string) any {
	m.mentionAll(n, path)
	return d.value(n, path, 0)
}

// mentionAll remembers the arguments in all strings below a node.
func (m *metric) mentionAll(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			m.mentionAll(n.Content[i+1], join(path, n.Content[i].Value))
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			m.mentionAll(c, path+"["+strconv.Itoa(i)+"]")
		}
	case yaml.ScalarNode:
		m.mention(n, path)
	default:
	}
}

// metricNode prints an inline metric.
func metricNode(m pipeline.Metric) *yaml.Node {
	o := newObject()
	number := func(key string, v int) {
		if v != 0 {
			o.set(key, valueNode(v))
		}
	}
	o.text("name", m.Name)
	number("count", m.Count)
	o.duration("interval", m.Interval)
	o.duration("initialDelay", m.InitialDelay)
	o.duration("timeout", m.Timeout)
	o.text("successCondition", m.SuccessCondition)
	o.text("failureCondition", m.FailureCondition)
	number("failureLimit", m.FailureLimit)
	number("inconclusiveLimit", m.InconclusiveLimit)
	if m.ConsecutiveErrorLimit != nil {
		o.set("consecutiveErrorLimit", valueNode(*m.ConsecutiveErrorLimit))
	}
	number("consecutiveSuccessLimit", m.ConsecutiveSuccessLimit)
	o.flag("dryRun", m.DryRun)
	number("measurementRetention", m.MeasurementRetention)
	o.set("provider", providerNode(m.Provider))
	return o.node
}
