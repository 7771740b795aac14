package report

import (
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// forecast says when Freight reaches a Stage, or for the empty name all Stages
// that take it, if nothing changes. Nothing is said of Freight that is not the
// newest of its Warehouse: it does not move by itself.
func (k *ledger) forecast(stage string, f pipeline.Freight) string {
	if newest, ok := k.Newest(f.Warehouse); !ok || newest.ID != f.ID {
		return ""
	}
	var b strings.Builder
	if k.arrivals == nil {
		k.arrivals = pipeline.Forecast(k.p, k.s, k.now)
	}
	for _, a := range k.arrivals {
		if a.Freight == f.ID && (stage == "" || a.Stage == stage) && !a.Arrived {
			b.WriteString("- " + Text(a.Sentence(k.now)) + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nIf nothing changes (UTC):\n\n" + b.String()
}
