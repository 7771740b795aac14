package pipeline

import (
	"fmt"
	"time"
)

// timing evaluates what delays a Promotion of available Freight.
func (k *Facts) timing(p Pipeline, stage Stage, f Freight, now time.Time) []Gate {
	if stage.ControlFlow() {
		return nil
	}
	var gates []Gate
	for _, g := range []func() (Gate, bool){
		func() (Gate, bool) { return k.openGate(p, stage, now) },
		func() (Gate, bool) { return k.holdGate(p, stage, f) },
		func() (Gate, bool) { return k.turnGate(stage, f) },
	} {
		if gate, applies := g(); applies {
			gates = append(gates, gate)
		}
	}
	return gates
}

// openGate is about windows and the freeze; it applies where time can change it.
func (k *Facts) openGate(p Pipeline, stage Stage, now time.Time) (Gate, bool) {
	if k.freeze == nil && len(p.Windows) == 0 {
		return Gate{}, false
	}
	c := k.closing.at(p, k.freeze, &stage, now)
	g := Gate{Name: stage.Name + " is open to Promotions", Pass: !c.Closed, Observed: c.Reason, Next: c.Opens}
	switch {
	case !c.Closed && c.Closes.IsZero():
		return Gate{}, false
	case !c.Closed:
		g.Observed = "closes " + stamp(c.Closes)
	case c.Opens.IsZero():
		g.Observed += ", until it is ended"
	default:
		g.Observed += ", opens " + stamp(c.Opens)
	}
	return g, true
}

// holdGate is about automation alone: a person may promote in spite of a hold.
func (k *Facts) holdGate(p Pipeline, stage Stage, f Freight) (Gate, bool) {
	h, held := k.look(stage.Name).held(stage.Name, f.Warehouse)
	if !held || !p.AutoPromotion(stage) {
		return Gate{}, false
	}
	return Gate{
		Name:     fmt.Sprintf("automation may bring %s to %s", f.Warehouse, stage.Name),
		Observed: "held " + h.words(),
	}, true
}

// turnGate is about what has to end before a Promotion of the Freight runs.
func (k *Facts) turnGate(stage Stage, f Freight) (Gate, bool) {
	s := k.look(stage.Name)
	ahead := 0
	for _, pr := range s.open {
		if pr.Freight.ID == f.ID {
			break
		}
		ahead++
	}
	g := Gate{Name: "its turn in " + stage.Name}
	run := s.verifying()
	switch {
	case s.running() && s.active().Freight.ID == f.ID:
		return Gate{}, false
	case ahead > 0:
		g.Observed = fmt.Sprintf("%d before it, %s first", ahead, s.active().ID)
	case run != nil:
		g.Observed = run.ID + " verifies what is current"
	default:
		return Gate{}, false
	}
	return g, true
}
