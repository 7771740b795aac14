package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// freightListed is how much Freight is listed.
	freightListed = 20
	// foundListed is how many artifacts of one Subscription are listed, of those
	// that were found and of those that were rejected.
	foundListed = 10
)

// FreightList shows the newest Freight, where each is, and what the Warehouses
// found and rejected: the answer to /kargo freight. No Warehouse means all.
func FreightList(p pipeline.Pipeline, s pipeline.Snapshot, warehouse string) string {
	k := s.Facts()
	places := map[string][]string{}
	for _, m := range s.Marks {
		if !m.CurrentSince.IsZero() {
			places[m.Freight] = append(places[m.Freight], m.Stage)
		}
	}
	var b strings.Builder
	n := 0
	for _, f := range k.Freight() {
		if warehouse != "" && f.Warehouse != warehouse {
			continue
		}
		if n++; n > freightListed {
			continue
		}
		in := places[f.ID]
		slices.Sort(in)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", Text(f.Alias), Code(pipeline.Short(f.ID)), Text(f.Warehouse), Text(strings.Join(contents(f), ", ")),
			moment(f.DiscoveredAt), orDash(Text(strings.Join(in, ", "))))
	}
	text := "There is no Freight yet.\n"
	if n > 0 {
		text = "| Freight | Id | Warehouse | Artifacts | Discovered | Now in |\n|---|---|---|---|---|---|\n" + b.String()
	}
	if n > freightListed {
		text += fmt.Sprintf("\nand %d more\n", n-freightListed)
	}
	for _, w := range p.Warehouses {
		if warehouse == "" || w.Name == warehouse {
			text += findings(w, s)
		}
	}
	return limit(text, bodyLimit)
}

// contents names the artifacts of Freight.
func contents(f pipeline.Freight) []string {
	var all []string
	for _, i := range f.Images {
		all = append(all, i.RepoURL+":"+imageVersion(i))
	}
	for _, c := range f.Commits {
		all = append(all, strings.TrimPrefix(pipeline.NormalizeGitURL(c.RepoURL), "https://")+" "+commitVersion(c))
	}
	for _, c := range f.Charts {
		all = append(all, strings.TrimSuffix(c.RepoURL+"/"+c.Name, "/")+" "+c.Version)
	}
	return all
}

// findings shows what a Warehouse found and rejected.
func findings(w pipeline.Warehouse, s pipeline.Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n**Warehouse %s**", Text(w.Name))
	if w.FreightCreationPolicy == pipeline.CreateManually {
		b.WriteString(", Freight by hand: " + Code("/kargo create"))
	}
	d, ok := s.Discoveries[w.Name]
	why := s.Failures[w.Name]
	if !ok && why == "" {
		return b.String() + "\n\nIt has not been looked at yet.\n"
	}
	b.WriteString("\n\n")
	if why != "" {
		fmt.Fprintf(&b, "The last look did not work: %s\n\n", Text(why))
	}
	if d.Withheld != "" {
		fmt.Fprintf(&b, "It creates no Freight: %s\n\n", Text(d.Withheld))
	}
	for _, sub := range d.Subscriptions {
		found := versions(sub)
		fmt.Fprintf(&b, "- %s: %s\n", Code(sub.RepoURL), listed(found))
		for i, r := range sub.Rejected {
			if i == foundListed {
				fmt.Fprintf(&b, "  - and %d more rejected\n", len(sub.Rejected)-i)
				break
			}
			fmt.Fprintf(&b, "  - ✗ %s: %s\n", Code(r.Ref), Text(r.Reason))
		}
	}
	return b.String()
}

// versions names what a Subscription offers, best choice first.
func versions(sub pipeline.DiscoveredSubscription) []string {
	var all []string
	for _, i := range sub.Images {
		all = append(all, imageVersion(i))
	}
	for _, c := range sub.Commits {
		all = append(all, commitVersion(c))
	}
	for _, c := range sub.Charts {
		all = append(all, c.Version)
	}
	return all
}

// listed writes the first of several versions in code spans.
func listed(all []string) string {
	if len(all) == 0 {
		return "nothing found"
	}
	var words []string
	for i, v := range all {
		if i == foundListed {
			words = append(words, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		words = append(words, Code(v))
	}
	return strings.Join(words, ", ")
}
