package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// runner compiles and runs expressions against one Env. It is not for concurrent use.
type runner struct {
	env     Env
	vars    map[string]any
	options []expr.Option
	budget  budget
}

func newRunner(env Env) (*runner, error) {
	vars, err := env.variables()
	if err != nil {
		return nil, err
	}
	r := &runner{env: env, vars: vars}
	r.options = append(r.options, expr.MaxNodes(maxNodes))
	for name, f := range signatures {
		r.options = append(r.options, expr.Function(name, f.bind(r), f.types...))
	}
	if env.Now != nil {
		r.options = append(r.options, expr.Function("now", nowFunction(env.Now), new(func() time.Time)))
	}
	r.options = append(r.options, r.budget.functions()...)
	return r, nil
}

// run evaluates one expression. Panics of the language's implementation become errors.
func (r *runner) run(p part) (value any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			value, err = nil, p.fault(0, fmt.Errorf("cannot be evaluated: %v", cause))
		}
	}()
	program, err := r.compile(p)
	if err != nil {
		return nil, err
	}
	machine := vm.VM{MemoryBudget: maxElements}
	value, err = machine.Run(program, r.vars)
	if err != nil {
		return nil, p.located(err)
	}
	return value, nil
}

func (r *runner) compile(p part) (program *vm.Program, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			program, err = nil, p.fault(0, fmt.Errorf("cannot be compiled: %v", cause))
		}
	}()
	names := &nameCheck{allow: r.env.Allow}
	options := append(r.options[:len(r.options):len(r.options)], expr.Patch(names), expr.Patch(&meter{}))
	program, err = expr.Compile(p.source, options...)
	if fault := names.fault(); fault != nil {
		return nil, p.fault(p.byteOffset(fault.at), errors.New(fault.message))
	}
	if err != nil {
		return nil, p.located(err)
	}
	return program, nil
}

// located turns an error of the language, which knows its place in characters from the
// start of the expression, into one that knows its place in the template.
func (p part) located(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return p.fault(0, err)
	}
	return &Error{
		Offset: p.offset + p.byteOffset(at.From), Expression: strings.TrimSpace(p.source),
		Message: plainMessage(at.Message), Err: at.Prev,
	}
}

// plainMessage rewords what the language says in terms of its parser or of Go.
func plainMessage(message string) string {
	if message == "unexpected token EOF" {
		return "the expression is empty or ends too early"
	}
	if conversion, ok := strings.CutPrefix(message, "interface conversion: interface {} is "); ok {
		if got, want, ok := strings.Cut(conversion, ", not "); ok {
			return fmt.Sprintf("the value is %s where a %s is needed", got, want)
		}
	}
	return message
}

func (p part) fault(offset int, err error) *Error {
	return &Error{Offset: p.offset + offset, Expression: strings.TrimSpace(p.source), Message: err.Error(), Err: err}
}

func (p part) byteOffset(runes int) int {
	for i := range p.source {
		if runes <= 0 {
			return i
		}
		runes--
	}
	return len(p.source)
}
