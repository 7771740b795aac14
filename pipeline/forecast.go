package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Arrival is when the newest Freight of one origin reaches a Stage if nothing
// changes.
type Arrival struct {
	Stage     string `json:"stage"`
	Warehouse string `json:"warehouse"`
	// Freight is its id.
	Freight string `json:"freight"`
	// Arrived means that it is there already, since At.
	Arrived bool `json:"arrived,omitempty"`
	// At is when it arrives or, where Needs says that somebody has to act first, when
	// that is of use at the earliest. Zero is for "not by itself within the horizon".
	At time.Time `json:"at,omitzero"`
	// Remaining is what has to pass until At, in order: "soak in test", "window
	// office-hours", "freeze", "queue", "verified in test".
	Remaining []string `json:"remaining,omitempty"`
	// Needs is what a person has to do: a command, or "2 approvals".
	Needs string `json:"needs,omitempty"`
}

// ForecastHorizon is how far a [Forecast] looks.
const ForecastHorizon = 30 * 24 * time.Hour

// Bounds on the work of a forecast: decisions in total, and those at one moment.
const (
	forecastDecisions = 100_000 // divided by the number of Stages
	forecastAtOnce    = 50
)

// Forecast says when the newest Freight reaches every Stage if nothing changes: it
// decides again and again on a clock that jumps from one [Wake] to the next, where
// Promotions and Verifications succeed at once and people do nothing but give the
// approvals that a Promotion waits for. Arrivals are in the order of the Stages and
// of what each asks for; an origin without Freight has none. The work is bounded;
// what lies beyond the bounds does not arrive.
func Forecast(p Pipeline, s Snapshot, now time.Time) []Arrival {
	f := newForecast(p, s, now)
	limit := min(500, max(20, forecastDecisions/max(1, len(p.Stages))))
	for at := now; f.decisions < limit; {
		f.settle(at)
		if f.look(at) == 0 {
			break
		}
		next := f.wake
		if !next.After(at) || next.After(now.Add(ForecastHorizon)) {
			break
		}
		at = next
	}
	return f.arrivals()
}

type forecast struct {
	p Pipeline
	m *model
	// targets are what is asked about.
	targets   []*target
	wake      time.Time
	decisions int
}

// target is one Arrival in the making.
type target struct {
	Arrival
	stage *Stage
	// open is when the Freight was first free to enter a Stage that waits for people.
	open time.Time
}

func newForecast(p Pipeline, s Snapshot, now time.Time) *forecast {
	f := &forecast{p: p, m: newModel(p, s)}
	before := s.Facts()
	f.decide(now) // what was discovered becomes Freight
	facts := f.m.s.Facts()
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, req := range stage.Requests {
			newest, ok := facts.Newest(req.Origin)
			if !ok {
				continue
			}
			t := &target{stage: stage, Arrival: Arrival{Stage: stage.Name, Warehouse: req.Origin, Freight: newest.ID}}
			t.At = t.since(before)
			t.Arrived = !t.At.IsZero()
			f.targets = append(f.targets, t)
		}
	}
	return f
}

// decide decides and applies once, and reports whether anything came of it.
func (f *forecast) decide(at time.Time) bool {
	f.decisions++
	f.wake = time.Time{}
	actions := Decide(f.p, f.m.s, at)
	if n := len(actions); n > 0 {
		if wake, ok := actions[n-1].(Wake); ok {
			f.wake, actions = wake.At, actions[:n-1]
		}
	}
	f.m.applyAll(actions, at)
	return len(actions) > 0
}

// settle lets everything happen that does not take time.
func (f *forecast) settle(at time.Time) {
	for range forecastAtOnce {
		again := f.verify(at)
		again = f.promote(at) || again
		if !f.decide(at) && !again {
			break
		}
	}
	for i := range f.m.s.Promotions {
		pr := &f.m.s.Promotions[i]
		if pr.Phase.Terminal() {
			continue
		}
		if c := f.p.Closure(f.m.s.Freeze, f.declared(pr), at); c.Closed {
			f.wake = earliest(f.wake, c.Opens)
		}
	}
}

// declared is the Stage as the pipeline declares it now.
func (f *forecast) declared(pr *Promotion) Stage {
	if stage, ok := f.p.Stage(pr.Stage.Name); ok {
		return stage
	}
	return pr.Stage
}

// verify lets all runs succeed.
func (f *forecast) verify(at time.Time) (any bool) {
	for i := range f.m.s.Verifications {
		run := f.m.s.Verifications[i]
		if run.Phase.Terminal() {
			continue
		}
		run.Phase, run.FinishedAt = VerificationSuccessful, at
		f.m.recordVerification(run, at)
		any = true
	}
	return any
}

// promote lets all Promotions succeed, each Stage's in their order, that no window
// and no freeze parks.
func (f *forecast) promote(at time.Time) (any bool) {
	var open []Promotion
	for i := range f.m.s.Promotions {
		if pr := &f.m.s.Promotions[i]; !pr.Phase.Terminal() {
			own := *pr
			own.Steps = slices.Clone(pr.Steps) // an abort ends one of them
			open = append(open, own)
		}
	}
	slices.SortStableFunc(open, func(a, b Promotion) int {
		running := func(p Promotion) int { return map[bool]int{true: 0, false: 1}[p.Phase == Running] }
		return cmp.Or(cmp.Compare(running(a), running(b)), cmp.Compare(a.Seq, b.Seq))
	})
	parked := map[string]bool{}
	closed := f.p.Closures(f.m.s.Freeze, at)
	for _, pr := range open {
		name := pr.Stage.Name
		if pr.AbortRequested != "" {
			pr.Abort(at, pr.AbortRequested)
			f.m.recordPromotion(pr, at)
			any = true
			continue
		}
		stage := f.declared(&pr)
		if parked[name] = parked[name] || closed(&stage).Closed; parked[name] {
			continue
		}
		if pr.Phase == Pending {
			var previous *Freight
			if current, ok := f.m.s.Current(name, pr.Freight.Warehouse); ok {
				previous = &current
			}
			pr.Start(at, previous)
		}
		pr.Phase, pr.FinishedAt = Succeeded, at
		f.m.recordPromotion(pr, at)
		// One at a time, because a Verification may have to follow.
		parked[name], any = true, true
	}
	return any
}

// look records what has arrived and what keeps the rest, and returns how many have
// not arrived.
func (f *forecast) look(at time.Time) (missing int) {
	facts := f.m.s.Facts()
	closed := f.p.Closures(f.m.s.Freeze, at)
	for _, t := range f.targets {
		if !t.At.IsZero() {
			continue
		}
		if t.At = t.since(facts); !t.At.IsZero() {
			continue
		}
		missing++
		f.keeps(t, facts, closed, at)
	}
	return missing
}

// since is when the Freight came to be in the Stage, zero when it is not.
func (t *target) since(facts *Facts) time.Time {
	mark := facts.Mark(t.Stage, t.Freight)
	if t.stage.ControlFlow() {
		return mark.VerifiedAt
	}
	return mark.CurrentSince
}

// keeps notes what keeps Freight from a Stage at a moment.
func (f *forecast) keeps(t *target, facts *Facts, closed func(*Stage) Closure, at time.Time) {
	n := facts.numbers[t.Freight]
	req, _ := t.stage.Request(t.Warehouse)
	k := facts.look(t.Stage)
	if ok, _ := available(k, facts.lookAll(req.Stages), &req, n, at); !ok {
		for _, name := range req.Stages {
			up := facts.look(name)
			switch pass, opens := up.reach(n, time.Duration(req.RequiredSoakTime), at); {
			case pass:
			case !opens.IsZero():
				// Decide wakes for automation only, but people want to know as well.
				f.wake = earliest(f.wake, opens)
				t.remains("soak in " + name)
			case !up.verified(n):
				t.remains("verified in " + name)
			default:
				t.remains("soak in " + name)
			}
		}
		return
	}
	if c := closed(t.stage); c.Closed && !t.stage.ControlFlow() {
		f.wake = earliest(f.wake, c.Opens)
		t.remains(c.By)
		return
	}
	if len(k.open) > 0 {
		t.remains("queue")
		return
	}
	if t.open.IsZero() {
		t.open = at
	}
}

func (t *target) remains(what string) {
	if !slices.Contains(t.Remaining, what) && t.open.IsZero() {
		t.Remaining = append(t.Remaining, what)
	}
}

func (f *forecast) arrivals() []Arrival {
	facts := f.m.s.Facts()
	out := make([]Arrival, len(f.targets))
	for i, t := range f.targets {
		a := t.Arrival
		switch {
		case a.Arrived:
			a.Remaining = nil
		case !a.At.IsZero():
			a.Needs = t.stage.people()
		default:
			a.At, a.Needs = t.open, f.needs(facts, t, map[string]bool{})
		}
		out[i] = a
	}
	return out
}

// needs is the first thing that a person has to do for Freight that does not arrive.
func (f *forecast) needs(facts *Facts, t *target, seen map[string]bool) string {
	if seen[t.Stage] {
		return ""
	}
	seen[t.Stage] = true
	k, n := facts.look(t.Stage), facts.numbers[t.Freight]
	if t.open.IsZero() {
		if f.m.s.Freeze != nil && f.m.s.Freeze.Until.IsZero() && slices.Contains(t.Remaining, "freeze") {
			return "/kargo thaw"
		}
		return f.upstreamNeeds(facts, t, seen)
	}
	_, held := k.held(t.Stage, t.Warehouse)
	switch last := k.lastOf(n); {
	case t.stage.ControlFlow():
		return ""
	case held:
		return "/kargo resume " + t.Stage
	case last != nil && last.Phase != Succeeded:
		return "/kargo retry " + last.ID
	}
	return "/promote " + t.Stage
}

// upstreamNeeds asks the Stages before the one that waits for them.
func (f *forecast) upstreamNeeds(facts *Facts, t *target, seen map[string]bool) string {
	req, _ := t.stage.Request(t.Warehouse)
	for _, name := range req.Stages {
		if facts.look(name).verified(facts.numbers[t.Freight]) {
			continue
		}
		for _, up := range f.targets {
			if up.Stage != name || up.Warehouse != t.Warehouse || !up.At.IsZero() {
				continue
			}
			if needs := f.needs(facts, up, seen); needs != "" {
				return needs
			}
		}
	}
	return ""
}

// people is what a Promotion into the Stage waits for from people.
func (s *Stage) people() string {
	var needs []string
	n := s.Approvals.Required
	for _, q := range s.Approvals.Quorum {
		n = max(n, q.Required)
	}
	switch {
	case n == 1:
		needs = append(needs, "1 approval")
	case n > 1:
		needs = append(needs, fmt.Sprintf("%d approvals", n))
	}
	byHand := slices.ContainsFunc(s.Steps, func(spec StepSpec) bool { return spec.Uses == "git-wait-for-pr" })
	if byHand || s.PullRequest.Merge == MergeManual && slices.ContainsFunc(s.Steps, func(spec StepSpec) bool { return spec.Uses == "git-merge-pr" }) {
		needs = append(needs, "somebody to merge")
	}
	return strings.Join(needs, ", ")
}

// Sentence says it for people who know the Freight: "prod Tuesday 09:00; remaining:
// soak in test, window office-hours; needs 2 approvals". Times are UTC.
func (a Arrival) Sentence(now time.Time) string {
	if a.Arrived {
		return a.Stage + " has it"
	}
	parts := []string{a.Stage + " " + a.when(now)}
	if len(a.Remaining) > 0 {
		parts = append(parts, "remaining: "+strings.Join(a.Remaining, ", "))
	}
	if a.Needs != "" {
		parts = append(parts, "needs "+a.Needs)
	}
	return strings.Join(parts, "; ")
}

func (a Arrival) when(now time.Time) string {
	now = now.UTC()
	at := a.At.UTC()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case a.At.IsZero():
		return "not by itself"
	case !at.After(now):
		return "now"
	case at.Before(midnight.AddDate(0, 0, 1)):
		return "today " + at.Format("15:04")
	case at.Before(midnight.AddDate(0, 0, 7)):
		return at.Format("Monday 15:04")
	}
	return at.Format("2006-01-02 15:04")
}
