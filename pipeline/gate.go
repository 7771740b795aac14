package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Gate is one condition between a Freight and a Stage. Gates form a tree: a
// gate with children passes as its rule says of them.
type Gate struct {
	// Name states the rule: "verified in staging".
	Name string `json:"name"`
	Pass bool   `json:"pass"`
	// Observed is the evidence.
	Observed string `json:"observed"`
	// Next is when the answer can change by time alone; zero when only an event
	// can change it.
	Next     time.Time `json:"next,omitzero"`
	Children []Gate    `json:"children,omitempty"`
}

// Verdict is the answer to "may this Freight enter this Stage now?".
type Verdict struct {
	Stage   string `json:"stage"`
	Freight string `json:"freight"`
	// Gates decide availability.
	Gates []Gate `json:"gates"`
	// Timing is what besides availability decides when a Promotion starts: whether
	// the Stage is open, whether automation is held, and whose turn it is. Only
	// what applies to the Stage is in it.
	Timing []Gate `json:"timing,omitempty"`
}

// Available reports whether every gate of availability passes; Timing does not
// matter to it.
func (v Verdict) Available() bool {
	return !slices.ContainsFunc(v.Gates, func(g Gate) bool { return !g.Pass })
}

// Next returns the earliest time at which a closed gate, be it of availability or
// of Timing, can open by itself.
func (v Verdict) Next() time.Time {
	var next time.Time
	for _, gates := range [][]Gate{v.Gates, v.Timing} {
		for _, g := range gates {
			if !g.Pass {
				next = earliest(next, g.Next)
			}
		}
	}
	return next
}

// Unmet returns one line for every closed gate of availability.
func (v Verdict) Unmet() []string { return unmet(v.Gates) }

// Delays returns one line for every closed gate of Timing.
func (v Verdict) Delays() []string { return unmet(v.Timing) }

func unmet(gates []Gate) []string {
	var lines []string
	var walk func([]Gate)
	walk = func(gates []Gate) {
		for _, g := range gates {
			switch {
			case g.Pass:
			case len(g.Children) > 0:
				walk(g.Children)
			default:
				lines = append(lines, g.Name+": "+g.Observed)
			}
		}
	}
	walk(gates)
	return lines
}

// Explain evaluates every gate between a Freight and a Stage. The rule is
// Kargo's availability: the origin is requested AND (approved OR direct OR
// verified and soaked in one or all of the upstream Stages). What delays a
// Promotion of available Freight is the Verdict's Timing.
func Explain(p Pipeline, s Snapshot, stage Stage, f Freight, now time.Time) Verdict {
	return s.Facts().Explain(p, stage, f, now)
}

// Explain is the function [Explain] for one of many questions.
func (k *Facts) Explain(p Pipeline, stage Stage, f Freight, now time.Time) Verdict {
	v := k.availability(p, stage, f, now)
	v.Timing = k.timing(p, stage, f, now)
	return v
}

func (k *Facts) availability(p Pipeline, stage Stage, f Freight, now time.Time) Verdict {
	v := Verdict{Stage: stage.Name, Freight: f.ID}
	req, ok := stage.Request(f.Warehouse)
	if !ok {
		v.Gates = []Gate{{
			Name:     fmt.Sprintf("Stage %s takes Freight from Warehouse %s", stage.Name, f.Warehouse),
			Observed: fmt.Sprintf("it takes Freight from %s", strings.Join(origins(stage), ", ")),
		}}
		return v
	}
	if at := k.Mark(stage.Name, f.ID).ApprovedAt; !at.IsZero() {
		v.Gates = []Gate{{Name: "approved for " + stage.Name, Pass: true, Observed: "approved " + stamp(at)}}
		return v
	}
	if req.Direct {
		v.Gates = []Gate{{Name: "straight from Warehouse " + f.Warehouse, Pass: true, Observed: "no upstream Stage is asked"}}
		return v
	}
	n, known := k.numbers[f.ID]
	if !known {
		n = -1
	}
	tree := Gate{Name: "verified in one of " + strings.Join(req.Stages, ", ")}
	if req.AvailabilityStrategy == All {
		tree.Name = "verified in all of " + strings.Join(req.Stages, ", ")
	}
	passed := 0
	for _, name := range req.Stages {
		g := k.upstreamGate(p, name, req, n, now)
		if g.Pass {
			passed++
		}
		tree.Children = append(tree.Children, g)
	}
	if known {
		tree.Pass, tree.Next = upstream(k.lookAll(req.Stages), &req, n, now)
	}
	tree.Observed = fmt.Sprintf("%d of %d", passed, len(req.Stages))
	if len(tree.Children) == 1 {
		tree = tree.Children[0]
	}
	v.Gates = []Gate{tree}
	return v
}

// available is the rule behind [Explain], without words. ups are the Stages that
// the request names.
func available(s *stageFacts, ups []*stageFacts, req *FreightRequest, n int, now time.Time) (ok bool, at time.Time) {
	if m := s.markOf(n); m != nil && !m.ApprovedAt.IsZero() {
		return true, time.Time{}
	}
	if req.Direct {
		return true, time.Time{}
	}
	return upstream(ups, req, n, now)
}

// upstream judges the upstream Stages together. One of them that opens by time
// opens a OneOf; for All the last one counts, and none may need an event.
func upstream(ups []*stageFacts, req *FreightRequest, n int, now time.Time) (ok bool, at time.Time) {
	all := req.AvailabilityStrategy == All
	ok = all && len(ups) > 0
	for _, up := range ups {
		pass, next := up.reach(n, time.Duration(req.RequiredSoakTime), now)
		switch {
		case pass && !all:
			return true, time.Time{}
		case pass:
		case !all:
			at = earliest(at, next)
		case next.IsZero():
			return false, time.Time{}
		default:
			ok = false
			if next.After(at) {
				at = next
			}
		}
	}
	return ok, at
}

func (k *Facts) lookAll(names []string) []*stageFacts {
	out := make([]*stageFacts, len(names))
	for i, name := range names {
		out[i] = k.look(name)
	}
	return out
}

// upstreamGate is "verified in one Stage, and soaked there if asked"; n is -1
// for Freight that nothing is known of.
func (k *Facts) upstreamGate(p Pipeline, name string, req FreightRequest, n int, now time.Time) Gate {
	s := k.look(name)
	g := Gate{Name: "verified in " + name}
	need := time.Duration(req.RequiredSoakTime)
	if need > 0 {
		g.Name = fmt.Sprintf("verified in %s and soaked there %s", name, brief(need))
	}
	if n < 0 || !s.verified(n) {
		g.Observed = k.notVerified(s, n)
		return g
	}
	m := s.markOf(n)
	g.Observed = "verified " + stamp(m.VerifiedAt)
	g.Pass, g.Next = s.reach(n, need, now)
	if need <= 0 {
		return g
	}
	if st, ok := p.Stage(name); ok && st.ControlFlow() {
		g.Observed += "; Freight never stays in a Stage that only routes"
		return g
	}
	g.Observed += ", soaked " + brief(max(0, m.Soak(now)).Truncate(time.Second))
	switch {
	case g.Pass:
	case m.CurrentSince.IsZero():
		g.Observed += "; it is no longer current there"
	default:
		g.Observed += ", ready " + stamp(g.Next)
	}
	return g
}

func (k *Facts) notVerified(s *stageFacts, n int) string {
	var last *Promotion
	if n >= 0 {
		last = s.lastOf(n)
	}
	switch {
	case last == nil:
		return "never promoted there"
	case last.Phase == Running:
		if w := last.WaitingOn(); w != "" {
			return fmt.Sprintf("%s is waiting: %s", last.ID, w)
		}
		return last.ID + " is running"
	case last.Phase == Pending:
		return last.ID + " is queued"
	case last.Phase == Succeeded:
		if why := k.unsound(s); why != "" && s.isCurrent(n) {
			return last.ID + " succeeded, " + why
		}
		if run := s.runOf(last.Freight.ID); run != nil {
			return run.standing()
		}
		return last.ID + " succeeded, verification has not"
	}
	return fmt.Sprintf("%s %s: %s", last.ID, strings.ToLower(string(last.Phase)), last.Message)
}

// standing says how a run goes or ended.
func (r *VerificationRun) standing() string {
	text := r.ID + " is running"
	if r.Phase.Terminal() {
		text = r.ID + " ended " + string(r.Phase)
	}
	if r.Message != "" {
		text += ": " + r.Message
	}
	return text
}

// Candidate returns the Freight of one origin that auto-promotion would choose
// for the Stage: the newest available, ties to the greater id. MatchUpstream
// leaves only what is current in the one upstream Stage, even among approved
// Freight.
func Candidate(_ Pipeline, s Snapshot, stage Stage, req FreightRequest, now time.Time) (Freight, bool) {
	return s.Facts().Candidate(stage, req, now)
}

// Candidate is the function [Candidate] for one of many questions.
func (k *Facts) Candidate(stage Stage, req FreightRequest, now time.Time) (Freight, bool) {
	n, _ := k.candidate(&stage, &req, now)
	if n < 0 {
		return Freight{}, false
	}
	return k.freight[n], true
}

// candidate returns the number of the candidate, -1 for none, and when time
// alone will bring a newer one, zero for never.
func (k *Facts) candidate(stage *Stage, req *FreightRequest, now time.Time) (n int, at time.Time) {
	s, ups := k.look(stage.Name), k.lookAll(req.Stages)
	match := req.SelectionPolicy == MatchUpstream && !req.Direct && len(ups) == 1
	for _, n := range k.byOrigin[req.Origin] {
		if match && !ups[0].isCurrent(n) {
			continue
		}
		ok, next := available(s, ups, req, n, now)
		if ok {
			return n, at
		}
		at = earliest(at, next)
	}
	return -1, at
}

func origins(stage Stage) []string {
	names := make([]string, len(stage.Requests))
	for i, r := range stage.Requests {
		names[i] = r.Origin
	}
	return names
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// brief writes a duration as people do: "1h" rather than "1h0m0s".
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// earliest returns the earlier of two times, ignoring zero ones.
func earliest(a, b time.Time) time.Time {
	switch {
	case a.IsZero():
		return b
	case b.IsZero() || a.Before(b):
		return a
	}
	return b
}
