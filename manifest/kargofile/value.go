package kargofile

import (
	"math"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// value reads anything that JSON can hold, and checks the expressions in its
// strings. Whole numbers become int, so that a value is the same after it went
// through JSON or YAML; dates stay the text they are.
func (d *decoder) value(n *yaml.Node, path string, allow expr.Allow) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, ok := d.key(n.Content[i], path)
			if !ok {
				continue
			}
			if _, twice := m[key]; twice {
				d.problem(n.Content[i], join(path, key)).message("%q stands twice", cut(key)).expected("one")
				continue
			}
			m[key] = d.value(n.Content[i+1], join(path, key), allow)
		}
		return m
	case yaml.SequenceNode:
		items := make([]any, 0, len(n.Content))
		d.list(func(n *yaml.Node, path string) {
			items = append(items, d.value(n, path, allow))
		})(n, path)
		return items
	default:
		return d.scalar(n, path, allow)
	}
}

func (d *decoder) scalar(n *yaml.Node, path string, allow expr.Allow) any {
	switch n.ShortTag() {
	case "!!str":
		d.template(n, path, allow)
		return n.Value
	case "!!timestamp":
		return n.Value
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err == nil {
			if v, ok := jsonScalar(v); ok {
				return v
			}
		}
	}
	d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a value that JSON can hold")
	return nil
}

// maxExact is where float64 stops to tell neighbouring whole numbers apart.
const maxExact = 1 << 53

func jsonScalar(v any) (any, bool) {
	switch v := v.(type) {
	case bool, int:
		return v, true
	case int64:
		return int(v), true
	case uint64:
		return float64(v), true
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, false
		}
		if v == math.Trunc(v) && math.Abs(v) < maxExact {
			return int(v), true
		}
		return v, true
	}
	return nil, false
}
