package demo

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// markdown renders what is written on GitHub, roughly as GitHub does. The text is
// hostile: whatever raw HTML it has passes the sanitizer.
type markdown struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

func newMarkdown() *markdown {
	policy := bluemonday.UGCPolicy()
	policy.AllowElements("details", "summary", "sub")
	policy.AllowAttrs("open").Matching(regexp.MustCompile(`^(open)?$`)).OnElements("details")
	policy.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
	policy.AllowAttrs("checked", "disabled").Matching(regexp.MustCompile(`^$`)).OnElements("input")
	policy.AllowAttrs("class").Matching(regexp.MustCompile(`^(add|del|hunk|code)$`)).OnElements("span", "pre")
	policy.RequireNoFollowOnLinks(false)
	policy.RequireNoReferrerOnLinks(true)
	return &markdown{policy: policy, parser: goldmark.New(
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough, extension.Linkify, extension.TaskList,
		),
		goldmark.WithRendererOptions(html.WithUnsafe(), renderer.WithNodeRenderers(util.Prioritized(diffRenderer{}, 1))),
	)}
}

// render returns HTML that is safe to show.
func (m *markdown) render(text string) (template.HTML, error) {
	var b bytes.Buffer
	if err := m.parser.Convert([]byte(text), &b); err != nil {
		return "", fmt.Errorf("render Markdown: %w", err)
	}
	return template.HTML(m.policy.SanitizeBytes(b.Bytes())), nil //nolint:gosec // sanitized
}

// diffRenderer marks the lines of diffs, so that they can be told apart.
type diffRenderer struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (diffRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, renderFence)
}

func renderFence(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block, ok := node.(*ast.FencedCodeBlock)
	if !ok {
		return ast.WalkContinue, nil
	}
	_, _ = w.WriteString(`<pre class="code"><code>`)
	diff := string(block.Language(source)) == "diff"
	for i := range block.Lines().Len() {
		segment := block.Lines().At(i)
		line := string(segment.Value(source))
		class := ""
		if diff {
			class = diffClass(line)
		}
		text := string(util.EscapeHTML([]byte(line)))
		if class != "" {
			text = `<span class="` + class + `">` + strings.TrimSuffix(text, "\n") + "</span>\n"
		}
		_, _ = w.WriteString(text)
	}
	_, err := w.WriteString("</code></pre>\n")
	return ast.WalkSkipChildren, err
}

func diffClass(line string) string {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "@@"):
		return "hunk"
	case strings.HasPrefix(line, "+"):
		return "add"
	case strings.HasPrefix(line, "-"):
		return "del"
	}
	return ""
}
