package pipeline

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// Decide says what should happen now. It is pure: same inputs, same actions.
// Applying its actions and deciding again with nothing new yields nothing but
// [Wake]. Where several actions answer one intent, the last of them carries it.
func Decide(p Pipeline, s Snapshot, now time.Time) []Action {
	d := newDecision(p, s, now)
	d.thaw()
	d.orphans()
	d.releaseHolds()
	d.adopt()
	d.verified()
	d.intents()
	d.unavailable()
	d.rollBack()
	d.promote()
	d.supersede()
	if !d.wake.IsZero() {
		d.add(Wake{At: d.wake})
	}
	return d.actions
}

// decision is a [Decide] under way. Its parts are in the files named after what
// they decide.
type decision struct {
	p       Pipeline
	s       Snapshot
	now     time.Time
	wake    time.Time
	actions []Action
	// known is what the Snapshot says and what the actions add to it, so that
	// each step of a decision builds on those before.
	known *Facts
	// stages and auto answer for a Stage's name.
	stages map[string]*Stage
	auto   map[string]bool
	// ended holds the Promotions that are or will be asked to abort.
	ended map[string]bool
	// waiting lists the requests that stay open.
	waiting []Intent
	// closures says whether a Stage is closed; nil until that is asked.
	closures func(*Stage) Closure
}

// newDecision also creates the Freight that the rest is about.
func newDecision(p Pipeline, s Snapshot, now time.Time) *decision {
	d := &decision{
		p: p, s: s, now: now,
		stages: make(map[string]*Stage, len(p.Stages)),
		auto:   make(map[string]bool, len(p.Stages)),
		ended:  map[string]bool{},
	}
	selected := compilePolicies(p.Policies)
	for i := range p.Stages {
		stage := &p.Stages[i]
		policy := selected(stage)
		d.stages[stage.Name], d.auto[stage.Name] = stage, policy != nil && policy.AutoPromotionEnabled
	}
	for i := range s.Promotions {
		if s.Promotions[i].AbortRequested != "" {
			d.ended[s.Promotions[i].ID] = true
		}
	}
	d.freight()
	d.known = d.s.Facts()
	return d
}

func (d *decision) add(a Action) { d.actions = append(d.actions, a) }

// fork returns a decision at the point where d is, to try out what d must not do
// by halves.
func (d *decision) fork() *decision {
	f := &decision{p: d.p, s: d.after(), now: d.now, stages: d.stages, auto: d.auto, ended: maps.Clone(d.ended)}
	f.known = f.s.Facts()
	return f
}

// after is the Snapshot once the actions so far were applied.
func (d *decision) after() Snapshot { return Apply(d.p, d.s, d.actions, d.now) }

// refresh indexes everything anew, after Freight came or went.
func (d *decision) refresh() {
	after := d.after()
	d.s.Freight = after.Freight
	d.known = after.Facts()
}

// closure says whether a Stage is closed to Promotions; what time opens is waited
// for.
func (d *decision) closure(stage *Stage) Closure {
	if d.s.Freeze == nil && len(d.p.Windows) == 0 {
		return Closure{}
	}
	if d.closures == nil {
		d.closures = d.p.Closures(d.s.Freeze, d.now)
	}
	return d.closures(stage)
}

// closed reports whether a Stage is closed to what would start there now, and
// waits for it to open.
func (d *decision) closed(stage *Stage) bool {
	c := d.closure(stage)
	if c.Closed {
		d.wake = earliest(d.wake, c.Opens)
	}
	return c.Closed
}

// mark changes what is known of a Freight in a Stage; the Snapshot stays as it
// is.
func (d *decision) mark(k *stageFacts, stage string, n int, change func(*Mark)) {
	m := Mark{Stage: stage, Freight: d.known.freight[n].ID}
	if old := k.markOf(n); old != nil {
		m = *old
	}
	change(&m)
	d.known.setMark(k, n, &m)
}

// thaw ends a freeze whose time is over.
func (d *decision) thaw() {
	switch f := d.s.Freeze; {
	case f == nil:
	case f.Active(d.now):
		d.wake = earliest(d.wake, f.Until)
	default:
		d.frozen(nil)
		d.add(ThawPipeline{})
	}
}

// releaseHolds ends the holds that Promotions set where automation is off by now
// or the origin is no longer asked for; those that people asked for stay.
func (d *decision) releaseHolds() {
	for i := range d.s.Holds {
		h := &d.s.Holds[i]
		stage, known := d.stages[h.Stage]
		if !known || h.Manual() {
			continue
		}
		if _, asked := stage.Request(h.Warehouse); !asked || !d.auto[h.Stage] {
			d.release(h.Stage, h.Warehouse, "")
		}
	}
}

// UnknownStage is the refusal for a Stage name that the pipeline does not have.
func UnknownStage(p Pipeline, got string) *UserError { return UnknownStageName(p.StageNames(), got) }

// UnknownStageName is UnknownStage for those who know only the names there are.
func UnknownStageName(names []string, got string) *UserError {
	err := &UserError{Message: fmt.Sprintf("there is no Stage %q", got)}
	if len(names) == 0 {
		err.Hint = "no Stage is declared in .kargo.yaml"
		return err
	}
	err.Hint = "Stages: " + strings.Join(names, ", ")
	if s := DidYouMean(got, names); s != "" {
		err.Hint = fmt.Sprintf("did you mean %q? %s", s, err.Hint)
	}
	return err
}
