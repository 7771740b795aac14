package cli

import (
	"context"
	"slices"
	"time"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
)

// planner works out what each Stage would do with the chosen Freight.
type planner struct {
	p     pipeline.Pipeline
	local *app.Local
	now   time.Time
	// chosen is the Freight to plan with, at most one of each Warehouse, in file
	// order. asked is the Warehouse of the Freight that was asked for, and older
	// that it is not what auto-promotion would choose.
	chosen []pipeline.Freight
	asked  string
	older  bool
	// withheld says which Warehouses yield no Freight, and why.
	withheld []withheldJSON
	snap     pipeline.Snapshot
	views    map[string]preview
}

// preview is what came of running a Stage's steps.
type preview struct {
	promotion.Preview
	err error
}

// choose discovers Freight: the newest of every Warehouse, but for the one whose
// Freight was asked for.
func (pl *planner) choose(ctx context.Context, warehouses []pipeline.Warehouse, want string) error {
	var known pipeline.Snapshot
	for _, w := range warehouses {
		d, err := pl.local.Discover(ctx, w)
		if err != nil {
			return err
		}
		newest, ok := d.Freight()
		if ok {
			pl.chosen = append(pl.chosen, pl.name(&known, newest))
		} else {
			pl.withheld = append(pl.withheld, withheldJSON{Warehouse: w.Name, Reason: withheldReason(d)})
		}
		if want == "" {
			continue
		}
		for _, f := range variants(d, newest.ID) {
			if admitted, err := pl.local.Admits(w, f); err == nil && admitted {
				pl.name(&known, f)
			}
		}
	}
	if want != "" {
		f, err := find(known, want)
		if err != nil {
			return err
		}
		pl.asked = f.Warehouse
		pl.older = !slices.ContainsFunc(pl.chosen, func(c pipeline.Freight) bool { return c.ID == f.ID })
		pl.replace(f)
	}
	pl.snap.Freight = pl.chosen
	return nil
}

// find resolves what a person calls Freight.
func find(known pipeline.Snapshot, want string) (pipeline.Freight, error) {
	if len(known.Freight) == 0 {
		return pipeline.Freight{}, &pipeline.UserError{
			Message: "there is no Freight at all", Hint: "kargo discover shows why",
		}
	}
	f, refusal := known.ResolveFreight(want)
	if refusal != nil {
		return pipeline.Freight{}, refusal
	}
	return f, nil
}

// replace makes f the chosen Freight of its Warehouse.
func (pl *planner) replace(f pipeline.Freight) {
	pl.withheld = slices.DeleteFunc(pl.withheld, func(w withheldJSON) bool { return w.Warehouse == f.Warehouse })
	pl.chosen = slices.DeleteFunc(pl.chosen, func(c pipeline.Freight) bool { return c.Warehouse == f.Warehouse })
	pl.chosen = append(pl.chosen, f)
	rank := map[string]int{}
	for i, w := range pl.p.Warehouses {
		rank[w.Name] = i
	}
	slices.SortFunc(pl.chosen, func(a, b pipeline.Freight) int { return rank[a.Warehouse] - rank[b.Warehouse] })
}

// name gives Freight its alias and its place in time: what comes first is newest.
func (pl *planner) name(known *pipeline.Snapshot, f pipeline.Freight) pipeline.Freight {
	f.Alias = pipeline.Alias(f.ID, func(alias string) bool {
		return slices.ContainsFunc(known.Freight, func(other pipeline.Freight) bool { return other.Alias == alias })
	})
	f.DiscoveredAt = pl.now.Add(-time.Duration(len(known.Freight)) * time.Second)
	known.Freight = append(known.Freight, f)
	return f
}

func withheldReason(d pipeline.Discovery) string {
	if d.Withheld != "" {
		return d.Withheld
	}
	return "a subscription found nothing; kargo discover " + d.Warehouse + " shows why"
}

// variants are the Freight that differ from the newest in one artifact.
func variants(d pipeline.Discovery, newest string) []pipeline.Freight {
	d.Withheld = "" // the criteria are asked about every variant
	var out []pipeline.Freight
	for i, s := range d.Subscriptions {
		for j := range max(len(s.Images), len(s.Commits), len(s.Charts)) {
			one := s
			switch {
			case len(s.Images) > 0:
				one.Images = s.Images[j:]
			case len(s.Commits) > 0:
				one.Commits = s.Commits[j:]
			default:
				one.Charts = s.Charts[j:]
			}
			alt := d
			alt.Subscriptions = slices.Clone(d.Subscriptions)
			alt.Subscriptions[i] = one
			f, ok := alt.Freight()
			if ok && f.ID != newest && !slices.ContainsFunc(out, func(o pipeline.Freight) bool { return o.ID == f.ID }) {
				out = append(out, f)
			}
		}
	}
	return out
}

// freightOf returns the chosen Freight of a Warehouse.
func (pl *planner) freightOf(warehouse string) (pipeline.Freight, bool) {
	i := slices.IndexFunc(pl.chosen, func(f pipeline.Freight) bool { return f.Warehouse == warehouse })
	if i < 0 {
		return pipeline.Freight{}, false
	}
	return pl.chosen[i], true
}
