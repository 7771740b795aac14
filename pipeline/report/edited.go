package report

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// editLines says what a Promotion found edited by hand and asks about.
func editLines(p *pipeline.Promotion) []string {
	if _, _, asked := p.Asked(); !asked {
		return nil
	}
	var lines []string
	for _, c := range carriedBy(p) {
		for _, e := range c.Edits {
			if e.Action != "ask" {
				continue
			}
			line := e.place() + ": "
			if e.Key != "" {
				line += fmt.Sprintf("published %s, is %s, to become %s", Code(e.Published), Code(e.Found), Code(e.Promoted))
			} else {
				line += fmt.Sprintf("%s by hand, to be %s", Text(e.Found), Text(e.Promoted))
			}
			if by := e.by(); by != "" {
				line += "; " + by
			}
			lines = append(lines, line)
		}
		if c.EditsOmitted > 0 {
			lines = append(lines, fmt.Sprintf("and %d more", c.EditsOmitted))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	answer := "/kargo answer " + p.Stage.Name + " drift="
	return append(lines, fmt.Sprintf("%s keeps it until its source changes, %s promotes over it", Code(answer+"adopt"), Code(answer+"overwrite")))
}

// editDiffs shows what was edited in the files that a Promotion asks about.
func editDiffs(p *pipeline.Promotion) string {
	if _, _, asked := p.Asked(); !asked {
		return ""
	}
	var b strings.Builder
	for _, c := range carriedBy(p) {
		b.WriteString(diffs(c.Edits))
	}
	return b.String()
}
