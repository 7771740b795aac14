package kargofile

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// maxExpressions bounds how many different expressions a file may hold, each of which
// is compiled.
const maxExpressions = 20_000

// checked is a template at a place that allows so much.
type checked struct {
	template string
	allow    expr.Allow
}

// template checks the expressions in a string, at their own positions.
func (d *decoder) template(n *yaml.Node, path string, allow expr.Allow) bool {
	if !expr.HasExpression(n.Value) {
		return true
	}
	if before := d.templates; !d.counted[n.Value] {
		d.counted[n.Value] = true
		if d.templates += countExpressions(n.Value); d.templates > maxExpressions && before <= maxExpressions {
			d.problem(n, path).message("the file holds more than %d different expressions", maxExpressions).expected("fewer")
		}
	}
	if d.templates > maxExpressions {
		return false
	}
	d.noMatrix(n, path)
	key := checked{n.Value, allow}
	fault, known := d.checked[key]
	if !known {
		fault = expr.CheckFor(n.Value, allow)
		d.checked[key] = fault
	}
	if !d.expressions(n, path, fault) {
		return false
	}
	if d.current != nil || d.task != nil {
		d.mentions = append(d.mentions, mention{node: n, path: path, stage: d.current, task: d.task, step: d.inStep})
	}
	return true
}

func countExpressions(s string) int { return strings.Count(s, "${{") + strings.Count(s, "${%") }

func (d *decoder) expressions(n *yaml.Node, path string, err error) bool {
	faults := unjoin(err)
	for _, fault := range faults {
		e := &invalid{message: fault.Error()}
		if at, ok := errors.AsType[*expr.Error](fault); ok {
			e.offset = at.Offset
			e.message = "invalid expression: " + at.Message
			if at.Expression == "" {
				e.message = at.Message
			}
		}
		d.invalid(n, path, e)
	}
	return len(faults) == 0
}

// unjoin returns the parts of a joined error.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // only the outermost one is taken apart
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, unjoin(e)...)
		}
		return all
	}
	return []error{err}
}

// templated reads a non-empty string with expressions.
func (d *decoder) templated(dst *string, allow expr.Allow, checks ...func(string) error) reader {
	return func(n *yaml.Node, path string) {
		var s string
		d.text(&s)(n, path)
		if s == "" || !d.template(n, path, allow) {
			return
		}
		*dst = s
		if expr.HasExpression(s) {
			return
		}
		d.text(&s, checks...)(n, path)
	}
}

// bare reads an expression that stands without delimiters.
func (d *decoder) bare(dst *string) reader {
	return func(n *yaml.Node, path string) {
		d.text(dst)(n, path)
		if *dst == "" {
			return
		}
		if trimmed := strings.TrimSpace(*dst); strings.HasPrefix(trimmed, "${{") || strings.HasPrefix(trimmed, "${%") {
			d.problem(n, path).message("%s is an expression as it stands", last(path)).
				expected("no ${{ }} around it").suggest(cut(strings.TrimSpace(strings.Trim(trimmed, "${}%"))))
			return
		}
		d.expressions(n, path, expr.CheckBare(*dst))
	}
}
