package command

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"
)

// line is a line of a comment that starts with text.
type line struct {
	number int // 1-based
	text   string
	// lazy marks a line that Markdown shows as part of the quotation above it,
	// although it has no quotation mark of its own.
	lazy bool
}

// visibleLines returns the lines of a comment on which a command may stand: those
// whose first character, at column 0, is text that GitHub shows as such. body has
// LF line ends.
func visibleLines(body string) []line {
	src := []byte(body)
	doc := goldmark.DefaultParser().Parse(text.NewReader(src))
	starts := lineStarts(body)
	var (
		out   []line
		quote int      // nested quotations
		open  []string // HTML elements that make code or a quotation of what is in them
	)
	visit := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Blockquote:
			if entering {
				quote++
			} else {
				quote--
			}
		case *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.Image, *ast.Link:
			return ast.WalkSkipChildren, nil
		case *ast.HTMLBlock:
			if entering {
				raw := string(n.Lines().Value(src))
				if n.HasClosure() {
					raw += string(n.ClosureLine.Value(src))
				}
				open = trackHTML(open, raw)
			}
		case *ast.RawHTML:
			if entering {
				open = trackHTML(open, string(n.Segments.Value(src)))
			}
		case *ast.Text:
			number, first := starts[n.Segment.Start]
			if !entering || !first || len(open) > 0 {
				break
			}
			content, _, _ := strings.Cut(body[n.Segment.Start:], "\n")
			out = append(out, line{number: number, text: content, lazy: quote > 0})
		}
		return ast.WalkContinue, nil
	}
	// The visitor returns no errors, so neither does the walk.
	_ = ast.Walk(doc, visit)
	return out
}

// lineStarts maps the offset of each line's first byte to its number.
func lineStarts(body string) map[int]int {
	starts := map[int]int{0: 1}
	number := 1
	for i := range len(body) {
		if body[i] == '\n' {
			number++
			starts[i+1] = number
		}
	}
	return starts
}

// trackHTML updates the stack of open elements by a piece of HTML.
func trackHTML(open []string, raw string) []string {
	z := html.NewTokenizer(strings.NewReader(raw))
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			return open
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
		default:
			continue
		}
		tag, _ := z.TagName()
		name := string(tag)
		switch name {
		case "blockquote", "pre", "code", "samp", "script", "style", "textarea", "template":
		default:
			continue
		}
		if kind != html.EndTagToken {
			open = append(open, name)
			continue
		}
		for i := len(open) - 1; i >= 0; i-- {
			if open[i] == name {
				open = open[:i]
				break
			}
		}
	}
}

// depth is the number of quotations and lists that a line opens or continues.
func depth(l string) int {
	n := 0
	for {
		l = strings.TrimLeft(l, " \t")
		rest := strings.TrimLeft(l, "0123456789")
		switch {
		case strings.HasPrefix(l, ">"):
			l = l[1:]
		case len(l) > 1 && strings.IndexByte("-+*", l[0]) >= 0 && (l[1] == ' ' || l[1] == '\t'):
			l = l[2:]
		case len(rest) < len(l) && len(rest) > 1 && (rest[0] == '.' || rest[0] == ')') && (rest[1] == ' ' || rest[1] == '\t'):
			l = rest[2:]
		default:
			return n
		}
		n++
	}
}
