package expr

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// Condition evaluates the success or failure condition of a metric, in the dialect
// of Argo Rollouts: an expression without delimiters over result, with the functions
// asInt, asFloat, isNaN, isInf, isNil and default. It must give a bool.
//
// Two functions look at their argument where Argo Rollouts' look at result whatever
// the argument is: isNil(x) and default(x, otherwise).
//
// Faults are returned as [*Error].
func Condition(source string, result any) (ok bool, err error) {
	p, err := bare(source)
	if err != nil {
		return false, err
	}
	defer func() {
		if cause := recover(); cause != nil {
			ok, err = false, p.fault(0, fmt.Errorf("cannot be evaluated: %v", cause))
		}
	}()
	program, err := compileCondition(p, &budget{})
	if err != nil {
		return false, err
	}
	machine := vm.VM{MemoryBudget: maxElements}
	value, err := machine.Run(program, map[string]any{conditionResult: result})
	if err != nil {
		return false, p.located(err)
	}
	ok, isBool := value.(bool)
	if !isBool {
		return false, p.fault(0, fmt.Errorf("gives %s, not a bool", describe(value)))
	}
	return ok, nil
}

// CheckCondition compiles a condition without running it.
func CheckCondition(source string) (err error) {
	p, err := bare(source)
	if err != nil {
		return err
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = p.fault(0, fmt.Errorf("cannot be compiled: %v", cause))
		}
	}()
	_, err = compileCondition(p, &budget{})
	return err
}

const conditionResult = "result"

func compileCondition(p part, b *budget) (*vm.Program, error) {
	names := &conditionNames{}
	options := []expr.Option{expr.MaxNodes(maxNodes)}
	for name, f := range conditionFunctions {
		options = append(options, expr.Function(name, f.call, f.types...))
	}
	options = append(options, b.functions()...)
	options = append(options, expr.Patch(names), expr.Patch(&meter{}))
	program, err := expr.Compile(p.source, options...)
	if fault := names.fault(); fault != nil {
		return nil, p.fault(p.byteOffset(fault.at), fmt.Errorf("%s", fault.message))
	}
	if err != nil {
		return nil, p.located(err)
	}
	return program, nil
}

// conditionNames finds names that no condition knows, which the language itself
// would take for nil.
type conditionNames struct{ nameCheck }

// Visit implements ast.Visitor.
func (n *conditionNames) Visit(node *ast.Node) {
	switch v := (*node).(type) {
	case *ast.IdentifierNode:
		if v.Value != conditionResult && conditionFunctions[v.Value].call == nil && !overrides[v.Value] {
			n.add(v, v.Value, fmt.Sprintf("there is no %s in conditions, only result and asInt, asFloat, isNaN, isInf, isNil, default", v.Value))
		}
	case *ast.CallNode: // its name is an identifier, and seen as such
	default:
		n.nameCheck.Visit(node)
	}
}

type conditionFunction struct {
	call  func(args ...any) (any, error)
	types []any
}

var conditionFunctions = map[string]conditionFunction{
	"asInt":   {call: asInt, types: []any{new(func(any) int64)}},
	"asFloat": {call: asFloat, types: []any{new(func(any) float64)}},
	"isNaN":   {call: ofFloat(math.IsNaN), types: []any{new(func(any) bool)}},
	"isInf":   {call: ofFloat(func(f float64) bool { return math.IsInf(f, 0) }), types: []any{new(func(any) bool)}},
	"isNil":   {call: func(args ...any) (any, error) { return isNil(args[0]), nil }, types: []any{new(func(any) bool)}},
	"default": {call: otherwise, types: []any{new(func(any, any) any)}},
}

func asInt(args ...any) (any, error) {
	switch v := reflect.ValueOf(args[0]); {
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return int64(v.Uint()), nil //nolint:gosec // wraps as in Argo Rollouts
	case v.CanFloat():
		return int64(v.Float()), nil
	case v.Kind() == reflect.String:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("asInt() cannot read %q", shorten(v.String()))
		}
		return n, nil
	}
	return nil, fmt.Errorf("asInt() does not take %s", describe(args[0]))
}

func asFloat(args ...any) (any, error) {
	switch v := reflect.ValueOf(args[0]); {
	case v.CanInt():
		return float64(v.Int()), nil
	case v.CanUint():
		return float64(v.Uint()), nil
	case v.CanFloat():
		return v.Float(), nil
	case v.Kind() == reflect.String:
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return nil, fmt.Errorf("asFloat() cannot read %q", shorten(v.String()))
		}
		return f, nil
	}
	return nil, fmt.Errorf("asFloat() does not take %s", describe(args[0]))
}

func ofFloat(f func(float64) bool) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		if _, isText := args[0].(string); isText {
			return nil, fmt.Errorf("a number is needed, not %s", describe(args[0]))
		}
		v, err := asFloat(args...)
		if err != nil {
			return nil, fmt.Errorf("a number is needed, not %s", describe(args[0]))
		}
		return f(v.(float64)), nil
	}
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() { //nolint:exhaustive // nothing else can be nil
	case reflect.Map, reflect.Slice, reflect.Pointer:
		return r.IsNil()
	}
	return false
}

func otherwise(args ...any) (any, error) {
	if isNil(args[0]) {
		return args[1], nil
	}
	return args[0], nil
}
