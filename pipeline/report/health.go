package report

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// healthWord is a health state as word and shape.
func healthWord(state pipeline.HealthState) string {
	switch state {
	case pipeline.HealthHealthy:
		return "✓ Healthy"
	case pipeline.HealthUnhealthy:
		return "✗ Unhealthy"
	case pipeline.HealthProgressing:
		return "◐ Progressing"
	case pipeline.HealthNotApplicable:
		return "– Health not applicable"
	case pipeline.HealthUnknown:
		return "? Health unknown"
	}
	return ""
}

// health is how a Stage is doing, behind what its state is.
func (k *ledger) health(stage *pipeline.Stage) string {
	if word := healthWord(k.Health(*stage).State); word != "" {
		return " · " + word
	}
	return ""
}

// watched adds to a row what the checks of a Stage said, where there are any. What is
// healthy because nobody looks needs no words.
func (k *ledger) watched(stage *pipeline.Stage, row *Row) {
	h := k.Health(*stage)
	if h.Since.IsZero() {
		return
	}
	row.State += " · " + healthWord(h.State)
	if h.State != pipeline.HealthHealthy && len(h.Issues) > 0 {
		row.Waiting = joined(row.Waiting, h.Issues[0])
	}
}

// ailments says since when health is what the checks say, why it is no better, and
// why the Stage is not ready. That a Promotion runs is said beside it.
func (k *ledger) ailments(stage *pipeline.Stage) string {
	h := k.Health(*stage)
	if active, busy := k.Active(stage.Name); busy && active.Phase == pipeline.Running {
		return ""
	}
	var b strings.Builder
	switch {
	case !h.Since.IsZero():
		fmt.Fprintf(&b, "- %s since %s\n", Text(healthWord(h.State)), moment(h.Since))
		for _, issue := range h.Issues {
			fmt.Fprintf(&b, "  - %s\n", Text(issue))
		}
	case len(h.Issues) > 0:
		fmt.Fprintf(&b, "- %s: %s\n", Text(healthWord(h.State)), Text(strings.Join(h.Issues, "; ")))
	}
	if h.Unready != "" && h.State == pipeline.HealthHealthy {
		fmt.Fprintf(&b, "- not ready: %s\n", Text(h.Unready))
	}
	return b.String()
}
