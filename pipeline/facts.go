package pipeline

import (
	"slices"
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
	freeze   *Freeze
	closing  closing
}

// Facts indexes the Snapshot.
func (s Snapshot) Facts() *Facts {
	f := &Facts{
		freight:  slices.Clone(s.Freight),
		numbers:  make(map[string]int, len(s.Freight)),
		byOrigin: map[string][]int{},
		stages:   map[string]*stageFacts{},
		freeze:   s.Freeze,
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
	for _, st := range f.stages {
		f.leave(st)
	}
	for i := range s.Verifications {
		f.addRun(&s.Verifications[i])
	}
	for i := range s.Holds {
		st := f.stage(s.Holds[i].Stage)
		st.holds = append(st.holds, &s.Holds[i])
	}
	for i := range s.Health {
		f.stage(s.Health[i].Stage).reading = &s.Health[i]
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
	if s.newest == nil || p.Seq > s.newest.Seq {
		s.newest = p
	}
	if p.Phase == Succeeded && (s.succeeded == nil || p.Seq > s.succeeded.Seq) {
		s.succeeded = p
	}
	if !p.Phase.Terminal() {
		s.enqueue(p)
	} else if s.ended == nil || p.Seq > s.ended.Seq {
		s.ended = p
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

// leave drops from what is current the Freight of origins that the Stage no longer
// asked for when a Promotion into it last succeeded: as in Kargo a Promotion takes
// over only what is asked for.
func (f *Facts) leave(s *stageFacts) {
	p := s.succeeded
	if p == nil || len(s.current) < 2 {
		return
	}
	s.current = slices.DeleteFunc(s.current, func(n int) bool {
		_, asked := p.Stage.Request(f.freight[n].Warehouse)
		return !asked && f.freight[n].ID != p.Freight.ID && !s.marks[n].CurrentSince.After(p.FinishedAt)
	})
}

func (f *Facts) addRun(r *VerificationRun) {
	s := f.stage(r.Stage.Name)
	s.revoking = s.revoking || r.revokes()
	i := len(s.runs)
	if s.runs == nil {
		s.runs = make([]*VerificationRun, 0, 8)
	}
	for i > 0 && s.runs[i-1].Seq > r.Seq {
		i--
	}
	s.runs = slices.Insert(s.runs, i, r)
}

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

// Current is [Snapshot.Current], except that Freight of an origin which the Stage
// no longer asks for is current only until the next Promotion succeeds.
func (f *Facts) Current(stage, warehouse string) (Freight, bool) {
	if n := f.currentOf(f.look(stage), warehouse); n >= 0 {
		return f.freight[n], true
	}
	return Freight{}, false
}

// Collection returns all Freight that is current in a Stage.
func (f *Facts) Collection(stage string) []Freight { return f.collection(f.look(stage)) }

func (f *Facts) collection(s *stageFacts) []Freight {
	if len(s.current) == 0 {
		return nil
	}
	out := make([]Freight, len(s.current))
	for i, n := range s.current {
		out[i] = f.freight[n]
	}
	return out
}

// Verifying is [Snapshot.Verifying].
func (f *Facts) Verifying(stage string) (VerificationRun, bool) {
	if r := f.look(stage).verifying(); r != nil {
		return *r, true
	}
	return VerificationRun{}, false
}

// Verification returns the newest run of what is current in a Stage, ended or
// not: the one whose result counts.
func (f *Facts) Verification(stage string) (VerificationRun, bool) {
	if r := f.latestRun(f.look(stage)); r != nil {
		return *r, true
	}
	return VerificationRun{}, false
}

// latestRun returns the newest run of what is current, nil for none.
func (f *Facts) latestRun(s *stageFacts) *VerificationRun {
	if len(s.current) == 0 {
		return nil
	}
	for _, r := range slices.Backward(s.runs) {
		if len(r.Collection) == len(s.current) && !slices.ContainsFunc(s.current, func(n int) bool {
			return !slices.ContainsFunc(r.Collection, func(c Freight) bool { return c.ID == f.freight[n].ID })
		}) {
			return r
		}
	}
	return nil
}

// outcome returns the newest Promotion that succeeded if what it brought is still
// current, nil otherwise.
func (f *Facts) outcome(s *stageFacts) *Promotion {
	if s.succeeded == nil {
		return nil
	}
	if n, ok := f.numbers[s.succeeded.Freight.ID]; !ok || !s.isCurrent(n) {
		return nil
	}
	return s.succeeded
}

// Queue returns the Promotions into a Stage that have not ended, in the order in
// which they were created.
func (f *Facts) Queue(stage string) []Promotion {
	open := f.look(stage).open
	out := make([]Promotion, len(open))
	for i, p := range open {
		out[i] = *p
	}
	return out
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
