package kargofile

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// messageTarget notes which message channel a step refers to, unless an expression says
// so when the step runs.
func (d *decoder) messageTarget(uses string, config ref) {
	if uses != "send-message" || config.node == nil {
		return
	}
	_, channel := child(config.node, "channel")
	if channel == nil {
		return
	}
	if _, name := child(channel, "name"); name != nil && name.Kind == yaml.ScalarNode && name.Value != "" && !expr.HasExpression(name.Value) {
		d.messages = append(d.messages, ref{name: name.Value, node: name, path: join(config.path, "channel.name")})
	}
}

// checkMessages refuses steps that refer to message channels which are not declared.
func (doc *document) checkMessages(d *decoder) {
	var names []string
	for _, c := range doc.channels {
		names = append(names, c.Name)
	}
	seen := map[[2]int]bool{}
	for _, m := range d.messages {
		at := [2]int{m.node.Line, m.node.Column}
		if contains(names, m.name) || seen[at] {
			continue
		}
		seen[at] = true // Stages of a matrix share their steps
		expected := oneOf(names)
		if expected == "" {
			expected = "one that messageChannels declares"
		}
		d.problem(m.node, m.path).message("there is no message channel %s", quoted(m.name)).
			expected("%s", expected).suggest(d.closest(m.name, names))
	}
}
