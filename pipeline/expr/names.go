package expr

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// nameCheck finds functions that do not exist and names that may not be used here, which
// the language itself would take for nil until they are called, and bad regular expressions.
type nameCheck struct {
	allow  Allow
	locals map[string]bool
	// unnamed are the mentions of secrets that no literal name follows.
	unnamed []*ast.IdentifierNode
	faults  []nameFault
}

type nameFault struct {
	at      int // characters from the start of the expression
	name    string
	message string
}

// Visit implements ast.Visitor.
func (n *nameCheck) Visit(node *ast.Node) {
	switch v := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		if n.locals == nil {
			n.locals = map[string]bool{}
		}
		n.locals[v.Name] = true
	case *ast.IdentifierNode:
		if r, ok := restricted[v.Value]; ok && n.allow&r.allow == 0 {
			n.add(v, v.Value, r.where)
		}
		if v.Value == secretsName {
			n.unnamed = append(n.unnamed, v)
		}
	case *ast.MemberNode:
		if of, ok := v.Node.(*ast.IdentifierNode); ok && of.Value == secretsName {
			if _, literal := v.Property.(*ast.StringNode); literal {
				n.unnamed = slices.DeleteFunc(n.unnamed, func(i *ast.IdentifierNode) bool { return i == of })
			}
		}
	case *ast.BinaryNode:
		if pattern, ok := v.Right.(*ast.StringNode); ok && v.Operator == "matches" {
			if _, err := patternSize(pattern.Value); err != nil {
				n.add(pattern, "", err.Error())
			}
		}
	case *ast.CallNode:
		callee, ok := v.Callee.(*ast.IdentifierNode)
		if !ok || overrides[callee.Value] {
			return
		}
		f, known := signatures[callee.Value]
		switch {
		case !known:
			n.add(callee, "", fmt.Sprintf("there is no function %s()%s", callee.Value, suggestion(callee.Value)))
		case n.allow&f.allow != f.allow:
			n.add(callee, "", callee.Value+"() "+statusElsewhere)
		}
	}
}

func (n *nameCheck) add(node ast.Node, name, message string) {
	n.faults = append(n.faults, nameFault{at: node.Location().From, name: name, message: message})
}

// fault is the first one that no local variable of the same name explains.
func (n *nameCheck) fault() *nameFault {
	// Only secrets that are named are read, and no expression sees them all.
	for _, i := range n.unnamed {
		n.add(i, secretsName, "secrets must be named one by one: secrets.NAME")
	}
	n.unnamed = nil
	for i, f := range n.faults {
		if f.name == "" || !n.locals[f.name] {
			return &n.faults[i]
		}
	}
	return nil
}
