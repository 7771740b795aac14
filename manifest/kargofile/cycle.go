package kargofile

import (
	"slices"
	"strings"
)

// maxCycles bounds how many circles are spelled out.
const maxCycles = 10

// acyclic reports every way in which Freight would have to have been in a Stage
// before it may enter it.
func (g *graph) acyclic(d *decoder) bool {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	cycles := 0
	var trail []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = open
		trail = append(trail, name)
		for _, up := range g.upstream[name] {
			switch state[up.name] {
			case unseen:
				visit(up.name)
			case open:
				if cycles++; cycles > maxCycles {
					continue
				}
				cycle := append(slices.Clone(trail[slices.Index(trail, up.name):]), up.name)
				d.problem(up.node, up.path).message("Stages take Freight from each other in a circle: %s", strings.Join(cycle, " from ")).
					expected("a Stage that takes Freight from a Warehouse")
			}
		}
		trail = trail[:len(trail)-1]
		state[name] = done
	}
	for _, name := range g.names {
		if state[name] == unseen {
			visit(name)
		}
	}
	return cycles == 0
}
