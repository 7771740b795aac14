package kargocrd

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// secretCall is Kargo's secret('name').key, and sharedSecret likewise, as one member of
// the data of a Kubernetes Secret.
var secretCall = regexp.MustCompile(
	`\b(secret|sharedSecret)\(\s*(?:'([A-Za-z0-9.-]+)'|"([A-Za-z0-9.-]+)")\s*\)\s*` +
		`(?:\??\.\s*([A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:'([A-Za-z0-9._-]+)'|"([A-Za-z0-9._-]+)")\s*\])`)

// secrets writes the members of Secrets that the config of a step reads as secrets of
// the repository, where the step takes those, and names each.
func (r *resource) secrets(n *yaml.Node, at, uses string) {
	if r.c.opts.Secrets == nil || !slices.Contains(r.c.opts.Secrets, uses) {
		return
	}
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 1:
			r.secrets(c, join(at, n.Content[i-1].Value), uses)
		case n.Kind == yaml.SequenceNode:
			r.secrets(c, index(at, i), uses)
		}
	}
	if n.Kind != yaml.ScalarNode || !strings.Contains(n.Value, "${{") && !strings.Contains(n.Value, "${%") {
		return
	}
	n.Value = secretCall.ReplaceAllStringFunc(n.Value, func(call string) string {
		m := secretCall.FindStringSubmatch(call)
		name := pipeline.SecretName(m[2]+m[3], m[4]+m[5]+m[6])
		r.lose(n, at, "%s is written as secrets.%s; store its value with kargo secrets set", call, name)
		return "secrets." + name
	})
}
