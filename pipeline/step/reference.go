package step

import (
	"fmt"
	"strings"
)

// Reference renders the reference of steps as Markdown.
func Reference(defs []Definition) string {
	var b strings.Builder
	b.WriteString(`# Promotion steps

<!-- Generated from the step definitions: go test ./pipeline/step -run Reference -update -->

A Stage's promotion template is a list of steps. Each names what it ` + "`uses`" + ` and gives
a ` + "`config`" + `, in whose values expressions are evaluated. Names, fields and outputs are
Kargo's; what is ours, or has no effect here, is said with the field. An unknown,
missing or mistyped field fails the step for good, and is found when ` + "`.kargo.yaml`" + ` is
read, as far as no expression is involved.

The steps that say so take the repository's secrets in their config, as
` + "`${{ secrets.NAME }}`" + `; ` + "`kargo secrets set`" + ` stores them. Steps that write files refuse
secrets, because files end up in Git, and all others see ` + "`***`" + `, because what they are
told becomes public. In outputs, messages and logs a value is ` + "`***`" + `, and so is its
Base64 and other encodings, but not what an expression or a service makes of it otherwise.

Paths are relative to the workspace of the Promotion and cannot leave it. Steps
wait without using up attempts, and are safe to run again after a restart.

Missing is ` + "`ytt`" + `, whose library is not part of this program: render with ` + "`kustomize-build`" + ` or
` + "`helm-template`" + `, or have a workflow run ytt with ` + "`gha-dispatch-workflow`" + `.

`)
	for _, d := range defs {
		fmt.Fprintf(&b, "- [%s](#%s)\n", d.name, d.name)
	}
	for _, d := range defs {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", d.name, strings.TrimSpace(d.doc.Summary))
		if d.doc.Secrets {
			b.WriteString("\nTakes secrets.\n")
		}
		if d.timeout > 0 {
			b.WriteString("\n" + d.patience() + "\n")
		}
		fmt.Fprintf(&b, "\n```yaml\n%s\n```\n", strings.TrimSpace(d.doc.Example))
		writeFields(&b, "Config", d.config, true)
		writeFields(&b, "Output", d.output, false)
	}
	return b.String()
}

// patience says how long the step waits.
func (d Definition) patience() string {
	return fmt.Sprintf("Gives up after %s, unless `retry.timeout` says how long to wait.", strings.TrimSuffix(d.timeout.String(), "0s"))
}

func writeFields(b *strings.Builder, title string, s *schema, config bool) {
	switch {
	case s.shape == shapeOpen:
		fmt.Fprintf(b, "\n%s: a map with any keys.\n", title)
	case len(s.fields) > 0:
		fmt.Fprintf(b, "\n| %s | Type | Meaning |\n|---|---|---|\n", title)
		writeRows(b, "", s, config)
	}
}

func writeRows(b *strings.Builder, prefix string, s *schema, config bool) {
	for _, f := range s.fields {
		name := prefix + f.name
		star := ""
		if config && f.required {
			star = " **required**"
		}
		doc := strings.NewReplacer("|", `\|`, "\n", " ").Replace(f.doc)
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", name, typeName(f.schema), star, doc)
		switch inner := f.schema; {
		case inner.shape == shapeObject:
			writeRows(b, name+".", inner, config)
		case inner.shape == shapeList && inner.elem.shape == shapeObject:
			writeRows(b, name+"[].", inner.elem, config)
		}
	}
}

func typeName(s *schema) string {
	if s.shape == shapeList {
		return "list of " + typeName(s.elem) + "s"
	}
	return string(s.shape)
}
