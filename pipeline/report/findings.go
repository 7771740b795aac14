package report

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// discoveries says which Warehouses have nothing to offer, and why.
func discoveries(p pipeline.Pipeline, s pipeline.Snapshot) string {
	var b strings.Builder
	for _, w := range p.Warehouses {
		d, ok := s.Discoveries[w.Name]
		switch why := s.Failures[w.Name]; {
		case why != "":
			fmt.Fprintf(&b, "\nThe last look of Warehouse %s did not work: %s\n", Text(w.Name), Text(why))
		case !ok:
			fmt.Fprintf(&b, "\nWarehouse %s has not been looked at yet.\n", Text(w.Name))
		}
		if d.Withheld != "" {
			fmt.Fprintf(&b, "\nWarehouse %s creates no Freight: %s\n", Text(w.Name), Text(d.Withheld))
		}
		for _, sub := range d.Subscriptions {
			if sub.Empty() {
				fmt.Fprintf(&b, "\nWarehouse %s found nothing in %s", Text(w.Name), Code(sub.RepoURL))
				if n := len(sub.Rejected); n > 0 {
					fmt.Fprintf(&b, ": %s rejected, the first %s because %s", plural(n, "artifact"), Code(sub.Rejected[0].Ref), Text(sub.Rejected[0].Reason))
				}
				b.WriteString("\n")
			}
		}
	}
	return b.String()
}
