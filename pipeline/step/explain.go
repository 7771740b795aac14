package step

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// String names the kind for people: workspace, publish or remote.
func (k Kind) String() string {
	switch k {
	case Workspace:
		return "workspace"
	case Publish:
		return "publish"
	case Remote:
		return "remote"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// explainWidth is the width of lines in a terminal that shows an explanation.
const explainWidth = 100

// Explain renders what the reference says of one step as plain text for a terminal.
func Explain(d Definition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s step)\n\n%s\n", d.name, d.kind, strings.ReplaceAll(strings.TrimSpace(d.doc.Summary), "`", ""))
	if d.timeout > 0 {
		b.WriteString("\n" + strings.ReplaceAll(d.patience(), "`", "") + "\n")
	}
	b.WriteString("\nExample:\n\n")
	for line := range strings.Lines(strings.TrimSpace(d.doc.Example)) {
		b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
	}
	explainFields(&b, "Config", d.config, true)
	explainFields(&b, "Output", d.output, false)
	return b.String()
}

func explainFields(b *strings.Builder, title string, s *schema, config bool) {
	switch {
	case s.shape == shapeOpen:
		fmt.Fprintf(b, "\n%s: a map with any keys.\n", title)
		return
	case len(s.fields) == 0:
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", title)
	var rows [][3]string
	explainRows(&rows, "", s, config)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "  %s\t%s\t\n", r[0], r[1]) // a strings.Builder takes everything
	}
	_ = w.Flush()
	for i, line := range strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n") {
		indent := len([]rune(line))
		text := wrap(rows[i][2], max(explainWidth-indent, 30))
		b.WriteString(strings.TrimRight(line+strings.Join(text, "\n"+strings.Repeat(" ", indent)), " ") + "\n")
	}
}

func explainRows(rows *[][3]string, prefix string, s *schema, config bool) {
	for _, f := range s.fields {
		kind := typeName(f.schema)
		if config && f.required {
			kind += ", required"
		}
		*rows = append(*rows, [3]string{prefix + f.name, kind, strings.ReplaceAll(f.doc, "`", "")})
		switch inner := f.schema; {
		case inner.shape == shapeObject:
			explainRows(rows, prefix+f.name+".", inner, config)
		case inner.shape == shapeList && inner.elem.shape == shapeObject:
			explainRows(rows, prefix+f.name+"[].", inner.elem, config)
		}
	}
}

// wrap breaks text between words into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
