package kargofile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// labelKeyForm and labelValueForm are Kubernetes' forms of labels.
var (
	labelKeyForm   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	labelValueForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$`)
)

// selector reads which Stages something is for. Exact is where an exact name
// stands.
func (d *decoder) selector(dst *pipeline.StageSelector, exact *ref) reader {
	return func(n *yaml.Node, path string) {
		d.object(n, path, "stageSelector",
			field{"name", func(n *yaml.Node, path string) {
				d.text(&dst.Name, checkPattern)(n, path)
				if !strings.Contains(dst.Name, ":") {
					*exact = ref{dst.Name, n, path}
				}
			}},
			field{"matchLabels", d.labels(&dst.MatchLabels)},
			field{"matchExpressions", d.list(func(n *yaml.Node, path string) {
				dst.MatchExpressions = append(dst.MatchExpressions, d.requirement(n, path))
			})},
		)
	}
}

// compiled returns the function that StageSelector.Matches is, for many Stages. A
// malformed pattern matches nothing.
func compiled(s pipeline.StageSelector) func(pipeline.Stage) bool {
	named := func(string) bool { return true }
	kind, rest, found := strings.Cut(s.Name, ":")
	switch {
	case s.Name == "":
	case found && kind == "glob":
		named = func(name string) bool {
			ok, err := doublestar.Match(rest, name)
			return err == nil && ok
		}
	case found:
		re, err := regexp.Compile(rest)
		named = func(name string) bool { return err == nil && re.MatchString(name) }
	default:
		named = func(name string) bool { return s.Name == name }
	}
	labels := s
	labels.Name = ""
	if len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		return func(stage pipeline.Stage) bool { return named(stage.Name) }
	}
	return func(stage pipeline.Stage) bool { return named(stage.Name) && labels.Matches(stage) }
}

// exact reports whether a selector is a name and nothing else.
func exact(s pipeline.StageSelector) bool {
	return s.Name != "" && !strings.Contains(s.Name, ":") && len(s.MatchLabels)+len(s.MatchExpressions) == 0
}

// checkSelector warns of a selector without any Stage; an exact name is an error of its
// own.
func (g *graph) checkSelector(d *decoder, s pipeline.StageSelector, at ref, name ref, what string) {
	if name.node != nil || s.Name == "" && len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		return
	}
	if g.matches += len(g.doc.stages); g.matches > maxMatches {
		return
	}
	match := compiled(s)
	if !slices.ContainsFunc(g.doc.stages, func(s *stage) bool { return match(s.Stage) }) {
		d.problem(at.node, at.path).warning().message("%s selects no Stage", what).expected("%s", oneOf(g.names))
	}
}

// requirement reads one condition on labels.
func (d *decoder) requirement(n *yaml.Node, path string) pipeline.LabelRequirement {
	var r pipeline.LabelRequirement
	found := d.object(n, path, "a label requirement",
		field{"key", d.text(&r.Key, checkLabelKey)},
		field{"operator", enum(d, &r.Operator, pipeline.LabelIn, pipeline.LabelNotIn, pipeline.LabelExists, pipeline.LabelDoesNotExist)},
		field{"values", d.texts(&r.Values, checkLabelValue)},
	)
	if found == nil {
		return r
	}
	for _, f := range []string{"key", "operator"} {
		if found[f] == nil {
			d.missing(n, path, "a label requirement", f)
		}
	}
	switch r.Operator {
	case pipeline.LabelIn, pipeline.LabelNotIn:
		if len(r.Values) == 0 {
			d.problem(n, path).message("the operator %s needs values", r.Operator).expected("at least one")
		}
	case pipeline.LabelExists, pipeline.LabelDoesNotExist:
		if at := found["values"]; at != nil {
			d.problem(at, join(path, "values")).message("the operator %s takes no values", r.Operator).expected("In or NotIn")
		}
	}
	return r
}

func checkLabelKey(s string) error {
	if labelKeyForm.MatchString(s) {
		return nil
	}
	return &invalid{message: quoted(s) + " is not the key of a label", expected: "letters, digits, dashes, dots and underscores, at most 63"}
}

func checkLabelValue(s string) error {
	if labelValueForm.MatchString(s) {
		return nil
	}
	return &invalid{message: quoted(s) + " is not the value of a label", expected: "letters, digits, dashes, dots and underscores, at most 63"}
}

// labels reads a mapping of strings.
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

// selectorNode prints what selector reads.
func selectorNode(s pipeline.StageSelector) *yaml.Node {
	o := newObject()
	o.text("name", s.Name)
	o.set("matchLabels", labelsNode(s.MatchLabels))
	if len(s.MatchExpressions) > 0 {
		o.set("matchExpressions", listNode(s.MatchExpressions, func(r pipeline.LabelRequirement) *yaml.Node {
			o := newObject()
			o.text("key", r.Key)
			o.text("operator", r.Operator)
			o.texts("values", r.Values)
			return o.node
		}))
	}
	return o.node
}

func labelsNode(labels map[string]string) *yaml.Node {
	o := newObject()
	for _, key := range sortedKeys(labels) {
		o.set(key, textNode(labels[key]))
	}
	return o.orNil()
}
