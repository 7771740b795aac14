package kargofile

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

type policy struct {
	pipeline.PromotionPolicy
	node *yaml.Node
	path string
	// stage is where an exact name stands.
	stage  ref
	broken bool
}

func (d *decoder) policy(n *yaml.Node, path string) (p policy) {
	p = policy{node: n, path: path}
	before := len(d.problems)
	defer func() { p.broken = d.errorsSince(before) }()
	found := d.object(n, path, "a promotion policy",
		field{"stage", func(n *yaml.Node, path string) {
			d.text(&p.Selector.Name, checkLabel)(n, path)
			p.stage = ref{p.Selector.Name, n, path}
		}},
		field{"stageSelector", d.selector(&p.Selector, &p.stage)},
		field{"autoPromotionEnabled", d.boolean(&p.AutoPromotionEnabled)},
		field{"autoRollback", d.autoRollback(&p.AutoRollback)},
	)
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

// autoRollback reads after which failures the last verified Freight comes back:
// true for the default, false for never, or a mapping of lists of phases.
func (d *decoder) autoRollback(dst **pipeline.AutoRollback) reader {
	return func(n *yaml.Node, path string) {
		rollback := &pipeline.AutoRollback{
			OnVerification: []pipeline.VerificationPhase{pipeline.VerificationFailed},
			OnPromotion:    []pipeline.Phase{},
		}
		if n.Kind == yaml.ScalarNode {
			var on bool
			d.boolean(&on)(n, path)
			if on {
				*dst = rollback
			}
			return
		}
		d.object(n, path, "autoRollback",
			field{"onVerification", phases(d, &rollback.OnVerification, pipeline.VerificationFailed, pipeline.VerificationError)},
			field{"onPromotion", phases(d, &rollback.OnPromotion, pipeline.Failed, pipeline.Errored)},
		)
		*dst = rollback
		if len(rollback.OnVerification)+len(rollback.OnPromotion) == 0 {
			d.problem(n, path).warning().message("autoRollback names no phase, so it never rolls back").expected("onVerification or onPromotion")
		}
	}
}

// phases reads a list of distinct words; an empty one stays a list.
func phases[T ~string](d *decoder, dst *[]T, values ...T) reader {
	return func(n *yaml.Node, path string) {
		*dst = []T{}
		d.list(func(n *yaml.Node, path string) {
			var v T
			enum(d, &v, values...)(n, path)
			switch {
			case v == "":
			case slices.Contains(*dst, v):
				d.problem(n, path).message("%s stands twice", v).expected("one")
			default:
				*dst = append(*dst, v)
			}
		})(n, path)
	}
}

// checkPolicies refuses policies for Stages that do not exist, and two for one.
func (doc *document) checkPolicies(d *decoder, g *graph) {
	seen := map[string]ref{}
	for _, p := range doc.policies {
		if !p.broken {
			g.checkSelector(d, p.Selector, ref{node: p.node, path: p.path}, p.stage, "a promotion policy")
		}
		if p.stage.name == "" {
			continue
		}
		g.knownStage(d, p.stage, "a promotion policy is for")
		if len(p.Selector.MatchLabels)+len(p.Selector.MatchExpressions) > 0 {
			continue
		}
		if first, twice := seen[p.stage.name]; twice {
			d.problem(p.stage.node, p.stage.path).
				message("a second promotion policy for Stage %q, first on line %d", p.stage.name, first.node.Line).expected("one")
			continue
		}
		seen[p.stage.name] = p.stage
	}
}

// knownStage reports a name that no Stage has. What is a phrase such as "a
// promotion policy is for".
func (g *graph) knownStage(d *decoder, r ref, what string) {
	if r.name == "" || g.stages[r.name] != nil {
		return
	}
	hint := g.matrixHint(r.name)
	if hint != "" {
		hint = "glob:" + hint
	} else {
		hint = d.closest(r.name, g.names)
	}
	d.problem(r.node, r.path).message("%s unknown Stage %s", what, quoted(r.name)).expected("%s", oneOf(g.names)).suggest(hint)
}

// autoPromotion turns the shorthand of Stages into policies. The explicit ones come
// first and so win; a Stage that says the contrary of them is refused.
func (doc *document) autoPromotion(d *decoder) {
	first := doc.firstPolicy(d)
	for _, p := range doc.policies {
		doc.promotion = append(doc.promotion, p.PromotionPolicy)
	}
	for _, s := range doc.stages {
		if s.autoPromote.node == nil && s.rollback.node == nil {
			continue
		}
		i := first(s.Stage)
		if i < 0 {
			if s.autoPromote.value || s.autoRollback != nil {
				doc.promotion = append(doc.promotion, pipeline.PromotionPolicy{
					Selector:             pipeline.StageSelector{Name: s.Name},
					AutoPromotionEnabled: s.autoPromote.value,
					AutoRollback:         s.autoRollback,
				})
			}
			continue
		}
		wins := doc.policies[i]
		if s.autoPromote.node != nil && wins.AutoPromotionEnabled != s.autoPromote.value {
			d.problem(s.autoPromote.node, s.autoPromote.path).
				message("autoPromote: %t contradicts the promotion policy on line %d, which wins", s.autoPromote.value, wins.node.Line).
				expected("autoPromote: %t, or another policy", wins.AutoPromotionEnabled)
		}
		if s.rollback.node != nil && !reflect.DeepEqual(s.autoRollback, wins.AutoRollback) {
			d.problem(s.rollback.node, s.rollback.path).
				message("autoRollback differs from the promotion policy on line %d, which wins", wins.node.Line).
				expected("autoRollback in that policy")
		}
	}
}

// firstPolicy returns the function that gives the index of the first policy that selects
// a Stage, -1 for none.
func (doc *document) firstPolicy(d *decoder) func(pipeline.Stage) int {
	type pattern struct {
		index int
		match func(pipeline.Stage) bool
	}
	byName := map[string]int{}
	var patterns []pattern
	for i, p := range doc.policies {
		if !exact(p.Selector) {
			patterns = append(patterns, pattern{i, compiled(p.Selector)})
		} else if _, known := byName[p.Selector.Name]; !known {
			byName[p.Selector.Name] = i
		}
	}
	if len(patterns) > maxItems {
		p := doc.policies[patterns[maxItems].index]
		d.problem(p.node, p.path).message("there are %d promotion policies with patterns or labels", len(patterns)).expected("at most %d", maxItems)
		patterns = nil
	}
	return func(s pipeline.Stage) int {
		first, known := byName[s.Name]
		if !known {
			first = -1
		}
		for _, p := range patterns {
			if known && p.index > first {
				break
			}
			if p.match(s) {
				return p.index
			}
		}
		return first
	}
}

// policyNode prints what policy reads.
func policyNode(p pipeline.PromotionPolicy) *yaml.Node {
	o := newObject()
	if exact(p.Selector) {
		o.text("stage", p.Selector.Name)
	} else {
		o.set("stageSelector", selectorNode(p.Selector))
	}
	o.set("autoPromotionEnabled", valueNode(p.AutoPromotionEnabled))
	if r := p.AutoRollback; r != nil {
		rollback := newObject()
		rollback.set("onVerification", listNode(r.OnVerification, wordNode[pipeline.VerificationPhase]))
		rollback.set("onPromotion", listNode(r.OnPromotion, wordNode[pipeline.Phase]))
		o.set("autoRollback", rollback.node)
	}
	return o.node
}

func wordNode[T ~string](v T) *yaml.Node { return textNode(string(v)) }
