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
	Gates   []Gate `json:"gates"`
}

// Available reports whether every gate passes.
func (v Verdict) Available() bool {
	return !slices.ContainsFunc(v.Gates, func(g Gate) bool { return !g.Pass })
}

// Next returns the earliest time at which a closed gate can open by itself.
func (v Verdict) Next() time.Time {
	var next time.Time
	for _, g := range v.Gates {
		if !g.Pass {
			next = earliest(next, g.Next)
		}
	}
	return next
}

// Unmet returns one line for every closed gate.
func (v Verdict) Unmet() []string {
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
	walk(v.Gates)
	return lines
}

// Explain evaluates every gate between a Freight and a Stage. The rule is
// Kargo's availability: the origin is requested AND (approved OR direct OR
// verified and soaked in one or all of the upstream Stages).
func Explain(p Pipeline, s Snapshot, stage Stage, f Freight, now time.Time) Verdict {
	v := Verdict{Stage: stage.Name, Freight: f.ID}
	req, ok := stage.Request(f.Warehouse)
	if !ok {
		v.Gates = []Gate{{
			Name:     fmt.Sprintf("Stage %s takes Freight from Warehouse %s", stage.Name, f.Warehouse),
			Observed: fmt.Sprintf("it takes Freight from %s", strings.Join(origins(stage), ", ")),
		}}
		return v
	}
	if at := s.Mark(stage.Name, f.ID).ApprovedAt; !at.IsZero() {
		v.Gates = []Gate{{Name: "approved for " + stage.Name, Pass: true, Observed: "approved " + stamp(at)}}
		return v
	}
	if req.Direct {
		v.Gates = []Gate{{Name: "straight from Warehouse " + f.Warehouse, Pass: true, Observed: "no upstream Stage is asked"}}
		return v
	}
	upstream := Gate{Name: "verified in one of " + strings.Join(req.Stages, ", ")}
	if req.AvailabilityStrategy == All {
		upstream.Name = "verified in all of " + strings.Join(req.Stages, ", ")
	}
	passed := 0
	for _, name := range req.Stages {
		g := upstreamGate(s, name, req, f, now)
		if g.Pass {
			passed++
		} else {
			upstream.Next = earliest(upstream.Next, g.Next)
		}
		upstream.Children = append(upstream.Children, g)
	}
	upstream.Pass = passed > 0 && (req.AvailabilityStrategy != All || passed == len(req.Stages))
	upstream.Observed = fmt.Sprintf("%d of %d", passed, len(req.Stages))
	if len(upstream.Children) == 1 {
		upstream = upstream.Children[0]
	}
	v.Gates = []Gate{upstream}
	return v
}

// upstreamGate is "verified in one Stage, and soaked there if asked".
func upstreamGate(s Snapshot, name string, req FreightRequest, f Freight, now time.Time) Gate {
	m := s.Mark(name, f.ID)
	g := Gate{Name: "verified in " + name}
	if m.VerifiedAt.IsZero() {
		g.Observed = notVerified(s, name, f)
		return g
	}
	g.Observed = "verified " + stamp(m.VerifiedAt)
	need := time.Duration(req.RequiredSoakTime)
	if need == 0 {
		g.Pass = true
		return g
	}
	g.Name = fmt.Sprintf("verified in %s and soaked there %s", name, need)
	soak := m.Soak(now)
	g.Pass = soak >= need
	g.Observed += fmt.Sprintf(", soaked %s", soak.Truncate(time.Second))
	if !g.Pass {
		if m.CurrentSince.IsZero() {
			g.Observed += "; it is no longer current there"
		} else {
			g.Next = m.CurrentSince.Add(need)
			g.Observed += ", ready " + stamp(g.Next)
		}
	}
	return g
}

func notVerified(s Snapshot, stage string, f Freight) string {
	last, ok := s.Last(stage, f.ID)
	switch {
	case !ok:
		return "never promoted there"
	case last.Phase == Running:
		if w := last.WaitingOn(); w != "" {
			return fmt.Sprintf("%s is waiting: %s", last.ID, w)
		}
		return last.ID + " is running"
	case last.Phase == Pending:
		return last.ID + " is queued"
	case last.Phase == Succeeded:
		return last.ID + " succeeded, verification has not"
	}
	return fmt.Sprintf("%s %s: %s", last.ID, strings.ToLower(string(last.Phase)), last.Message)
}

// Candidate returns the Freight of one origin that auto-promotion would choose
// for the Stage: the newest available, ties to the greater id.
func Candidate(p Pipeline, s Snapshot, stage Stage, req FreightRequest, now time.Time) (Freight, bool) {
	freight := slices.Clone(s.Freight)
	slices.SortFunc(freight, newerFirst)
	for _, f := range freight {
		if f.Warehouse != req.Origin {
			continue
		}
		if req.SelectionPolicy == MatchUpstream && len(req.Stages) == 1 {
			if s.Mark(req.Stages[0], f.ID).CurrentSince.IsZero() {
				continue
			}
		}
		if Explain(p, s, stage, f, now).Available() {
			return f, true
		}
	}
	return Freight{}, false
}

func origins(stage Stage) []string {
	names := make([]string, len(stage.Requests))
	for i, r := range stage.Requests {
		names[i] = r.Origin
	}
	return names
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

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
