package pipeline

import (
	"slices"
	"time"
)

// freight creates Freight from the newest discovery of every automatic
// Warehouse, unless Freight with that content exists.
func (d *decision) freight() {
	for i := range d.p.Warehouses {
		w := &d.p.Warehouses[i]
		if w.FreightCreationPolicy == CreateManually {
			continue
		}
		f, ok := d.s.Discoveries[w.Name].Freight()
		if !ok {
			continue
		}
		if _, exists := d.s.FreightByID(f.ID); !exists {
			d.add(CreateFreight{Freight: d.newFreight(f)})
		}
	}
}

// newFreight gives Freight what is not part of its content and adds it to the
// Snapshot.
func (d *decision) newFreight(f Freight) Freight {
	if f.Alias == "" {
		f.Alias = Alias(f.ID, func(alias string) bool {
			return slices.ContainsFunc(d.s.Freight, func(f Freight) bool { return f.Alias == alias })
		})
	}
	f.DiscoveredAt = d.now
	for _, old := range d.s.Freight {
		// What is found last is newest, even when the clock was set back.
		if old.Warehouse == f.Warehouse && !f.DiscoveredAt.After(old.DiscoveredAt) {
			f.DiscoveredAt = old.DiscoveredAt.Add(time.Microsecond)
		}
	}
	d.s.Freight = append(slices.Clip(d.s.Freight), f)
	return f
}

// adopt makes Freight current in Stages that never had any of its origin and
// whose files already hold it.
func (d *decision) adopt() {
	if len(d.s.Matches) == 0 {
		return
	}
	for i := range d.p.Stages {
		stage := &d.p.Stages[i]
		n, ok := d.known.numbers[d.s.Matches[stage.Name]]
		if !ok || stage.ControlFlow() {
			continue
		}
		f := &d.known.freight[n]
		k := d.known.stage(stage.Name)
		if _, asked := stage.Request(f.Warehouse); !asked || d.known.currentOf(k, f.Warehouse) >= 0 || len(k.open) > 0 || k.verifying() != nil {
			continue
		}
		d.mark(k, stage.Name, n, func(m *Mark) { m.CurrentSince = d.now })
		d.add(AdoptFreight{Stage: stage.Name, Freight: f.ID})
	}
}
