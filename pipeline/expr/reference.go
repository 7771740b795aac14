package expr

import (
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Reference is a name that an expression mentions.
type Reference struct {
	// Root is a variable (outputs, vars, ctx, ...) or, with Call, a function.
	Root string
	// Path is the members of the variable that are used, written .name or ["name"], up to
	// the first that is computed: build, commit for outputs.build.commit. Of a call it is
	// the arguments up to the first that is no literal string.
	Path []string
	// Call says that Root is a function.
	Call bool
	// Computed says of a call that it has arguments after those of Path.
	Computed bool
	// Offset is where Root stands in the template, in bytes.
	Offset int
}

// Name is the first element of Path, or the empty string.
func (r Reference) Name() string {
	if len(r.Path) == 0 {
		return ""
	}
	return r.Path[0]
}

// References lists what the expressions of a template mention, in order of appearance, so
// that outputs.build can be checked against the steps before, and variables be evaluated
// after those they use. It is static: what a condition skips is listed too, and names
// computed at run time are not. Local variables and expr's own functions are left out.
// The error is an [*Error] for a template that does not parse.
func References(template string) ([]Reference, error) {
	if !HasExpression(template) {
		return nil, nil
	}
	parts, err := split(template)
	if err != nil {
		return nil, err
	}
	var all []Reference
	for _, p := range parts {
		if !p.expression {
			continue
		}
		found, err := p.references()
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// ReferencesBare is References for an expression that stands without delimiters.
func ReferencesBare(expression string) ([]Reference, error) {
	p, err := bare(expression)
	if err != nil {
		return nil, err
	}
	return p.references()
}

func (p part) references() ([]Reference, error) {
	tree, err := parser.Parse(p.source)
	if err != nil {
		return nil, p.located(err)
	}
	c := collector{part: p, at: map[ast.Node]int{}, locals: map[string]bool{}}
	ast.Walk(&tree.Node, &c)
	found := slices.DeleteFunc(c.found, func(r Reference) bool { return !r.Call && c.locals[r.Root] })
	slices.SortStableFunc(found, func(a, b Reference) int { return a.Offset - b.Offset })
	return found, nil
}

// collector gathers references. A walk visits an identifier before what it is part of, so
// a reference gets its Path, or becomes a call, when the parents are seen.
type collector struct {
	part   part
	found  []Reference
	at     map[ast.Node]int // index into found of what a node is, or is a member of
	locals map[string]bool
}

// Visit implements ast.Visitor.
func (c *collector) Visit(node *ast.Node) {
	switch v := (*node).(type) {
	case *ast.IdentifierNode:
		c.at[v] = len(c.found)
		c.found = append(c.found, Reference{Root: v.Value, Offset: c.part.offset + c.part.byteOffset(v.Location().From)})
	case *ast.MemberNode:
		if i, ok := c.at[v.Node]; ok {
			if property, ok := v.Property.(*ast.StringNode); ok {
				c.found[i].Path = append(c.found[i].Path, property.Value)
				c.at[v] = i
			}
		}
	case *ast.ChainNode: // stands around members with ?.
		if i, ok := c.at[v.Node]; ok {
			c.at[v] = i
		}
	case *ast.CallNode:
		callee, ok := v.Callee.(*ast.IdentifierNode)
		if !ok {
			return
		}
		i := c.at[callee]
		c.found[i].Call = true
		for _, arg := range v.Arguments {
			literal, ok := arg.(*ast.StringNode)
			if !ok {
				c.found[i].Computed = true
				break
			}
			c.found[i].Path = append(c.found[i].Path, literal.Value)
		}
	case *ast.VariableDeclaratorNode:
		c.locals[v.Name] = true
	}
}
