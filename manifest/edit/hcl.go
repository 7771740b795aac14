package edit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

func hclFormat() format {
	return format{name: "HCL", limit: maxHCL, parse: parseHCL, write: writeHCL, key: parseKey}
}

const (
	// maxHCL is the size in bytes above which an HCL file is not edited: its parser
	// takes a hundred times the memory.
	maxHCL = 1 << 20
	// maxOperators bounds the operators of a file, because each may nest what
	// follows it.
	maxOperators = 10_000
)

// SetHCL sets values in an HCL file, such as OpenTofu's, and changes no byte besides
// theirs. A key names a block's type, its labels and an attribute, and goes on into
// objects and lists: `resource.aws_instance.web.tags.version`. Where several blocks
// share type and labels, an index from 0 says which: `provider.aws.1.region`.
//
// An expression is replaced as a whole, whatever it computes; a list, a map and a
// `for` are no single value and are left alone. Strings are quoted so that nothing in
// them is taken for a template. Keys are never created, and null cannot be written.
// The last of several updates of one value wins. On error, which joins one *Error per
// bad update, out is nil.
func SetHCL(src []byte, updates []Update) (out []byte, changes []Change, err error) {
	updates = slices.Clone(updates)
	for i, u := range updates {
		if s, ok := u.Value.(string); ok {
			// HCL reads every string in Unicode's normal form.
			updates[i].Value = cty.NormalizeString(s)
		}
	}
	return hclFormat().set(src, updates)
}

// GetHCL returns the value under a key: a bool, a string, a number or nil. An
// expression that is more than a constant is its text.
func GetHCL(src []byte, key string) (any, error) { return hclFormat().get(src, key) }

func parseHCL(src []byte) (*node, error) {
	if err := checkHCLNesting(src); err != nil {
		return nil, err
	}
	file, diags := hclsyntax.ParseConfig(src, "", hcl.InitialPos)
	if diags.HasErrors() {
		d := diags.Errs()[0].(*hcl.Diagnostic) //nolint:errorlint,forcetypeassert // that is what diagnostics are
		e := &Error{Msg: "not valid HCL: " + d.Summary + ": " + d.Detail, Err: ErrSyntax}
		if d.Subject != nil {
			e.Line, e.Column = place(src, d.Subject.Start.Byte)
		}
		return nil, e
	}
	b := hclBuilder{src}
	return b.body(file.Body.(*hclsyntax.Body), span{}), nil //nolint:forcetypeassert // documented by ParseConfig
}

// checkHCLNesting refuses files that would exhaust the stack of the parser.
func checkHCLNesting(src []byte) error {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos) // the parser finds the same faults
	depth, operators := 0, 0
	for _, t := range tokens {
		switch t.Type { //nolint:exhaustive // nothing else nests
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash,
			hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenQuestion,
			hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq:
			operators++
		}
		if depth > maxNesting || operators > maxOperators {
			line, column := place(src, t.Range.Start.Byte)
			return &Error{Line: line, Column: column, Msg: "not usable HCL: nested too deep, or too many operators", Err: ErrSyntax}
		}
	}
	return nil
}

type hclBuilder struct{ src []byte }

func hclSpan(r hcl.Range) span { return span{r.Start.Byte, r.End.Byte} }

// body is the table of attributes and block types.
func (b hclBuilder) body(body *hclsyntax.Body, at span) *node {
	n := &node{kind: table, at: at}
	attributes := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		attributes = append(attributes, a)
	}
	slices.SortFunc(attributes, func(x, y *hclsyntax.Attribute) int {
		return cmp.Compare(x.SrcRange.Start.Byte, y.SrcRange.Start.Byte)
	})
	for _, a := range attributes {
		n.put(a.Name, b.expression(a.Expr))
	}
	types, byType := grouped(body.Blocks, func(k *hclsyntax.Block) string { return k.Type })
	for _, name := range types {
		n.put(name, b.blocks(byType[name], 0))
	}
	return n
}

// grouped returns the distinct names in order, and what has each.
func grouped(blocks []*hclsyntax.Block, name func(*hclsyntax.Block) string) ([]string, map[string][]*hclsyntax.Block) {
	var names []string
	by := map[string][]*hclsyntax.Block{}
	for _, k := range blocks {
		if by[name(k)] == nil {
			names = append(names, name(k))
		}
		by[name(k)] = append(by[name(k)], k)
	}
	return names, by
}

// blocks is what stands under a block type and the given number of labels: one
// block's body, a list of them, or a table by the next label.
func (b hclBuilder) blocks(blocks []*hclsyntax.Block, labels int) *node {
	var bare, labelled []*hclsyntax.Block
	for _, k := range blocks {
		if len(k.Labels) > labels {
			labelled = append(labelled, k)
		} else {
			bare = append(bare, k)
		}
	}
	at := hclSpan(blocks[0].TypeRange)
	var n *node
	switch len(bare) {
	case 0:
	case 1:
		n = b.body(bare[0].Body, hclSpan(bare[0].TypeRange))
	default:
		n = &node{kind: list, at: at, blocks: true}
		for _, k := range bare {
			n.items = append(n.items, b.body(k.Body, hclSpan(k.TypeRange)))
		}
	}
	if len(labelled) == 0 {
		return n
	}
	t := &node{kind: table, at: at}
	names, by := grouped(labelled, func(k *hclsyntax.Block) string { return k.Labels[labels] })
	for _, name := range names {
		t.put(name, b.blocks(by[name], labels+1))
	}
	if n != nil {
		t.put(hide(""), n)
	}
	return t
}

func (b hclBuilder) expression(e hclsyntax.Expression) *node {
	at := hclSpan(e.Range())
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		n := &node{kind: table, at: at}
		for _, item := range e.Items {
			n.put(b.objectKey(item.KeyExpr), b.expression(item.ValueExpr))
		}
		return n
	case *hclsyntax.TupleConsExpr:
		n := &node{kind: list, at: at}
		for _, item := range e.Exprs {
			n.items = append(n.items, b.expression(item))
		}
		return n
	case *hclsyntax.ForExpr:
		// A list or a map, of which no part can be addressed.
		return &node{kind: table, at: at, names: []string{hide("for")}, items: []*node{b.scalar(e, at)}}
	}
	return b.scalar(e, at)
}

func (b hclBuilder) scalar(e hclsyntax.Expression, at span) *node {
	n := &node{at: at, raw: string(b.src[at.start:at.end])}
	if value, ok := constant(e); ok {
		n.value = value
	} else {
		n.value = opaque(n.raw)
	}
	return n
}

func (b hclBuilder) objectKey(e hclsyntax.Expression) string {
	k, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if ok && !k.ForceNonLiteral {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" {
			return word
		}
		if v, ok := constant(k.Wrapped); ok {
			return fmt.Sprint(v)
		}
	}
	r := e.Range()
	return hide(string(b.src[r.Start.Byte:r.End.Byte]))
}

// constant returns the value of an expression that needs no evaluation.
func constant(e hclsyntax.Expression) (any, bool) {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return fromCty(e.Val)
	case *hclsyntax.ParenthesesExpr:
		return constant(e.Expression)
	case *hclsyntax.UnaryOpExpr:
		inner, ok := e.Val.(*hclsyntax.LiteralValueExpr)
		if ok && e.Op == hclsyntax.OpNegate && inner.Val.Type() == cty.Number && !inner.Val.IsNull() {
			return fromCty(inner.Val.Negate())
		}
	case *hclsyntax.TemplateExpr:
		var text strings.Builder
		for _, part := range e.Parts {
			l, ok := part.(*hclsyntax.LiteralValueExpr)
			if !ok || l.Val.Type() != cty.String || l.Val.IsNull() {
				return nil, false
			}
			text.WriteString(l.Val.AsString())
		}
		return text.String(), true
	}
	return nil, false
}

func fromCty(v cty.Value) (any, bool) {
	switch {
	case !v.IsKnown():
		return nil, false
	case v.IsNull():
		return nil, true
	case v.Type() == cty.String:
		return v.AsString(), true
	case v.Type() == cty.Bool:
		return v.True(), true
	case v.Type() == cty.Number:
		f := v.AsBigFloat()
		format := byte('g')
		if f.IsInt() && f.MantExp(nil) < 1024 {
			format = 'f'
		}
		n, err := normalize(json.Number(f.Text(format, -1)))
		return n, err == nil
	}
	return nil, false
}

func writeHCL(_ *node, value any) (string, error) {
	if s, ok := value.(string); ok {
		return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()), nil
	}
	return literal(value), nil
}
