package edit

import "sigs.k8s.io/kustomize/kyaml/yaml"

// maxExpanded bounds the values of a document whose anchors are written out.
const maxExpanded = 100_000

// expanded counts the values beneath n with its aliases followed, up to just above
// limit.
func expanded(n *yaml.Node, limit int) (aliases bool, size int) {
	if n.Kind == yaml.AliasNode {
		_, size = expanded(n.Alias, limit)
		return true, size
	}
	size = 1
	for _, c := range n.Content {
		if size > limit {
			break
		}
		a, s := expanded(c, limit-size)
		aliases, size = aliases || a, size+s
	}
	return aliases, size
}

// notePlain collects the scalars without quotes.
func notePlain(n *yaml.Node, plain map[*yaml.Node]bool) {
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 {
		plain[n] = true
	}
	for _, c := range n.Content {
		notePlain(c, plain)
	}
}

// restorePlain takes away the quotes that the library gives to words such as yes, which
// are booleans to those who read the file by YAML 1.1 and would be text to them.
func restorePlain(n *yaml.Node, plain map[*yaml.Node]bool) {
	if plain[n] {
		n.Style &^= yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle
	}
	for _, c := range n.Content {
		restorePlain(c, plain)
	}
}

// keepComments gives the scalars of a patch the comments of those that they replace,
// which the library forgets, unless they bring their own.
func keepComments(base, patch *yaml.Node) {
	switch {
	case base.Kind != patch.Kind:
	case base.Kind == yaml.ScalarNode:
		if patch.HeadComment+patch.LineComment+patch.FootComment == "" {
			patch.HeadComment, patch.LineComment, patch.FootComment = base.HeadComment, base.LineComment, base.FootComment
		}
	case base.Kind == yaml.MappingNode:
		old := make(map[string]*yaml.Node, len(base.Content)/2)
		for i := 0; i+1 < len(base.Content); i += 2 {
			old[base.Content[i].Value] = base.Content[i+1]
		}
		for i := 0; i+1 < len(patch.Content); i += 2 {
			if was := old[patch.Content[i].Value]; was != nil {
				keepComments(was, patch.Content[i+1])
			}
		}
	case base.Kind == yaml.SequenceNode:
		old := make(map[string]*yaml.Node, len(base.Content))
		for _, item := range base.Content {
			if name := nameOf(item); name != "" {
				old[name] = item
			}
		}
		for _, item := range patch.Content {
			if was := old[nameOf(item)]; was != nil {
				keepComments(was, item)
			}
		}
	}
}

// nameOf is what most lists of objects are merged by; empty for none.
func nameOf(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			return n.Content[i+1].Value
		}
	}
	return ""
}
