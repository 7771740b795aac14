package expr

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// meter rewrites an expression so that it charges the budget: an operand x becomes
// (let v = x; charge(v); v), which keeps its type, the body of a loop (tick(); body), and the
// operator matches a function.
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
		if v.Operator == "matches" {
			*node = call(matchFunc, v.Location(), v.Left, v.Right)
		}
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
