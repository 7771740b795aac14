package kargofile

import (
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// sources finds out where a Stage takes Freight from.
func (g *graph) sources(d *decoder, s *stage) {
	for _, r := range s.requests {
		if r.Origin != "" && len(g.warehouses) > 0 && !contains(g.warehouses, r.Origin) {
			d.problem(r.origin.node, r.origin.path).message("Stage %q requests Freight of unknown Warehouse %s", s.Name, quoted(r.Origin)).
				expected("%s", oneOf(g.warehouses)).suggest(d.closest(r.Origin, g.warehouses))
		}
		for _, up := range r.stages {
			if up.name == "" {
				continue
			}
			if g.stages[up.name] == nil {
				d.problem(up.node, up.path).message("Stage %q requests Freight from unknown Stage %s", s.Name, quoted(up.name)).
					expected("%s", oneOf(g.names)).suggest(d.closest(up.name, g.names))
				continue
			}
			g.upstream[s.Name] = append(g.upstream[s.Name], up)
		}
	}
	for _, f := range s.from {
		g.fromOne(d, s, f)
	}
}

func (g *graph) fromOne(d *decoder, s *stage, f ref) {
	if f.name == "" {
		return
	}
	add := func(list []ref, f ref) []ref {
		if slices.ContainsFunc(list, func(r ref) bool { return r.name == f.name }) {
			return list
		}
		return append(list, f)
	}
	if pattern, ok := stageGlob(f.name); ok {
		before := len(g.upstream[s.Name])
		for _, name := range g.names {
			if matched, _ := doublestar.Match(pattern, name); matched && name != s.Name {
				g.upstream[s.Name] = add(g.upstream[s.Name], ref{name, f.node, f.path})
			}
		}
		if len(g.upstream[s.Name]) == before {
			d.problem(f.node, f.path).message("no other Stage matches %s", quoted(f.name)).expected("%s", oneOf(g.names))
		}
		return
	}
	isWarehouse, isStage := contains(g.warehouses, f.name), g.stages[f.name] != nil
	switch {
	case isWarehouse && isStage:
		d.problem(f.node, f.path).message("%q is both a Warehouse and a Stage", f.name).expected("another name for one of them, or requestedFreight")
	case isWarehouse:
		g.direct[s.Name] = add(g.direct[s.Name], f)
	case isStage:
		g.upstream[s.Name] = add(g.upstream[s.Name], f)
	case len(g.warehouses) > 0: // without any, that is what was reported
		all := slices.Concat(g.warehouses, g.names)
		d.problem(f.node, f.path).message("Stage %q takes Freight from %s, which is neither a Warehouse nor a Stage", s.Name, quoted(f.name)).
			expected("%s", oneOf(all)).suggest(d.closest(f.name, all))
	}
}
