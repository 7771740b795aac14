package kargocrd

import "go.yaml.in/yaml/v3"

// analysisTemplate carries the spec of a template over under its name.
func (r *resource) analysisTemplate() *yaml.Node {
	return r.fields(r.node, "", common(inline(func() map[string]rule {
		return map[string]rule{
			"args": keep, "metrics": keep, "dryRun": keep, "measurementRetention": keep,
			"templates": lost("templates of templates are not read; name each of them in the Stage's verification"),
		}
	}))).node
}
