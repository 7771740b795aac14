package kargofile

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

type policy struct {
	pipeline.PromotionPolicy
	node *yaml.Node
	path string
	// stage is where an exact name stands.
	stage ref
}

func (d *decoder) policy(n *yaml.Node, path string) policy {
	p := policy{node: n, path: path}
	exact := func(n *yaml.Node, path string) {
		d.text(&p.Selector.Name, checkPattern)(n, path)
		if !strings.Contains(p.Selector.Name, ":") {
			p.stage = ref{p.Selector.Name, n, path}
		}
	}
	found := d.object(n, path, "a promotion policy", append([]field{
		{"stage", func(n *yaml.Node, path string) {
			d.text(&p.Selector.Name, checkLabel)(n, path)
			p.stage = ref{p.Selector.Name, n, path}
		}},
		{"stageSelector", func(n *yaml.Node, path string) {
			d.object(n, path, "stageSelector", append([]field{
				{"name", exact},
				{"matchLabels", d.labels(&p.Selector.MatchLabels)},
			}, notYet("matchExpressions")...)...)
		}},
		{"autoPromotionEnabled", d.boolean(&p.AutoPromotionEnabled)},
	}, notYet("autoRollback")...)...)
	if found == nil {
		return p
	}
	switch {
	case found["stage"] != nil && found["stageSelector"] != nil:
		d.problem(n, path).message("a promotion policy has both stage and stageSelector").expected("one of them")
	case found["stage"] == nil && found["stageSelector"] == nil:
		d.problem(n, path).message("a promotion policy selects nothing").expected("stage or stageSelector")
	}
	return p
}

func (d *decoder) labels(dst *map[string]string) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.MappingNode {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a mapping of strings")
			return
		}
		labels := make(map[string]string, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, ok := d.key(n.Content[i], path)
			if !ok {
				continue
			}
			if _, twice := labels[key]; twice {
				d.problem(n.Content[i], join(path, key)).message("%q stands twice", cut(key)).expected("one")
				continue
			}
			labels[key], _ = d.str(n.Content[i+1], join(path, key))
		}
		if len(labels) > 0 {
			*dst = labels
		}
	}
}

// checkPolicies refuses policies for Stages that do not exist, and two for one.
func (doc *document) checkPolicies(d *decoder, stages []string) {
	seen := map[string]ref{}
	for _, p := range doc.policies {
		if p.stage.name == "" {
			continue
		}
		if !contains(stages, p.stage.name) {
			d.problem(p.stage.node, p.stage.path).message("a promotion policy is for unknown Stage %s", quoted(p.stage.name)).
				expected("%s", oneOf(stages)).suggest(pipeline.DidYouMean(p.stage.name, stages))
		}
		first, twice := seen[p.stage.name]
		if twice && len(p.Selector.MatchLabels) == 0 {
			d.problem(p.stage.node, p.stage.path).
				message("a second promotion policy for Stage %q, first on line %d", p.stage.name, first.node.Line).expected("one")
		}
		if len(p.Selector.MatchLabels) == 0 {
			seen[p.stage.name] = p.stage
		}
	}
}

// autoPromotion turns the shorthand of Stages into policies. The explicit ones come
// first and so win; a Stage that says the contrary of them is refused.
func (doc *document) autoPromotion(d *decoder) {
	for _, p := range doc.policies {
		doc.promotion = append(doc.promotion, p.PromotionPolicy)
	}
	for _, s := range doc.stages {
		if s.autoPromote.node == nil {
			continue
		}
		decided := false
		for _, p := range doc.policies {
			if !p.Selector.Matches(s.Stage) {
				continue
			}
			decided = true
			if p.AutoPromotionEnabled != s.autoPromote.value {
				d.problem(s.autoPromote.node, s.autoPromote.path).
					message("autoPromote: %t contradicts the promotion policy on line %d, which wins", s.autoPromote.value, p.node.Line).
					expected("autoPromote: %t, or another policy", p.AutoPromotionEnabled)
			}
			break
		}
		if !decided && s.autoPromote.value {
			doc.promotion = append(doc.promotion, pipeline.PromotionPolicy{
				Selector: pipeline.StageSelector{Name: s.Name}, AutoPromotionEnabled: true,
			})
		}
	}
}
