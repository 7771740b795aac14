package kargofile

import (
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// maxMatches bounds how often names are compared with globs.
const maxMatches = 2_000_000

// sources finds out where a Stage takes Freight from. It returns false when that
// would take too long for all Stages.
func (g *graph) sources(d *decoder, s *stage) bool {
	for _, r := range s.requests {
		if r.Origin != "" && len(g.warehouses) > 0 && g.known[r.Origin] == nil {
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
	seen := map[string]bool{}
	for _, f := range s.from {
		g.fromOne(d, s, f, seen)
		if g.matches > maxMatches {
			d.problem(f.node, f.path).message("globs are compared with the names of Stages more than %d times", maxMatches).expected("fewer globs in from")
			return false
		}
	}
	if g.edges += len(g.upstream[s.Name]); g.edges > maxSources {
		d.problem(s.node, s.path).message("the Stages take Freight in more than %d ways", maxSources).expected("fewer Warehouses or Stages in from")
		return false
	}
	return true
}

// fromOne adds what one entry of from means. Seen are the names that the Stage takes
// Freight from already.
func (g *graph) fromOne(d *decoder, s *stage, f ref, seen map[string]bool) {
	if f.name == "" {
		return
	}
	add := func(list map[string][]ref, f ref) {
		if !seen[f.name] {
			seen[f.name] = true
			list[s.Name] = append(list[s.Name], f)
		}
	}
	if pattern, ok := stageGlob(f.name); ok {
		matched := false
		g.matches += len(g.names)
		for _, name := range g.names {
			if ok, _ := doublestar.Match(pattern, name); ok && name != s.Name {
				matched = true
				add(g.upstream, ref{name, f.node, f.path})
			}
		}
		if !matched {
			d.problem(f.node, f.path).message("no other Stage matches %s", quoted(f.name)).expected("%s", oneOf(g.names))
		}
		return
	}
	isWarehouse, isStage := g.known[f.name] != nil, g.stages[f.name] != nil
	switch {
	case isWarehouse && isStage:
		d.problem(f.node, f.path).message("%q is both a Warehouse and a Stage", f.name).expected("another name for one of them, or requestedFreight")
	case isWarehouse:
		add(g.direct, f)
	case isStage:
		add(g.upstream, f)
	case len(g.warehouses) > 0: // without any, that is what was reported
		if g.all == nil {
			g.all = slices.Concat(g.warehouses, g.names)
		}
		hint := g.matrixHint(f.name)
		if hint == "" {
			hint = d.closest(f.name, g.all)
		}
		d.problem(f.node, f.path).message("Stage %q takes Freight from %s, which is neither a Warehouse nor a Stage", s.Name, quoted(f.name)).
			expected("%s", oneOf(g.all)).suggest(hint)
	}
}
