package expr

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// Query evaluates an expression that stands without delimiters against a document,
// as Kargo's yaml-parse and the like do, and returns its value as it is: no coercion.
// A map's keys are variables; a document of any other kind is $env. The functions are
// the language's own, none of Kargo's.
//
// The document is made of map[string]any, []any and scalars, whose json.Number become
// ints where they fit and floats otherwise. A name that the document does not have is
// nil; a member of nil is an error unless written ?.name.
//
// Faults are returned as [*Error].
func Query(expression string, document any) (value any, err error) {
	p, err := bare(expression)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cause := recover(); cause != nil {
			value, err = nil, p.fault(0, fmt.Errorf("cannot be evaluated: %v", cause))
		}
	}()
	b := &budget{}
	program, err := compileQuery(p, b)
	if err != nil {
		return nil, err
	}
	machine := vm.VM{MemoryBudget: maxElements}
	if document == nil {
		document = map[string]any{}
	}
	if value, err = machine.Run(program, usable(document)); err != nil {
		return nil, p.located(err)
	}
	if err := b.weigh(value); err != nil { // one text may stand in it many times
		return nil, p.fault(0, err)
	}
	return value, nil
}

// CheckQuery compiles an expression for a Query without running it.
func CheckQuery(expression string) (err error) {
	p, err := bare(expression)
	if err != nil {
		return err
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = p.fault(0, fmt.Errorf("cannot be compiled: %v", cause))
		}
	}()
	_, err = compileQuery(p, &budget{})
	return err
}

func compileQuery(p part, b *budget) (*vm.Program, error) {
	calls := &queryCalls{}
	options := append([]expr.Option{expr.MaxNodes(maxNodes)}, b.functions()...)
	program, err := expr.Compile(p.source, append(options, expr.Patch(calls), expr.Patch(&meter{}))...)
	if fault := calls.fault(); fault != nil {
		return nil, p.fault(p.byteOffset(fault.at), errors.New(fault.message))
	}
	if err != nil {
		return nil, p.located(err)
	}
	return program, nil
}

// queryCalls finds functions that do not exist, which the language itself would take
// for nil until they are called.
type queryCalls struct{ nameCheck }

// Visit implements ast.Visitor.
func (q *queryCalls) Visit(node *ast.Node) {
	v, ok := (*node).(*ast.CallNode)
	if !ok {
		return
	}
	if callee, ok := v.Callee.(*ast.IdentifierNode); ok && !overrides[callee.Value] {
		q.add(callee, "", fmt.Sprintf("there is no function %s() here", callee.Value))
	}
}

// usable returns v with numbers that the language can calculate with.
func usable(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, _ := v.Float64()
		return f
	case int64:
		return int(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = usable(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = usable(item)
		}
		return out
	}
	return v
}
