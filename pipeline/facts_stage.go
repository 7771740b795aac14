package pipeline

import (
	"slices"
	"time"
)

// stageFacts is what is known of one Stage. The tables are indexed by Freight
// number and nil while nothing is in them.
type stageFacts struct {
	marks []*Mark
	last  []*Promotion
	// current lists the Freight that is current, at most one per origin.
	current []int
	// open lists the Promotions that have not ended, by Seq.
	open  []*Promotion
	holds []*Hold
	// newest is the Promotion with the greatest Seq, succeeded the one among those
	// that succeeded.
	newest, succeeded *Promotion
	// ended is the one with the greatest Seq that has ended.
	ended *Promotion
	// reading is what the Stage's health checks said last, nil for nothing.
	reading *HealthReading
	// runs lists the VerificationRuns by Seq; revoking says that one of them, or
	// this decision, took verifications away.
	runs     []*VerificationRun
	revoking bool
	// taken is the Freight from which this decision took them.
	taken map[int]bool
}

// markOf returns the record of a Freight, nil when there is none.
func (s *stageFacts) markOf(n int) *Mark {
	if s.marks == nil {
		return nil
	}
	return s.marks[n]
}

func (s *stageFacts) lastOf(n int) *Promotion {
	if s.last == nil {
		return nil
	}
	return s.last[n]
}

func (s *stageFacts) verified(n int) bool {
	m := s.markOf(n)
	return m != nil && !m.VerifiedAt.IsZero()
}

func (s *stageFacts) isCurrent(n int) bool { return slices.Contains(s.current, n) }

// enqueue puts a Promotion that has not ended in its place.
func (s *stageFacts) enqueue(p *Promotion) {
	i := len(s.open)
	for i > 0 && s.open[i-1].Seq > p.Seq {
		i--
	}
	s.open = slices.Insert(s.open, i, p)
}

// active returns the Promotion that is Running, else the first Pending one.
func (s *stageFacts) active() *Promotion {
	for _, p := range s.open {
		if p.Phase == Running {
			return p
		}
	}
	if len(s.open) == 0 {
		return nil
	}
	return s.open[0]
}

// held returns the hold in force: one that a person asked for, which only
// resuming ends, else the intent of the newest open Promotion that has one, else
// the recorded hold.
func (s *stageFacts) held(stage, warehouse string) (Hold, bool) {
	recorded, found := s.recorded(warehouse)
	if found && recorded.Manual() {
		return recorded, true
	}
	for _, p := range slices.Backward(s.open) {
		if p.Freight.Warehouse != warehouse || p.HoldIntent == NoHoldIntent {
			continue
		}
		if p.HoldIntent == ClearHold {
			return Hold{}, false
		}
		return Hold{
			Stage: stage, Warehouse: warehouse, Freight: p.Freight.ID,
			Promotion: p.ID, Actor: p.Actor, CreatedAt: p.CreatedAt,
		}, true
	}
	return recorded, found
}

// recorded returns the hold on one origin that was recorded.
func (s *stageFacts) recorded(warehouse string) (Hold, bool) {
	for _, h := range s.holds {
		if h.Warehouse == warehouse {
			return *h, true
		}
	}
	return Hold{}, false
}

// reopen takes up a Promotion that had ended.
func (s *stageFacts) reopen(p *Promotion) {
	s.enqueue(p)
	for n, last := range s.last {
		if last != nil && last.ID == p.ID {
			s.last[n] = p
		}
	}
}

// seen reports whether Freight is or was in the Stage.
func (s *stageFacts) seen(n int) bool {
	m := s.markOf(n)
	return m != nil && (!m.CurrentSince.IsZero() || !m.LeftAt.IsZero() || !m.VerifiedAt.IsZero())
}

// running reports whether a Promotion runs.
func (s *stageFacts) running() bool {
	p := s.active()
	return p != nil && p.Phase == Running
}

// allVerified reports whether everything that is current is verified.
func (s *stageFacts) allVerified() bool {
	return !slices.ContainsFunc(s.current, func(n int) bool { return !s.verified(n) })
}

// verifying returns the run that has not ended, nil for none.
func (s *stageFacts) verifying() *VerificationRun {
	for _, r := range slices.Backward(s.runs) {
		if !r.Phase.Terminal() {
			return r
		}
	}
	return nil
}

// revoked reports whether Freight was verified in the Stage until that was taken
// back.
func (f *Facts) revoked(s *stageFacts, n int) bool {
	if !s.revoking || s.verified(n) {
		return false
	}
	if s.taken[n] {
		return true
	}
	for _, r := range slices.Backward(s.runs) {
		if !slices.ContainsFunc(r.Collection, func(c Freight) bool { return c.ID == f.freight[n].ID }) {
			continue
		}
		switch {
		case r.revokes():
			return true
		case r.Phase == VerificationSuccessful:
			return false
		}
	}
	return false
}

// reach judges one upstream Stage: verified there, and soaked if asked. at is
// when time alone will change a no into a yes, zero for never. The clock of a
// stay starts when the Promotion into the Stage is recorded.
func (s *stageFacts) reach(n int, need time.Duration, now time.Time) (ok bool, at time.Time) {
	m := s.markOf(n)
	switch {
	case m == nil || m.VerifiedAt.IsZero():
		return false, time.Time{}
	case need <= 0 || m.Soak(now) >= need:
		return true, time.Time{}
	case m.CurrentSince.IsZero():
		return false, time.Time{}
	}
	return false, m.CurrentSince.Add(need)
}

// runOf returns the newest run that verified a Freight, nil for none.
func (s *stageFacts) runOf(id string) *VerificationRun {
	for _, r := range slices.Backward(s.runs) {
		if slices.ContainsFunc(r.Collection, func(f Freight) bool { return f.ID == id }) {
			return r
		}
	}
	return nil
}
