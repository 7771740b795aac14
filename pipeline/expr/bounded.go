package expr

import (
	"fmt"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
)

// The names cannot be written in an expression.
const (
	chargeFunc = "\x00charge"
	tickFunc   = "\x00tick"
	matchFunc  = "\x00match"
)

// overrides are the functions that the budget brings with it: those of meter, and those
// of the language whose result can be much larger, or take much longer, than its arguments.
var overrides = map[string]bool{
	chargeFunc: true, tickFunc: true, matchFunc: true,
	"repeat": true, "replace": true, "join": true, "uniq": true, "now": true,
}

func (b *budget) functions() []expr.Option {
	return []expr.Option{
		expr.Function(chargeFunc, func(args ...any) (any, error) { return nil, b.weigh(args[0]) }, new(func(any) any)),
		expr.Function(tickFunc, func(...any) (any, error) { return nil, b.charge(scalarSize) }, new(func() any)),
		expr.Function(matchFunc, b.matches, new(func(any, any) bool)),
		expr.Function("repeat", b.repeat, new(func(string, int) string)),
		expr.Function("replace", b.replace,
			new(func(string, string, string) string), new(func(string, string, string, int) string)),
		expr.Function("join", b.join,
			new(func([]any) string), new(func([]any, string) string),
			new(func([]string) string), new(func([]string, string) string)),
		expr.Function("uniq", b.uniq, new(func([]any) []any), new(func([]string) []any), new(func([]int) []any)),
	}
}

func (b *budget) repeat(args ...any) (any, error) {
	s, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	n, err := integer(args, 1)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > maxText {
		return nil, fmt.Errorf("cannot repeat %d times", n)
	}
	if err := b.build(len(s) * n); err != nil {
		return nil, err
	}
	return strings.Repeat(s, n), nil
}

func (b *budget) replace(args ...any) (any, error) {
	var s [3]string
	for i := range s {
		var err error
		if s[i], err = text(args, i); err != nil {
			return nil, err
		}
	}
	n := -1
	if len(args) > 3 {
		var err error
		if n, err = integer(args, 3); err != nil {
			return nil, err
		}
	}
	count := strings.Count(s[0], s[1])
	if n >= 0 {
		count = min(count, n)
	}
	if err := b.build(len(s[0]) + count*len(s[2])); err != nil {
		return nil, err
	}
	return strings.Replace(s[0], s[1], s[2], n), nil
}

func (b *budget) join(args ...any) (any, error) {
	var glue string
	if len(args) > 1 {
		var err error
		if glue, err = text(args, 1); err != nil {
			return nil, err
		}
	}
	items, err := elements(args[0])
	if err != nil {
		return nil, err
	}
	pieces := make([]string, len(items))
	size := 0
	for i := range items {
		if pieces[i], err = text(items, i); err != nil {
			return nil, fmt.Errorf("a list of strings is needed: element %w", err)
		}
		if size += len(pieces[i]) + len(glue); size > maxText {
			break
		}
	}
	if err := b.build(size); err != nil {
		return nil, err
	}
	return strings.Join(pieces, glue), nil
}

func (b *budget) uniq(args ...any) (any, error) {
	items, err := elements(args[0])
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, item := range items {
		if err := b.charge(scalarSize * (len(out) + 1)); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(seen any) bool { return reflect.DeepEqual(seen, item) }) {
			out = append(out, item)
		}
	}
	return out, nil
}

func elements(list any) ([]any, error) {
	if items, ok := list.([]any); ok {
		return items, nil
	}
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return nil, fmt.Errorf("argument 1 must be a list, not %s", describe(list))
	}
	items := make([]any, v.Len())
	for i := range items {
		items[i] = v.Index(i).Interface()
	}
	return items, nil
}

func integer(args []any, i int) (int, error) {
	switch n := args[i].(type) {
	case int:
		return n, nil
	case int64:
		return int(n), nil
	case float64:
		return int(n), nil
	}
	return 0, fmt.Errorf("argument %d must be a number, not %s", i+1, describe(args[i]))
}

const (
	maxPattern      = 1_000 // bytes of a regular expression
	maxInstructions = 5_000 // of its program
	stepsPerByte    = 4     // of that program, for each byte of budget
)

// matches is the operator of that name. Matching takes time in proportion to the text
// times the program, and a short pattern can have a large program.
func (b *budget) matches(args ...any) (any, error) {
	if args[0] == nil || args[1] == nil {
		return false, nil
	}
	s, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	source, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	instructions, err := patternSize(source)
	if err != nil {
		return nil, err
	}
	if err := b.charge((len(s) + len(source)) * instructions / stepsPerByte); err != nil {
		return nil, err
	}
	pattern, err := regexp.Compile(source)
	if err != nil {
		return nil, err
	}
	return pattern.MatchString(s), nil
}

// patternSize is how many instructions a regular expression compiles to; an error when it
// does not compile, or is too large.
func patternSize(source string) (int, error) {
	if len(source) > maxPattern {
		return 0, fmt.Errorf("regular expression of %d bytes is longer than %d", len(source), maxPattern)
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 0, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0, err
	}
	if len(program.Inst) > maxInstructions {
		return 0, fmt.Errorf("regular expression %q is too large", shorten(source))
	}
	return len(program.Inst), nil
}
