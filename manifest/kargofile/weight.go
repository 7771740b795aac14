package kargofile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Bounds on the canonical form, which may be larger than a file: a Stage of five
// lines is one of sixty there.
const (
	maxCanonicalSize  = 16 << 20
	maxCanonicalNodes = 1_000_000
)

// weight is how much more the canonical form may hold.
type weight struct {
	nodes, bytes, expressions int
	counted                   map[string]bool
}

// canonicalFits reports whether the canonical form of a pipeline keeps the bounds.
// Shorthand, matrices and defaults can stand for far more than they take to write.
// It goes Stage by Stage, so that no more than one is in memory in that form.
func canonicalFits(p pipeline.Pipeline) bool {
	w := &weight{nodes: maxCanonicalNodes, bytes: maxCanonicalSize, expressions: maxExpressions, counted: map[string]bool{}}
	if len(p.Policies) > maxPolicies {
		return false
	}
	rest := p
	rest.Stages = nil
	if !w.fits(fileNode(File{Pipeline: rest}), 0) {
		return false
	}
	for _, s := range p.Stages {
		if !w.fits(stageNode(s), 2) {
			return false
		}
	}
	return true
}

// fits takes off what a node weighs at a depth.
func (w *weight) fits(n *yaml.Node, depth int) bool {
	w.nodes--
	if n.Kind == yaml.ScalarNode {
		// A line has an indentation, and a colon or dash with it.
		w.bytes -= len(n.Value) + (1+strings.Count(n.Value, "\n"))*(2*depth+4)
		if n.Style&yaml.DoubleQuotedStyle != 0 {
			w.bytes -= 5 * len(n.Value) // escapes
		}
		if count := countExpressions(n.Value); count > 0 && !w.counted[n.Value] {
			w.counted[n.Value] = true
			w.expressions -= count
		}
	}
	return w.nodes >= 0 && w.bytes >= 0 && w.expressions >= 0 &&
		!slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return !w.fits(c, depth+1) })
}
