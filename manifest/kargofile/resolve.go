package kargofile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/kargo-app/kargo/pipeline"
)

// maxSources bounds how many pairs of Warehouse and upstream Stage all requests
// together may name, since shorthand can stand for very many.
const maxSources = 10_000

// maxCycles bounds how many circles are spelled out.
const maxCycles = 10

func contains(names []string, name string) bool { return slices.Contains(names, name) }

func oneOf(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none, there are none"
	}
	if len(names) > most {
		return fmt.Sprintf("one of %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "one of " + strings.Join(names, ", ")
}

// graph is what the Stages of a document take from where.
type graph struct {
	doc        *document
	warehouses []string
	names      []string
	stages     map[string]*stage
	// upstream holds the Stages that a Stage takes Freight from, direct the
	// Warehouses, both in the order of the file.
	upstream, direct map[string][]ref
	origins          map[string][]string
}

// resolve looks up every reference and replaces shorthand by what it stands for.
func (doc *document) resolve(d *decoder) {
	g := &graph{
		doc: doc, stages: map[string]*stage{},
		upstream: map[string][]ref{}, direct: map[string][]ref{}, origins: map[string][]string{},
	}
	g.collect(d)
	doc.checkPolicies(d, g.names)
	for _, s := range doc.stages {
		g.sources(d, s)
	}
	if !g.acyclic(d) {
		return
	}
	left := maxSources
	for _, s := range doc.stages {
		g.requests(d, s, &left)
		if left < 0 {
			d.problem(s.node, s.path).message("the Stages take Freight in more than %d ways", maxSources).expected("fewer Warehouses or Stages in from")
			return
		}
	}
	for _, s := range doc.stages {
		g.expandUpdate(d, s)
	}
	g.mentions(d)
	doc.autoPromotion(d)
}

// collect indexes Warehouses and Stages by name and refuses names that stand twice.
func (g *graph) collect(d *decoder) {
	lines := map[string]int{}
	for _, w := range g.doc.warehouses {
		switch {
		case w.Name == "":
		case contains(g.warehouses, w.Name):
			d.problem(w.ref.node, w.ref.path).message("a second Warehouse named %q, first on line %d", w.Name, lines[w.Name]).expected("another name")
		default:
			g.warehouses = append(g.warehouses, w.Name)
			lines[w.Name] = w.ref.node.Line
		}
	}
	for _, s := range g.doc.stages {
		switch first := g.stages[s.Name]; {
		case s.Name == "":
		case first != nil:
			d.problem(s.ref.node, s.ref.path).message("a second Stage named %q, first on line %d", s.Name, first.ref.node.Line).expected("another name")
		default:
			g.stages[s.Name] = s
			g.names = append(g.names, s.Name)
		}
	}
}

// sources finds out where a Stage takes Freight from.
func (g *graph) sources(d *decoder, s *stage) {
	for _, r := range s.requests {
		if r.Origin != "" && len(g.warehouses) > 0 && !contains(g.warehouses, r.Origin) {
			d.problem(r.origin.node, r.origin.path).message("Stage %q requests Freight of unknown Warehouse %s", s.Name, quoted(r.Origin)).
				expected("%s", oneOf(g.warehouses)).suggest(pipeline.DidYouMean(r.Origin, g.warehouses))
		}
		for _, up := range r.stages {
			if up.name == "" {
				continue
			}
			if g.stages[up.name] == nil {
				d.problem(up.node, up.path).message("Stage %q requests Freight from unknown Stage %s", s.Name, quoted(up.name)).
					expected("%s", oneOf(g.names)).suggest(pipeline.DidYouMean(up.name, g.names))
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
			expected("%s", oneOf(all)).suggest(pipeline.DidYouMean(f.name, all))
	}
}

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

// originsOf returns the Warehouses whose Freight can reach a Stage. There must be
// no cycles.
func (g *graph) originsOf(name string) []string {
	if known, ok := g.origins[name]; ok {
		return known
	}
	var list []string
	add := func(origin string) {
		if origin != "" && !contains(list, origin) {
			list = append(list, origin)
		}
	}
	s := g.stages[name]
	for _, r := range s.requests {
		add(r.Origin)
	}
	for _, w := range g.direct[name] {
		add(w.name)
	}
	if len(s.requests) == 0 {
		for _, up := range g.upstream[name] {
			for _, origin := range g.originsOf(up.name) {
				add(origin)
			}
		}
	}
	g.origins[name] = list
	return list
}

// requests fills in a Stage's canonical requests.
func (g *graph) requests(d *decoder, s *stage, left *int) {
	if g.stages[s.Name] != s {
		return
	}
	if len(s.requests) > 0 {
		g.explicit(d, s)
	} else {
		for _, origin := range g.originsOf(s.Name) {
			r := &request{node: s.node, path: join(s.path, "from"), origin: ref{name: origin, node: s.node}}
			r.Origin = origin
			r.Direct = slices.ContainsFunc(g.direct[s.Name], func(w ref) bool { return w.name == origin })
			for _, up := range g.upstream[s.Name] {
				if contains(g.originsOf(up.name), origin) {
					r.stages = append(r.stages, up)
				}
			}
			if *left -= 1 + len(r.stages); *left < 0 {
				return
			}
			s.requests = append(s.requests, r)
		}
	}
	soaked := false
	for _, r := range s.requests {
		for _, up := range r.stages {
			r.Stages = append(r.Stages, up.name)
		}
		if s.soak.node != nil && !r.soak && !r.Direct {
			r.RequiredSoakTime, soaked = s.soakTime, true
		}
		g.soakable(d, s, r)
		s.Requests = append(s.Requests, r.FreightRequest)
	}
	if s.soak.node != nil && !soaked && len(s.requests) > 0 {
		d.problem(s.soak.node, s.soak.path).message("soak has no effect: Stage %q takes all Freight straight from its Warehouse", s.Name).
			expected("a Stage to take Freight from")
	}
}

// explicit checks requests that are written out.
func (g *graph) explicit(d *decoder, s *stage) {
	seen := map[string]bool{}
	for _, r := range s.requests {
		if r.Origin != "" && seen[r.Origin] {
			d.problem(r.origin.node, r.origin.path).message("a second request for Freight of Warehouse %q", r.Origin).expected("one per Warehouse")
		}
		seen[r.Origin] = true
		names := map[string]bool{}
		for _, up := range r.stages {
			if names[up.name] {
				d.problem(up.node, up.path).message("Stage %q stands twice", up.name).expected("one")
			}
			names[up.name] = true
			if g.stages[up.name] != nil && contains(g.warehouses, r.Origin) && !contains(g.originsOf(up.name), r.Origin) {
				d.problem(up.node, up.path).message("Freight of Warehouse %q never comes to Stage %q", r.Origin, up.name).
					expected("a Stage that requests Freight of %q", r.Origin)
			}
		}
	}
}

// soakable refuses a soak time in Stages that Freight passes through without
// staying.
func (g *graph) soakable(d *decoder, s *stage, r *request) {
	if r.RequiredSoakTime == 0 || r.Direct || len(r.stages) == 0 {
		return
	}
	var passing []string
	for _, up := range r.stages {
		if u := g.stages[up.name]; u != nil && len(u.Steps) == 0 && len(u.update) == 0 {
			passing = append(passing, up.name)
		}
	}
	if len(passing) == len(r.stages) || r.AvailabilityStrategy == pipeline.All && len(passing) > 0 {
		at, path := r.node, r.path
		if !r.soak {
			at, path = s.soak.node, s.soak.path
		}
		d.problem(at, path).message("the soak time never passes: Freight does not stay in Stage %q, which has no steps", passing[0]).
			expected("an upstream Stage with steps")
	}
}

// pipeline returns the canonical form.
func (doc *document) pipeline() pipeline.Pipeline {
	p := pipeline.Pipeline{Name: doc.name, Vars: doc.vars, Access: doc.access}
	for _, w := range doc.warehouses {
		p.Warehouses = append(p.Warehouses, w.Warehouse)
	}
	for _, s := range doc.stages {
		p.Stages = append(p.Stages, s.Stage)
	}
	p.Policies = doc.promotion
	return p
}
