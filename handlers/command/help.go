package command

import (
	"fmt"
	"strings"
)

// Help renders verbs, for example all [Verbs], as the Markdown table that answers
// `/kargo help`.
func Help(verbs []Verb) string {
	var b strings.Builder
	b.WriteString("| Command | Needs | What it does |\n|---|---|---|\n")
	for _, v := range verbs {
		// A bar would end the cell, even in a code span.
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(v.Usage, "|", `\|`), v.Access, v.Summary)
	}
	return b.String()
}
