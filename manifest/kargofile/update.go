package kargofile

import (
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// updateItem is one item of the update shorthand as decoded.
type updateItem struct {
	node *yaml.Node
	path string

	image     ref
	chart     ref
	kustomize ref
	file      ref
	key       string
	value     any
	valueRef  ref
	from, to  string
	// rendering is nil for items that edit, carry for those that take nothing from
	// elsewhere.
	rendering *rendering
	carry     *carry
}

func (d *decoder) updateItem(n *yaml.Node, at string) *updateItem {
	u := &updateItem{node: n, path: at}
	var value *yaml.Node
	path := func(dst *ref) reader {
		return func(n *yaml.Node, path string) {
			d.templated(&dst.name, expr.AllowOutputs, checkPath)(n, path)
			dst.node, dst.path = n, path
		}
	}
	var from, to ref
	var r rendering
	var c carry
	found := d.object(n, at, "an update item", append([]field{
		{"image", func(n *yaml.Node, path string) {
			d.text(&u.image.name, checkImage)(n, path)
			u.image.node, u.image.path = n, path
		}},
		{"chart", func(n *yaml.Node, path string) {
			d.text(&u.chart.name)(n, path)
			u.chart.node, u.chart.path = n, path
		}},
		{"kustomize", path(&u.kustomize)},
		{"file", path(&u.file)},
		{"key", d.templated(&u.key, expr.AllowOutputs)},
		{"value", func(n *yaml.Node, path string) { value, u.valueRef = n, ref{node: n, path: path} }},
		{"copy", path(&from)},
		{"to", path(&to)},
	}, slices.Concat(d.renderingFields(&r), d.carryFields(&c))...)...)
	if found == nil {
		return u
	}
	if found["render"] != nil {
		r.to = to
		u.rendering = d.checkRendering(&r, n, at, found)
		return u
	}
	if found["from"] != nil {
		u.carry = d.checkCarry(&c, u, to, n, at, found)
		return u
	}
	u.from, u.to = from.name, to.name
	has := func(fields ...string) bool {
		for _, f := range fields {
			if found[f] == nil {
				return false
			}
		}
		return len(found) == len(fields)
	}
	switch {
	case has("image", "kustomize"):
	case has("chart", "file"):
		d.checkChartFile(u)
	case has("image", "file", "key"), has("image", "file", "key", "value"):
		if value != nil {
			var part string
			enum(d, &part, "tag", "digest", "ref")(value, u.valueRef.path)
			u.value = part
		}
	case has("file", "key", "value"):
		if value.Kind != yaml.ScalarNode {
			d.problem(value, u.valueRef.path).message("value is %s", describe(value)).expected("a single value")
			break
		}
		u.value = d.scalar(value, u.valueRef.path, expr.AllowAll)
	case has("copy", "to"):
		d.checkSeparate(u.from, to)
	default:
		u.chart.name = ""
		d.problem(n, at).message("an update item has the wrong fields").
			expected("{image, kustomize}, {image, file, key, value}, {chart, file}, {file, key, value}, {from, to}, {copy, to} or {render, path, branch}")
	}
	return u
}

// checkSeparate refuses to put something into itself, since the target becomes what the
// source is.
func (d *decoder) checkSeparate(from string, to ref) {
	if expr.HasExpression(from) || expr.HasExpression(to.name) || from == "" || to.name == "" {
		return
	}
	source, target := path.Clean(from), path.Clean(to.name)
	if target == "." || within(source, target) || within(target, source) {
		d.problem(to.node, to.path).message("%s and %s overlap", quoted(from), quoted(to.name)).expected("two separate places")
	}
}

// within reports whether the clean path p is dir or below it.
func within(p, dir string) bool {
	return dir == "." || p == dir || len(p) > len(dir) && p[:len(dir)] == dir && p[len(dir)] == '/'
}
