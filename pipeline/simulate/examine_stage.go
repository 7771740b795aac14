package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

func (x *examination) stage(name string, e expectStage) {
	stage, ok := x.w.p.Stage(name)
	if !ok {
		x.checked++
		x.fail(e.Place, "Stage "+name, "that it exists", "it is not in the pipeline now")
		return
	}
	in := "in " + name
	x.origins("current "+in, e.Current, stage, func(req pipeline.FreightRequest) (pipeline.Freight, bool) {
		return x.facts.Current(name, req.Origin)
	}, nil)
	x.origins("candidate of "+name, e.Candidate, stage, func(req pipeline.FreightRequest) (pipeline.Freight, bool) {
		return x.facts.Candidate(stage, req, x.w.now)
	}, func() []string { return x.gatesOfAll(stage) })
	x.set("available to "+name, e.Available, x.having(func(f pipeline.Freight) bool {
		return x.facts.Explain(x.w.p, stage, f, x.w.now).Available()
	}), func(of string) []string { return x.gates(stage, of) })
	x.set("verified "+in, e.Verified, x.having(func(f pipeline.Freight) bool {
		return !x.facts.Mark(name, f.ID).VerifiedAt.IsZero()
	}), nil)
	x.set("approved for "+name, e.Approved, x.having(func(f pipeline.Freight) bool {
		return !x.facts.Mark(name, f.ID).ApprovedAt.IsZero()
	}), nil)
	x.held(stage, e.Held)
	x.boolean(e.Place, "auto-promotion of "+name, e.AutoPromotion, x.w.p.AutoPromotion(stage))
	x.queue(stage, e)
	x.closed(stage, e.Closed)
	x.forecast(stage, e.Forecast)
	if e.Health != "" {
		h := x.facts.Health(stage)
		x.equal(e.Place, "health of "+name, e.Health, orNone(string(h.State)), h.Issues...)
	}
	if e.Verification != nil {
		x.newestRun(name, *e.Verification)
	}
	for _, of := range slices.Sorted(maps.Keys(e.Reason)) {
		if f, ok := x.w.freight(of); ok {
			v := x.facts.Explain(x.w.p, stage, f, x.w.now)
			x.text(fmt.Sprintf("why %s cannot enter %s", of, name), e.Reason[of], strings.Join(v.Unmet(), "; "))
		} else {
			x.unknown(e.Place, of)
		}
	}
	for _, of := range slices.Sorted(maps.Keys(e.Next)) {
		if f, ok := x.w.freight(of); ok {
			v := x.facts.Explain(x.w.p, stage, f, x.w.now)
			x.moment(fmt.Sprintf("when %s can enter %s", of, name), e.Next[of], v.Next(), x.gates(stage, of)...)
		} else {
			x.unknown(e.Place, of)
		}
	}
	for _, of := range slices.Sorted(maps.Keys(e.Soak)) {
		if f, ok := x.w.freight(of); ok {
			x.equal(e.Place, fmt.Sprintf("soak of %s %s", of, in), durationOf(e.Soak[of]).String(),
				x.facts.Mark(name, f.ID).Soak(x.w.now).String())
		} else {
			x.unknown(e.Place, of)
		}
	}
}

// having are the names of the Freight of which something is true.
func (x *examination) having(is func(pipeline.Freight) bool) []string {
	var names []string
	for _, f := range x.facts.Freight() {
		if is(f) {
			names = append(names, x.w.name(f.ID))
		}
	}
	return names
}

// origins expects one Freight, or one for each origin.
func (x *examination) origins(
	what string, want *perOrigin, stage pipeline.Stage, of func(pipeline.FreightRequest) (pipeline.Freight, bool), why func() []string,
) {
	if want == nil {
		return
	}
	got := func(req pipeline.FreightRequest) string {
		if f, ok := of(req); ok {
			return x.w.name(f.ID)
		}
		return none
	}
	compare := func(what, want, got string, p Place) {
		var lines []string
		if want = x.canonical(want); want != got && why != nil {
			lines = why()
		}
		x.equal(p, what, want, got, lines...)
	}
	if want.by == nil {
		var all []string
		for _, req := range stage.Requests {
			if name := got(req); name != none {
				all = append(all, name)
			}
		}
		compare(what, want.one, joinNames(all), want.Place)
		return
	}
	for _, origin := range slices.Sorted(maps.Keys(want.by)) {
		req, ok := stage.Request(origin)
		if !ok {
			x.checked++
			x.fail(want.Place, what, "Freight of "+origin, "the Stage takes none of it")
			continue
		}
		compare(what+" of "+origin, want.by[origin], got(req), want.Place)
	}
}

func (x *examination) held(stage pipeline.Stage, e *expectHold) {
	if e == nil {
		return
	}
	var got []string
	for _, req := range stage.Requests {
		h, ok := x.facts.Held(stage.Name, req.Origin)
		if !ok || e.Warehouse != "" && e.Warehouse != req.Origin {
			continue
		}
		got = append(got, req.Origin)
		if !e.held {
			continue
		}
		if e.Freight != "" {
			name := none
			if h.Freight != "" {
				name = x.w.name(h.Freight)
			}
			x.equal(e.Place, "Freight of the hold on "+stage.Name, x.canonical(e.Freight), name)
		}
		if e.Promotion != "" {
			x.equal(e.Place, "Promotion of the hold on "+stage.Name, e.Promotion, orNone(h.Promotion))
		}
		if e.Actor != "" {
			x.equal(e.Place, "actor of the hold on "+stage.Name, e.Actor, orNone(h.Actor))
		}
		x.text("reason of the hold on "+stage.Name, e.Reason, h.Reason)
	}
	x.equal(e.Place, "held "+stage.Name, fmt.Sprint(e.held), fmt.Sprint(len(got) > 0))
}

// open are the Promotions of a Stage that have not ended, in the order in which
// they run.
func (w *world) open(stage string) []*pipeline.Promotion {
	var open []*pipeline.Promotion
	for i := range w.s.Promotions {
		if pr := &w.s.Promotions[i]; pr.Stage.Name == stage && !pr.Phase.Terminal() {
			open = append(open, pr)
		}
	}
	slices.SortStableFunc(open, func(a, b *pipeline.Promotion) int {
		running := func(p *pipeline.Promotion) int {
			if p.Phase == pipeline.Running {
				return 0
			}
			return 1
		}
		if d := running(a) - running(b); d != 0 {
			return d
		}
		return a.Seq - b.Seq
	})
	return open
}

func (x *examination) queue(stage pipeline.Stage, e expectStage) {
	open := x.w.open(stage.Name)
	if e.Queue != nil {
		got := make([]string, len(open))
		for i, pr := range open {
			got[i] = pr.ID
			if i < len(*e.Queue) && (*e.Queue)[i] != pr.ID {
				got[i] = x.w.name(pr.Freight.ID)
			}
		}
		x.names(e.Place, "queue of "+stage.Name, *e.Queue, got)
	}
	if e.Running != nil {
		got := none
		if len(open) > 0 && open[0].Phase == pipeline.Running {
			got = open[0].ID
			if *e.Running != got {
				got = x.w.name(open[0].Freight.ID)
			}
		}
		x.equal(e.Place, "running in "+stage.Name, x.canonical(*e.Running), got)
	}
	if e.History != nil {
		x.names(e.Place, "history of "+stage.Name, *e.History, x.w.history(stage.Name))
	}
}

// history is what was brought into a Stage with success, newest first.
func (w *world) history(stage string) []string {
	var ended []*pipeline.Promotion
	for i := range w.s.Promotions {
		if pr := &w.s.Promotions[i]; pr.Stage.Name == stage && pr.Phase == pipeline.Succeeded {
			ended = append(ended, pr)
		}
	}
	slices.SortStableFunc(ended, func(a, b *pipeline.Promotion) int {
		if d := b.FinishedAt.Compare(a.FinishedAt); d != 0 {
			return d
		}
		return b.Seq - a.Seq
	})
	var names []string
	for _, pr := range ended[:min(len(ended), pipeline.HistoryLength)] {
		names = append(names, w.name(pr.Freight.ID))
	}
	return names
}

func (x *examination) closed(stage pipeline.Stage, e *expectClosed) {
	if e == nil {
		return
	}
	c := x.w.p.Closure(x.w.s.Freeze, stage, x.w.now)
	var why []string
	if c.Closed {
		why = []string{c.By + ": " + c.Reason}
	}
	x.equal(e.Place, "closed "+stage.Name, fmt.Sprint(e.Closed), fmt.Sprint(c.Closed), why...)
	x.text("what closes "+stage.Name, e.By, c.By)
	x.text("why "+stage.Name+" is closed", e.Reason, c.Reason)
	x.moment("when "+stage.Name+" opens", e.Opens, c.Opens)
	x.moment("when "+stage.Name+" closes", e.Closes, c.Closes)
}

// forecast expects the arrival of the Freight that is named, or of the first origin
// that has any.
func (x *examination) forecast(stage pipeline.Stage, e *expectForecast) {
	if e == nil {
		return
	}
	for _, a := range pipeline.ForecastStage(x.w.p, x.w.s, stage.Name, x.w.now) {
		if e.Freight != "" && x.canonical(e.Freight) != x.w.name(a.Freight) {
			continue
		}
		sentence := a.Sentence(x.w.now)
		x.text("forecast of "+stage.Name, e.Text, sentence)
		x.moment("arrival in "+stage.Name, e.At, a.At, sentence)
		if e.Remains != nil {
			x.texts(e.Place, "what remains before "+stage.Name, *e.Remains, a.Remaining)
		}
		x.text("what is needed for "+stage.Name, e.Needs, a.Needs)
		return
	}
	x.checked++
	x.fail(e.Place, "forecast of "+stage.Name, "an arrival", "there is no such Freight")
}
