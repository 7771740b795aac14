package pipeline

import (
	"slices"
	"time"
)

// Facts is an index over a [Snapshot] for those who ask it many questions. It
// reads the Snapshot that it was made from, which must not change meanwhile, and
// is safe for concurrent reading.
type Facts struct {
	// freight is newest first; the position in it is a Freight's number, under
	// which the tables below know it.
	freight  []Freight
	numbers  map[string]int
	byOrigin map[string][]int
	stages   map[string]*stageFacts
}

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
	// seq is the greatest of all Promotions.
	seq int
}

// Facts indexes the Snapshot.
func (s Snapshot) Facts() *Facts {
	f := &Facts{
		freight:  slices.Clone(s.Freight),
		numbers:  make(map[string]int, len(s.Freight)),
		byOrigin: map[string][]int{},
		stages:   map[string]*stageFacts{},
	}
	slices.SortFunc(f.freight, newerFirst)
	for n, fr := range f.freight {
		f.numbers[fr.ID] = n
		f.byOrigin[fr.Warehouse] = append(f.byOrigin[fr.Warehouse], n)
	}
	f.indexMarks(s.Marks)
	for i := range s.Promotions {
		f.addPromotion(&s.Promotions[i])
	}
	for i := range s.Holds {
		st := f.stage(s.Holds[i].Stage)
		st.holds = append(st.holds, &s.Holds[i])
	}
	return f
}

// indexMarks is most of the work where many Stages saw much Freight. Stores
// return marks by Stage and within it by Freight, so that the Stage is mostly the
// one before and the Freight mostly the one that came next in the Stage before.
func (f *Facts) indexMarks(marks []Mark) {
	var stage *stageFacts
	name, previous := "", -1
	follows := make([]int, len(f.freight)+1) // by number plus one; a guess
	for i := range marks {
		m := &marks[i]
		if stage == nil || m.Stage != name {
			name, stage, previous = m.Stage, f.stage(m.Stage), -1
		}
		n := follows[previous+1]
		if n >= len(f.freight) || f.freight[n].ID != m.Freight {
			known := false
			if n, known = f.numbers[m.Freight]; !known {
				continue
			}
			follows[previous+1] = n
		}
		f.setMark(stage, n, m)
		previous = n
	}
}

// stage returns what is known of a Stage, making room when that is nothing.
func (f *Facts) stage(name string) *stageFacts {
	s, ok := f.stages[name]
	if !ok {
		s = &stageFacts{}
		f.stages[name] = s
	}
	return s
}

// look returns what is known of a Stage without making room.
func (f *Facts) look(name string) *stageFacts {
	if s, ok := f.stages[name]; ok {
		return s
	}
	return &stageFacts{}
}

// setMark puts a mark in the place of whatever is known of that Freight.
func (f *Facts) setMark(s *stageFacts, n int, m *Mark) {
	if s.marks == nil {
		s.marks = make([]*Mark, len(f.freight))
	}
	s.marks[n] = m
	if !m.CurrentSince.IsZero() && !slices.Contains(s.current, n) {
		s.current = append(s.current, n)
	}
}

func (f *Facts) addPromotion(p *Promotion) {
	s := f.stage(p.Stage.Name)
	s.seq = max(s.seq, p.Seq)
	if !p.Phase.Terminal() {
		i := len(s.open)
		for i > 0 && s.open[i-1].Seq > p.Seq {
			i--
		}
		s.open = slices.Insert(s.open, i, p)
	}
	n, ok := f.numbers[p.Freight.ID]
	if !ok {
		return
	}
	if s.last == nil {
		s.last = make([]*Promotion, len(f.freight))
	}
	if old := s.last[n]; old == nil || p.Seq > old.Seq {
		s.last[n] = p
	}
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

// currentOf returns the number of the Freight of one origin that is current, or
// -1.
func (f *Facts) currentOf(s *stageFacts, warehouse string) int {
	for _, n := range s.current {
		if f.freight[n].Warehouse == warehouse {
			return n
		}
	}
	return -1
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

// held returns the hold in force: the intent of the newest open Promotion that a
// person created, else the recorded one.
func (s *stageFacts) held(stage, warehouse string) (Hold, bool) {
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
	for _, h := range s.holds {
		if h.Warehouse == warehouse {
			return *h, true
		}
	}
	return Hold{}, false
}

// Freight returns all Freight, newest first. The caller must not modify it.
func (f *Facts) Freight() []Freight { return f.freight }

// FreightByID is [Snapshot.FreightByID].
func (f *Facts) FreightByID(id string) (Freight, bool) {
	if n, ok := f.numbers[id]; ok {
		return f.freight[n], true
	}
	return Freight{}, false
}

// Newest returns the newest Freight of a Warehouse.
func (f *Facts) Newest(warehouse string) (Freight, bool) {
	if all := f.byOrigin[warehouse]; len(all) > 0 {
		return f.freight[all[0]], true
	}
	return Freight{}, false
}

// Mark is [Snapshot.Mark].
func (f *Facts) Mark(stage, freight string) Mark {
	if n, ok := f.numbers[freight]; ok {
		if m := f.look(stage).markOf(n); m != nil {
			return *m
		}
	}
	return Mark{Stage: stage, Freight: freight}
}

// Current is [Snapshot.Current].
func (f *Facts) Current(stage, warehouse string) (Freight, bool) {
	if n := f.currentOf(f.look(stage), warehouse); n >= 0 {
		return f.freight[n], true
	}
	return Freight{}, false
}

// Active is [Snapshot.Active].
func (f *Facts) Active(stage string) (Promotion, bool) {
	if p := f.look(stage).active(); p != nil {
		return *p, true
	}
	return Promotion{}, false
}

// Last is [Snapshot.Last] for Freight that the Snapshot holds.
func (f *Facts) Last(stage, freight string) (Promotion, bool) {
	if n, ok := f.numbers[freight]; ok {
		if p := f.look(stage).lastOf(n); p != nil {
			return *p, true
		}
	}
	return Promotion{}, false
}

// Held is [Snapshot.Held].
func (f *Facts) Held(stage, warehouse string) (Hold, bool) {
	return f.look(stage).held(stage, warehouse)
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
