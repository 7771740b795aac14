package report

import (
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// forecast says when Freight reaches a Stage, or for the empty name all Stages that
// take it, if nothing changes; all of them are much more work. Nothing is said of
// Freight that is not the newest of its Warehouse: it does not move by itself.
func (k *ledger) forecast(stage string, f pipeline.Freight) string {
	if newest, ok := k.Newest(f.Warehouse); !ok || newest.ID != f.ID {
		return ""
	}
	arrivals, known := k.arrivals[stage]
	if !known {
		if stage == "" {
			arrivals = pipeline.Forecast(k.p, k.s, k.now)
		} else {
			arrivals = pipeline.ForecastStage(k.p, k.s, stage, k.now)
		}
		k.arrivals[stage] = arrivals
	}
	var b strings.Builder
	for _, a := range arrivals {
		if a.Freight == f.ID && !a.Arrived {
			b.WriteString("- " + Text(a.Sentence(k.now)) + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nIf nothing changes (UTC):\n\n" + b.String()
}
