package simulate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// check finds references to what does not exist.
func (sc *Scenario) check(d *decoder) {
	c := checker{d: d, freight: map[string]bool{}}
	for _, p := range sc.allPipelines() {
		c.stages = append(c.stages, p.StageNames()...)
		for _, w := range p.Warehouses {
			c.warehouses = append(c.warehouses, w.Name)
		}
		for _, s := range p.Stages {
			for _, spec := range s.Steps {
				c.steps = append(c.steps, spec.As)
			}
		}
	}
	c.start(sc.Start)
	c.script(sc.Script, sc.Place)
	for i := range sc.Timeline {
		c.entry(&sc.Timeline[i])
	}
}

type checker struct {
	d                         *decoder
	stages, warehouses, steps []string
	freight                   map[string]bool
}

func (c *checker) known(p Place, what, got string, valid []string) {
	if got == "" || slices.Contains(valid, got) {
		return
	}
	c.d.at(p, fmt.Sprintf("one of %s", joinNames(valid)), "there is no %s %q", what, cut(got))
	c.d.suggest(cut(got), valid)
}

func (c *checker) stage(p Place, name string) { c.known(p, "Stage", name, c.stages) }

func (c *checker) required(p Place, what, got string) {
	if got == "" {
		c.d.at(p, "", "%s is missing", what)
	}
}

func (c *checker) start(s Start) {
	for _, f := range s.Freight {
		c.described(f)
	}
	names := slices.Sorted(maps.Keys(c.freight))
	for _, p := range s.Promotions {
		c.required(p.Place, "stage", p.Stage)
		c.required(p.Place, "freight", p.Freight)
		c.stage(p.Place, p.Stage)
		c.known(p.Place, "Freight", p.Freight, names)
		c.known(p.Place, "Freight", p.Previous, names)
		c.word(p.Place, "phase", string(p.Phase), "Pending", "Running", "Succeeded", "Failed", "Errored", "Aborted")
		c.word(p.Place, "hold", string(p.Hold), string(pipeline.SetHold), string(pipeline.ClearHold))
		for _, s := range p.Steps {
			c.word(s.Place, "phase", string(s.Phase), append([]string{none, "Pending"}, stepPhases...)...)
		}
	}
	for _, v := range s.Verifications {
		c.required(v.Place, "stage", v.Stage)
		c.stage(v.Place, v.Stage)
		for _, f := range v.Freight {
			c.known(v.Place, "Freight", f, names)
		}
		c.word(v.Place, "phase", string(v.Phase), "Pending", "Running", "Successful", "Failed", "Error", "Aborted", "Inconclusive")
	}
	c.files(s.Files)
	for _, h := range s.Holds {
		c.required(h.Place, "stage", h.Stage)
		c.stage(h.Place, h.Stage)
		c.known(h.Place, "Freight", h.Freight, names)
		c.known(h.Place, "Warehouse", h.Warehouse, c.warehouses)
	}
}

// files are checked where the Stage's name cannot be pointed at.
func (c *checker) files(seen map[string]string) {
	for _, stage := range slices.Sorted(maps.Keys(seen)) {
		c.stage(Place{line: 1, column: 1, path: "files"}, stage)
	}
}

func (c *checker) word(p Place, what, got string, valid ...string) {
	if got != "" && !slices.Contains(valid, got) {
		c.d.at(p, fmt.Sprintf("one of %s", joinNames(valid)), "%s cannot be %q", what, cut(got))
		c.d.suggest(cut(got), valid)
	}
}

func (c *checker) described(f Freight) {
	if c.freight[f.Name] {
		c.d.at(f.Place, "a name of its own", "there are two Freight %q", cut(f.Name))
	}
	c.freight[f.Name] = true
	c.known(f.Place, "Warehouse", f.Warehouse, c.warehouses)
	stages := slices.Concat(slices.Collect(maps.Keys(f.VerifiedIn)), slices.Collect(maps.Keys(f.ApprovedFor)),
		slices.Collect(maps.Keys(f.CurrentlyIn)), slices.Collect(maps.Keys(f.WasIn)))
	slices.Sort(stages)
	for _, name := range slices.Compact(stages) {
		c.stage(f.Place, name)
	}
}

func (c *checker) script(s Script, p Place) {
	for _, name := range slices.Sorted(maps.Keys(s.Stages)) {
		if name != anyName {
			c.stage(p, name)
		}
		for _, alias := range slices.Sorted(maps.Keys(s.Stages[name].Steps)) {
			at := p
			if list := s.Stages[name].Steps[alias]; len(list) > 0 {
				at = list[0].Place
			}
			if alias != anyName {
				c.known(at, "step", alias, c.steps)
			}
		}
	}
}

func (c *checker) entry(e *Entry) {
	if e.At != nil && e.After != nil {
		c.d.at(e.Place, "one of at and after", "the clock cannot move both to a time and by a duration")
	}
	for _, v := range append([]Event{e.Event}, e.Together...) {
		c.event(e.Place, v)
	}
	if e.Expect == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.Expect.Stages)) {
		c.stage(e.Expect.Stages[name].Place, name)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Expect.Warehouses)) {
		c.known(e.Expect.Warehouses[name].Place, "Warehouse", name, c.warehouses)
	}
}

func (c *checker) event(p Place, v Event) {
	if v.Script != nil {
		c.script(*v.Script, p)
	}
	for _, f := range v.Freight {
		c.described(f)
	}
	c.files(v.Files)
	for _, name := range v.Refresh {
		c.known(p, "Warehouse", name, c.warehouses)
	}
	for _, in := range v.Intents {
		c.required(in.Place, "kind", in.Kind)
		c.known(in.Place, "kind", in.Kind, kinds)
	}
	for _, r := range v.Review {
		c.required(r.Place, "on", r.On)
		c.word(r.Place, "state", r.State, "approve", "dismiss")
	}
	for _, k := range v.Checks {
		c.required(k.Place, "name", k.Name)
		if k.On != "" {
			c.required(k.Place, "state", k.State)
		}
		c.word(k.Place, "state", k.State, "success", "pending", "failure")
	}
	for _, s := range v.Step {
		c.required(s.Place, "promotion", s.Promotion)
		if s.Answer == nil {
			c.d.at(s.Place, "", "answer is missing")
		}
	}
	for _, r := range v.Run {
		c.required(r.Place, "stage", r.Stage)
		c.stage(r.Place, r.Stage)
		if r.Answer == nil {
			c.d.at(r.Place, "", "answer is missing")
		}
	}
}

// kinds are the requests that there are.
var kinds = []string{
	string(pipeline.IntentPromote), string(pipeline.IntentRollback), string(pipeline.IntentAbort), string(pipeline.IntentRetry),
	string(pipeline.IntentApprove), string(pipeline.IntentReject), string(pipeline.IntentVerify), string(pipeline.IntentStopVerify),
	string(pipeline.IntentHold), string(pipeline.IntentResume), string(pipeline.IntentFreeze), string(pipeline.IntentThaw),
	string(pipeline.IntentAlias), string(pipeline.IntentCreate), string(pipeline.IntentDelete),
}
