package kargofile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// maxSources bounds how many pairs of Warehouse and upstream Stage all requests
// together may name, since shorthand can stand for very many.
const maxSources = 50_000

func contains(names []string, name string) bool { return slices.Contains(names, name) }

// oneOf phrases an expectation, empty when there is nothing to choose from.
func oneOf(names []string) string {
	const most = 20
	if len(names) == 0 {
		return ""
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
	known      map[string]*warehouse
	names      []string
	// bases are the names of Stages with a matrix, as written.
	bases map[string]bool
	// all holds the names of Warehouses and Stages, once somebody needs it.
	all    []string
	stages map[string]*stage
	// edges counts the upstream Stages of all Stages, matches how often a name was
	// compared with a glob.
	edges, matches int
	// upstream holds the Stages that a Stage takes Freight from, direct the
	// Warehouses, both in the order of the file.
	upstream, direct map[string][]ref
	// origins are the Warehouses whose Freight can come to a Stage, reach the same as
	// a set.
	origins map[string][]string
	reach   map[string]map[string]bool

	templates     map[string]*analysisTemplate
	templateNames []string
	tasks         map[string]*task
	taskNames     []string
	// last is the scope of the last mention, stageVars the variables of all Stages.
	last      *scope
	stageVars []string
	// alone means that there is a task and nothing that uses it.
	alone bool
	// metrics and steps count those of all Stages.
	metrics, steps int
}

// resolve looks up every reference and replaces shorthand by what it stands for.
func (doc *document) resolve(d *decoder) {
	g := &graph{
		doc: doc, stages: map[string]*stage{}, known: map[string]*warehouse{}, bases: map[string]bool{},
		upstream: map[string][]ref{}, direct: map[string][]ref{}, origins: map[string][]string{}, reach: map[string]map[string]bool{},
	}
	g.collect(d)
	g.criteria(d)
	doc.checkPolicies(d, g)
	doc.checkWindows(d, g)
	doc.checkMessages(d)
	g.collectTemplates(d)
	g.collectTasks(d)
	for _, s := range doc.stages {
		g.inflate(d, s)
		g.verify(d, s)
	}
	g.unusedTemplates(d)
	for _, s := range doc.stages {
		if !g.sources(d, s) {
			return
		}
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
	for _, w := range g.doc.warehouses {
		switch {
		case w.Name == "":
		case g.known[w.Name] != nil:
			first := g.known[w.Name].ref.node.Line
			d.problem(w.ref.node, w.ref.path).message("a second Warehouse named %q, first on line %d", w.Name, first).expected("another name")
		default:
			g.warehouses = append(g.warehouses, w.Name)
			g.known[w.Name] = w
		}
	}
	for _, s := range g.doc.stages {
		if s.base != s.Name {
			g.bases[s.base] = true
		}
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

// originsOf returns the Warehouses whose Freight can reach a Stage. There must be
// no cycles.
func (g *graph) originsOf(name string) []string {
	if known, ok := g.origins[name]; ok {
		return known
	}
	var list []string
	seen := map[string]bool{}
	add := func(origin string) {
		if origin != "" && !seen[origin] {
			seen[origin] = true
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
	g.origins[name], g.reach[name] = list, seen
	return list
}

// reaches reports whether Freight of a Warehouse can come to a Stage.
func (g *graph) reaches(origin, stage string) bool {
	g.originsOf(stage)
	return g.reach[stage][origin]
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
				if g.reaches(origin, up.name) {
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
			if g.stages[up.name] != nil && g.known[r.Origin] != nil && !g.reaches(r.Origin, up.name) {
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
	p := pipeline.Pipeline{Name: doc.name, Vars: doc.vars, Access: doc.access, Channels: doc.channels}
	for _, w := range doc.warehouses {
		p.Warehouses = append(p.Warehouses, w.Warehouse)
	}
	for _, s := range doc.stages {
		p.Stages = append(p.Stages, s.Stage)
	}
	p.Policies = doc.promotion
	for _, w := range doc.windows {
		p.Windows = append(p.Windows, w.PromotionWindow)
	}
	return p
}
