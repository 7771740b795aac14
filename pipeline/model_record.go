package pipeline

import (
	"fmt"
	"slices"
	"time"
)

func (m *model) recordPromotion(pr Promotion, now time.Time) {
	old := m.promotion(pr.ID)
	if old == nil || old.Phase.Terminal() {
		return
	}
	created := *old
	*old = pr
	old.Stage, old.Freight, old.HoldIntent, old.Actor = created.Stage, created.Freight, created.HoldIntent, created.Actor
	old.AbortRequested, old.AbortAs, old.Approvals = created.AbortRequested, created.AbortAs, created.Approvals
	old.Steps = slices.Clone(pr.Steps)
	if pr.Phase == Succeeded {
		m.succeed(old, now)
	}
}

func (m *model) succeed(pr *Promotion, now time.Time) {
	stage, origin := pr.Stage.Name, pr.Freight.Warehouse
	m.occupy(stage, pr.Freight.ID, now)
	if run := FollowUp(pr.Stage, pr, m.reading(stage), m.collection(pr.Stage), m.s.Verifications, now); run != nil {
		m.verify(*run)
	}
	switch pr.HoldIntent {
	case SetHold:
		if slices.ContainsFunc(m.s.Holds, func(h Hold) bool { return h.Stage == stage && h.Warehouse == origin && h.Manual() }) {
			return
		}
		m.hold(Hold{Stage: stage, Warehouse: origin, Freight: pr.Freight.ID, Promotion: pr.ID, Actor: pr.Actor, CreatedAt: now})
	case ClearHold:
		m.release(stage, origin, func(h Hold) bool { return !h.Manual() })
	case NoHoldIntent:
	}
}

// recordHealth starts what had to wait for the Stage to be healthy.
func (m *model) recordHealth(r HealthReading, now time.Time) {
	owned(&m.own.health, &m.s.Health)
	if i := slices.IndexFunc(m.s.Health, func(old HealthReading) bool { return old.Stage == r.Stage }); i >= 0 {
		m.s.Health[i] = r
	} else {
		m.s.Health = append(m.s.Health, r)
	}
	k := m.s.Facts()
	pr := k.outcome(k.look(r.Stage))
	if pr == nil || pr.ID != r.Promotion {
		return
	}
	if run := FollowUp(pr.Stage, pr, &r, m.collection(pr.Stage), m.s.Verifications, now); run != nil {
		m.verify(*run)
	}
}

// unsound reports whether what is current in a Stage is known not to be healthy.
func (m *model) unsound(stage string) bool {
	if r := m.reading(stage); r == nil || r.State == HealthHealthy {
		return false
	}
	k := m.s.Facts()
	return !k.sound(k.look(stage))
}

// reading is what the health checks of a Stage said last, nil for nothing.
func (m *model) reading(stage string) *HealthReading {
	i := slices.IndexFunc(m.s.Health, func(r HealthReading) bool { return r.Stage == stage })
	if i < 0 {
		return nil
	}
	return &m.s.Health[i]
}

// collection is what is current in a Stage, in the order in which it asks.
func (m *model) collection(stage Stage) []Freight {
	var all []Freight
	for _, req := range stage.Requests {
		if f, ok := m.s.Current(stage.Name, req.Origin); ok {
			all = append(all, f)
		}
	}
	return all
}

func (m *model) hold(h Hold) {
	m.release(h.Stage, h.Warehouse, func(Hold) bool { return true })
	m.s.Holds = append(m.s.Holds, h)
}

func (m *model) release(stage, warehouse string, which func(Hold) bool) {
	owned(&m.own.holds, &m.s.Holds)
	m.s.Holds = slices.DeleteFunc(m.s.Holds, func(h Hold) bool {
		return h.Stage == stage && h.Warehouse == warehouse && which(h)
	})
}

// verify starts a run unless one is under way in the Stage.
func (m *model) verify(run VerificationRun) {
	for i := range m.s.Verifications {
		other := &m.s.Verifications[i]
		if other.Stage.Name != run.Stage.Name {
			continue
		}
		if !other.Phase.Terminal() {
			return
		}
		run.Seq = max(run.Seq, other.Seq)
	}
	run.Seq++
	run.ID = fmt.Sprintf("%s-v%d", run.Stage.Name, run.Seq)
	if run.Phase == "" {
		run.Phase = VerificationPending
	}
	owned(&m.own.verifications, &m.s.Verifications)
	m.s.Verifications = append(m.s.Verifications, run)
}

// run returns a run to change in place, nil when there is none.
func (m *model) run(id string) *VerificationRun {
	owned(&m.own.verifications, &m.s.Verifications)
	for i := range m.s.Verifications {
		if m.s.Verifications[i].ID == id {
			return &m.s.Verifications[i]
		}
	}
	return nil
}

func (m *model) stop(a StopVerification) {
	if run := m.run(a.Run); run != nil && !run.Phase.Terminal() && run.AbortRequested == "" {
		run.AbortRequested = a.Reason
	}
}

func (m *model) recordVerification(run VerificationRun, now time.Time) {
	old := m.run(run.ID)
	if old == nil || old.Phase.Terminal() {
		return
	}
	created := *old
	*old = run
	old.Stage, old.Collection, old.Again, old.AbortRequested = created.Stage, created.Collection, created.Again, created.AbortRequested
	verify, revoke := old.Outcome()
	if m.unsound(run.Stage.Name) {
		verify = nil // it counts once the Stage is healthy again
	}
	for _, id := range verify {
		m.mark(run.Stage.Name, id, func(k *Mark) { setOnce(&k.VerifiedAt, now) })
	}
	for _, id := range revoke {
		m.revoke(run.Stage.Name, id)
	}
}

func (m *model) revoke(stage, freight string) {
	m.mark(stage, freight, func(k *Mark) { k.VerifiedAt = time.Time{} })
}

// setOnce keeps the first time that something happened.
func setOnce(t *time.Time, now time.Time) {
	if t.IsZero() {
		*t = now
	}
}
