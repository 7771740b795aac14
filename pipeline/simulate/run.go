package simulate

import (
	"context"
	"fmt"
	"time"
)

// Result is what became of a scenario.
type Result struct {
	Scenario *Scenario `json:"-"`
	File     string    `json:"file"`
	Name     string    `json:"name"`
	Entries  []Played  `json:"timeline"`
	// Missed are times at which something was due that no Wake had announced: a
	// fault of the rules rather than of the scenario.
	Missed []string `json:"missed,omitempty"`
	// Checked counts the expectations that were looked at.
	Checked int `json:"checked"`
}

// Played is one entry of the timeline and what came of it.
type Played struct {
	Line int       `json:"line"`
	Name string    `json:"name,omitempty"`
	At   time.Time `json:"at"`
	// Records are what was decided and done, in order.
	Records []Record `json:"records"`
	// Next is when time alone brings the next change.
	Next time.Time `json:"next,omitzero"`
	// Verdicts are the gates between the newest Freight and every Stage; Queues the
	// Promotions of every Stage that have not ended.
	Verdicts []Verdict           `json:"verdicts,omitempty"`
	Queues   map[string][]string `json:"queues,omitempty"`
	Failures []Failure           `json:"failures,omitempty"`
}

// Failure is one expectation that does not hold.
type Failure struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	// Why says more about what was observed, one line each.
	Why []string `json:"why,omitempty"`
}

// Failures returns everything that does not hold.
func (r *Result) Failures() []Failure {
	var all []Failure
	for _, e := range r.Entries {
		all = append(all, e.Failures...)
	}
	return all
}

// Options says what a Result holds beyond what does not hold.
type Options struct {
	// Verdicts adds the gates between the newest Freight and every Stage.
	Verdicts bool
}

// Run plays a scenario. What does not hold is in the Result, and so is an entry that
// cannot happen, after which nothing more does. The error is that ctx has ended.
func (sc *Scenario) Run(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Scenario: sc, File: sc.File, Name: sc.Name}
	w, err := newWorld(sc)
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", sc.File, err)
	}
	for i := range sc.Timeline {
		e := &sc.Timeline[i]
		failed := w.play(ctx, e) // that an event cannot happen is a finding, no fault
		if ctx.Err() != nil {
			return nil, fmt.Errorf("run %s: %w", sc.File, context.Cause(ctx))
		}
		x := &examination{w: w}
		if failed != nil {
			x.fail(e.Place, "this entry", "that it can happen", failed.Error())
		} else if e.Expect != nil {
			x.expect(e.Expect)
		}
		r.Checked += x.checked
		played := Played{
			Line: e.line, Name: e.Name, At: w.now, Records: w.log.records, Next: w.next(), Queues: w.queues(), Failures: x.failures,
		}
		if o.Verdicts {
			played.Verdicts = w.verdicts()
		}
		r.Entries = append(r.Entries, played)
		if failed != nil {
			break
		}
	}
	r.Missed = w.log.missed
	return r, nil //nolint:nilerr // see failed
}
