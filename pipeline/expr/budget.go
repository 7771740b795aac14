package expr

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

const (
	maxNodes    = 5_000    // of one expression's syntax tree
	maxElements = 100_000  // made by ranges and list literals of one expression, counted by expr
	maxWork     = 32 << 20 // bytes of values worked on in one template
	maxText     = 1 << 20  // bytes that one call may build

	scalarSize = 8
	boxSize    = 16
)

var errTooMuchWork = errors.New("the expression does too much work")

// budget bounds what the expressions of one template may do. expr by itself bounds only
// the memory that ranges and literals take: loops over an existing list, and strings and
// lists that refer to each other, can cost exponentially more than their source is long.
// So each operand and each pass of a loop is charged for its size before it is used.
type budget struct {
	used int
}

func (b *budget) charge(size int) error {
	if b.used += size; b.used > maxWork || b.used < 0 {
		b.used = maxWork + 1
		return errTooMuchWork
	}
	return nil
}

// weigh charges for the size that v has when written out, and stops when that is too much.
func (b *budget) weigh(v any) error {
	switch v := v.(type) {
	case nil, bool, int, int64, float64:
		return b.charge(scalarSize)
	case string:
		return b.charge(scalarSize + len(v))
	case []any:
		for _, item := range v {
			if err := b.weigh(item); err != nil {
				return err
			}
		}
		return b.charge(boxSize)
	case map[string]any:
		for key, item := range v {
			if err := b.charge(len(key)); err != nil {
				return err
			}
			if err := b.weigh(item); err != nil {
				return err
			}
		}
		return b.charge(boxSize)
	}
	return b.weighValue(reflect.ValueOf(v))
}

func (b *budget) weighValue(v reflect.Value) error {
	switch v.Kind() { //nolint:exhaustive // the rest are scalars
	case reflect.String:
		return b.charge(scalarSize + v.Len())
	case reflect.Slice, reflect.Array:
		switch v.Type().Elem().Kind() { //nolint:exhaustive // elements of fixed size need no look at each
		case reflect.Interface, reflect.Slice, reflect.Map, reflect.String, reflect.Struct, reflect.Pointer:
			for i := range v.Len() {
				if err := b.weighElement(v.Index(i)); err != nil {
					return err
				}
			}
			return b.charge(boxSize)
		}
		return b.charge(boxSize + v.Len()*scalarSize)
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := b.weighElement(it.Key()); err != nil {
				return err
			}
			if err := b.weighElement(it.Value()); err != nil {
				return err
			}
		}
		return b.charge(boxSize)
	case reflect.Struct:
		return b.charge(boxSize * (1 + v.NumField()))
	}
	return b.charge(scalarSize)
}

func (b *budget) weighElement(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		return b.weigh(v.Interface())
	}
	return b.weighValue(v)
}

// The names cannot be written in an expression.
const (
	chargeFunc = "\x00charge"
	tickFunc   = "\x00tick"
)

// overrides are the functions that the budget brings with it: those of meter, and those
// of the language whose result can be much larger, or take much longer, than its arguments.
var overrides = map[string]bool{
	chargeFunc: true, tickFunc: true,
	"repeat": true, "replace": true, "join": true, "uniq": true, "now": true,
}

func (b *budget) functions() []expr.Option {
	return []expr.Option{
		expr.Function(chargeFunc, func(args ...any) (any, error) { return nil, b.weigh(args[0]) }, new(func(any) any)),
		expr.Function(tickFunc, func(...any) (any, error) { return nil, b.charge(scalarSize) }, new(func() any)),
		expr.Function("repeat", b.repeat, new(func(string, int) string)),
		expr.Function("replace", b.replace,
			new(func(string, string, string) string), new(func(string, string, string, int) string)),
		expr.Function("join", b.join,
			new(func([]any) string), new(func([]any, string) string),
			new(func([]string) string), new(func([]string, string) string)),
		expr.Function("uniq", b.uniq, new(func([]any) []any), new(func([]string) []any), new(func([]int) []any)),
	}
}

func (b *budget) build(size int) error {
	if size > maxText || size < 0 {
		return fmt.Errorf("the text would be longer than %d bytes", maxText)
	}
	return b.charge(size)
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

// meter rewrites an expression so that it charges the budget: an operand x becomes
// (let v = x; charge(v); v), which keeps its type, and the body of a loop (tick(); body).
type meter struct {
	variables int
}

// Visit implements ast.Visitor; children come before their parents.
func (m *meter) Visit(node *ast.Node) {
	switch v := (*node).(type) {
	case *ast.BinaryNode:
		switch v.Operator {
		case "&&", "||", "and", "or", "??":
			return
		}
		m.operand(&v.Left)
		m.operand(&v.Right)
	case *ast.CallNode:
		if callee, ok := v.Callee.(*ast.MemberNode); ok {
			m.operand(&callee.Node)
		}
		for i := range v.Arguments {
			m.operand(&v.Arguments[i])
		}
	case *ast.BuiltinNode:
		for i := range v.Arguments {
			m.operand(&v.Arguments[i])
		}
	case *ast.PredicateNode:
		at := v.Node.Location()
		v.Node = located(&ast.SequenceNode{Nodes: []ast.Node{call(tickFunc, at), v.Node}}, at)
	}
}

func (m *meter) operand(node *ast.Node) {
	switch (*node).(type) {
	case nil, *ast.NilNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.ConstantNode, *ast.PredicateNode:
		return
	}
	m.variables++
	name := fmt.Sprintf("\x00%d", m.variables)
	at := (*node).Location()
	use := func() ast.Node { return located(&ast.IdentifierNode{Value: name}, at) }
	*node = located(&ast.VariableDeclaratorNode{
		Name:  name,
		Value: *node,
		Expr:  located(&ast.SequenceNode{Nodes: []ast.Node{call(chargeFunc, at, use()), use()}}, at),
	}, at)
}

func call(name string, at file.Location, args ...ast.Node) ast.Node {
	return located(&ast.CallNode{Callee: located(&ast.IdentifierNode{Value: name}, at), Arguments: args}, at)
}

func located(node ast.Node, at file.Location) ast.Node {
	node.SetLocation(at)
	return node
}
