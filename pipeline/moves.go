package pipeline

import (
	"fmt"
	"slices"
)

// Previous returns the Freight that a Stage had before what is current there: of
// the origins that it asks for, the last to leave of those that were verified.
func (f *Facts) Previous(stage Stage) (Freight, bool) {
	n := f.previous(&stage, f.look(stage.Name))
	if n < 0 {
		return Freight{}, false
	}
	return f.freight[n], true
}

// previous is [Facts.Previous] by number, -1 for none.
func (f *Facts) previous(stage *Stage, k *stageFacts) int {
	best := -1
	for i := range stage.Requests {
		for _, n := range f.byOrigin[stage.Requests[i].Origin] {
			if !k.verified(n) || k.isCurrent(n) || k.markOf(n).LeftAt.IsZero() {
				continue
			}
			if best < 0 || k.stayedLater(n, best) {
				best = n
			}
		}
	}
	return best
}

// Move is Freight that is to be promoted into a Stage.
type Move struct {
	Stage string
	// Freight is empty for the newest that the Stage may take.
	Freight string
}

// Downstream returns the moves out of a Stage into all Stages that take Freight
// from it: of the Freight with that id or, when that is empty, of what is current
// in the Stage, origin by origin; latest means whatever each Stage may take.
// Stages that only route are left out, because what is verified before them is
// behind them already; out of one that only routes go the newest. The refusal says
// why there is nothing to move.
func (p Pipeline) Downstream(s Snapshot, from Stage, freight string, latest bool) ([]Move, *UserError) {
	leaving := map[string]string{}
	if f, ok := s.FreightByID(freight); ok {
		leaving[f.Warehouse] = f.ID
	} else {
		for _, req := range from.Requests {
			current, occupied := s.Current(from.Name, req.Origin)
			switch {
			case latest || !occupied && from.ControlFlow():
				leaving[req.Origin] = ""
			case occupied:
				leaving[req.Origin] = current.ID
			}
		}
	}
	if len(leaving) == 0 {
		return nil, &UserError{Message: "there is no Freight in " + from.Name, Hint: "/kargo status " + from.Name}
	}
	var moves []Move
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, req := range stage.Requests {
			id, ok := leaving[req.Origin]
			if !ok || stage.ControlFlow() || !slices.Contains(req.Stages, from.Name) {
				continue
			}
			if m := (Move{Stage: stage.Name, Freight: id}); !slices.Contains(moves, m) {
				moves = append(moves, m)
			}
		}
	}
	if len(moves) == 0 {
		return nil, &UserError{Message: fmt.Sprintf("no Stage takes this Freight from %s", from.Name), Hint: "/kargo status"}
	}
	return moves, nil
}
