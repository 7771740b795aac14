package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Apply returns what a Snapshot is once actions were carried out at a time: what a
// store does, without one. It is total and idempotent in the way of a store:
// Freight that exists, marks that are set and ends that were reached stay, nothing
// comes of an action that answers a request which was answered meanwhile, and a
// Freight is on its way into a Stage once at most. The argument is not modified.
func Apply(p Pipeline, s Snapshot, actions []Action, now time.Time) Snapshot {
	m := newModel(p, s)
	m.applyAll(actions, now)
	return m.s
}

// RecordPromotion returns what a Snapshot is once the engine recorded the state of
// a Promotion, and all that follows from it: success makes its Freight current,
// sets or clears the hold that was intended, and starts the VerificationRun that
// follows; see [FollowUp]. What was given at creation, requests
// that arrived meanwhile and an end that was reached before stay as they are.
func RecordPromotion(p Pipeline, s Snapshot, pr Promotion, now time.Time) Snapshot {
	m := newModel(p, s)
	m.recordPromotion(pr, now)
	return m.s
}

// RecordVerification returns what a Snapshot is once the engine recorded the state
// of a run, and what follows from it; see [VerificationRun.Outcome].
func RecordVerification(p Pipeline, s Snapshot, run VerificationRun, now time.Time) Snapshot {
	m := newModel(p, s)
	m.recordVerification(run, now)
	return m.s
}

// RecordHealth returns what a Snapshot is once the engine recorded what the health
// checks of a Stage said: the VerificationRun that waited for it starts, if it is
// what the newest success needs.
func RecordHealth(p Pipeline, s Snapshot, r HealthReading, now time.Time) Snapshot {
	m := newModel(p, s)
	m.recordHealth(r, now)
	return m.s
}

// model is a Snapshot that changes. What it was made from is copied part by part
// when a part changes for the first time.
type model struct {
	p Pipeline
	s Snapshot
	// own says which parts are the model's own already.
	own struct{ freight, marks, holds, promotions, verifications, intents, matches, health bool }
	// marks is where the mark of a Stage and Freight is; nil until it is asked for.
	marks map[[2]string]int
}

func newModel(p Pipeline, s Snapshot) *model { return &model{p: p, s: s} }

// owned makes a slice safe to change in place.
func owned[T any](own *bool, part *[]T) {
	if !*own {
		*own, *part = true, slices.Clone(*part)
	}
}

// applyAll lets several actions answer one request.
func (m *model) applyAll(actions []Action, now time.Time) {
	open := make(map[string]bool, len(m.s.Intents))
	for i := range m.s.Intents {
		open[m.s.Intents[i].ID] = true
	}
	for _, a := range actions {
		if id := IntentOf(a); id == "" || open[id] {
			m.apply(a, now)
			m.resolve(id)
		}
	}
}

func (m *model) apply(action Action, now time.Time) {
	switch a := action.(type) {
	case CreateFreight:
		m.create(a.Freight)
	case DeleteFreight:
		m.delete(a.Freight)
	case RenameFreight:
		m.rename(a.Freight, a.Alias)
	case AdoptFreight:
		m.adopt(a, now)
	case MarkVerified:
		m.mark(a.Stage, a.Freight, func(k *Mark) { setOnce(&k.VerifiedAt, now) })
	case RevokeVerified:
		m.revoke(a.Stage, a.Freight)
	case ApproveFreight:
		m.mark(a.Stage, a.Freight, func(k *Mark) { setOnce(&k.ApprovedAt, now) })
	case ApprovePromotion:
		m.approve(a)
	case AnswerPromotion:
		m.answer(a)
	case StartPromotion:
		m.start(a.Promotion)
	case AbortPromotion:
		m.abort(a)
	case RetryPromotion:
		m.retry(a.Promotion, now)
	case StartVerification:
		m.verify(a.Run)
	case StopVerification:
		m.stop(a)
	case RecordHold:
		m.hold(a.Hold)
	case ReleaseHold:
		m.release(a.Stage, a.Warehouse, func(Hold) bool { return true })
	case FreezePipeline:
		m.s.Freeze = &a.Freeze
	case ThawPipeline:
		m.s.Freeze = nil
	}
}

// IntentOf returns the request that an action answers, empty for none.
func IntentOf(action Action) string {
	switch a := action.(type) {
	case CreateFreight:
		return a.Intent
	case DeleteFreight:
		return a.Intent
	case RenameFreight:
		return a.Intent
	case ApproveFreight:
		return a.Intent
	case ApprovePromotion:
		return a.Intent
	case AnswerPromotion:
		return a.Intent
	case StartVerification:
		return a.Intent
	case StopVerification:
		return a.Intent
	case RecordHold:
		return a.Intent
	case ReleaseHold:
		return a.Intent
	case FreezePipeline:
		return a.Intent
	case ThawPipeline:
		return a.Intent
	case GrantIntent:
		return a.Intent
	case RetryPromotion:
		return a.Intent
	case StartPromotion:
		return a.Intent
	case AbortPromotion:
		return a.Intent
	case RefuseIntent:
		return a.Intent
	}
	return ""
}

func (m *model) resolve(intent string) {
	if intent == "" {
		return
	}
	owned(&m.own.intents, &m.s.Intents)
	m.s.Intents = slices.DeleteFunc(m.s.Intents, func(in Intent) bool { return in.ID == intent })
}

func (m *model) create(f Freight) {
	if _, exists := m.s.FreightByID(f.ID); exists {
		return
	}
	owned(&m.own.freight, &m.s.Freight)
	m.s.Freight = append(m.s.Freight, f)
}

func (m *model) delete(id string) {
	owned(&m.own.freight, &m.s.Freight)
	owned(&m.own.marks, &m.s.Marks)
	m.s.Freight = slices.DeleteFunc(m.s.Freight, func(f Freight) bool { return f.ID == id })
	m.s.Marks = slices.DeleteFunc(m.s.Marks, func(k Mark) bool { return k.Freight == id })
	m.marks = nil
}

func (m *model) rename(id, alias string) {
	owned(&m.own.freight, &m.s.Freight)
	for i := range m.s.Freight {
		if m.s.Freight[i].ID == id {
			m.s.Freight[i].Alias = alias
		}
	}
}

// adopt also forgets the observation that led to it.
func (m *model) adopt(a AdoptFreight, now time.Time) {
	m.occupy(a.Stage, a.Freight, now)
	if _, seen := m.s.Matches[a.Stage]; !seen {
		return
	}
	if !m.own.matches {
		m.own.matches, m.s.Matches = true, maps.Clone(m.s.Matches)
	}
	delete(m.s.Matches, a.Stage)
}

// mark changes the record of Freight in a Stage, of which nothing may be known
// yet. What is known of Freight that does not exist is nothing.
func (m *model) mark(stage, freight string, change func(*Mark)) {
	if m.marks == nil {
		m.marks = make(map[[2]string]int, len(m.s.Marks))
		for i := range m.s.Marks {
			m.marks[[2]string{m.s.Marks[i].Stage, m.s.Marks[i].Freight}] = i
		}
	}
	owned(&m.own.marks, &m.s.Marks)
	key := [2]string{stage, freight}
	i, ok := m.marks[key]
	if !ok {
		if _, exists := m.s.FreightByID(freight); !exists {
			return
		}
		i = len(m.s.Marks)
		m.marks[key] = i
		m.s.Marks = append(m.s.Marks, Mark{Stage: stage, Freight: freight})
	}
	change(&m.s.Marks[i])
}

// occupy makes Freight current in a Stage. What was current of the same Warehouse
// leaves: its stay counts as soak only if it was verified there, and only when it
// is the longest, as in Kargo. Freight that is current stays, and its clock is not
// reset.
func (m *model) occupy(stage, freight string, now time.Time) {
	f, ok := m.s.FreightByID(freight)
	if !ok {
		return
	}
	var leaving []string
	for i := range m.s.Marks {
		k := &m.s.Marks[i]
		if k.Stage != stage || k.CurrentSince.IsZero() || k.Freight == freight {
			continue
		}
		if other, ok := m.s.FreightByID(k.Freight); ok && other.Warehouse == f.Warehouse {
			leaving = append(leaving, k.Freight)
		}
	}
	for _, other := range leaving {
		m.mark(stage, other, func(k *Mark) {
			if !k.VerifiedAt.IsZero() {
				k.LongestSoak = max(k.LongestSoak, now.Sub(k.CurrentSince))
			}
			k.CurrentSince, k.LeftAt = time.Time{}, now
		})
	}
	m.mark(stage, freight, func(k *Mark) { setOnce(&k.CurrentSince, now) })
}

func (m *model) start(pr Promotion) {
	for i := range m.s.Promotions {
		other := &m.s.Promotions[i]
		if other.Stage.Name != pr.Stage.Name {
			continue
		}
		if other.Freight.ID == pr.Freight.ID && !other.Phase.Terminal() {
			return
		}
		pr.Seq = max(pr.Seq, other.Seq)
	}
	pr.Seq++
	pr.ID = fmt.Sprintf("%s-%d", pr.Stage.Name, pr.Seq)
	owned(&m.own.promotions, &m.s.Promotions)
	m.s.Promotions = append(m.s.Promotions, pr)
}

// promotion returns a Promotion to change in place, nil when there is none.
func (m *model) promotion(id string) *Promotion {
	owned(&m.own.promotions, &m.s.Promotions)
	for i := range m.s.Promotions {
		if m.s.Promotions[i].ID == id {
			return &m.s.Promotions[i]
		}
	}
	return nil
}

func (m *model) abort(a AbortPromotion) {
	pr := m.promotion(a.Promotion)
	if pr == nil || pr.Phase.Terminal() || pr.AbortRequested != "" {
		return
	}
	pr.AbortRequested, pr.AbortAs = a.Reason, a.As
}

// approve records one approval per person and head.
func (m *model) approve(a ApprovePromotion) {
	pr := m.promotion(a.Promotion)
	if pr == nil || pr.Phase.Terminal() {
		return
	}
	pr.Approvals = slices.DeleteFunc(slices.Clone(pr.Approvals), func(old Approval) bool {
		return old.Actor.Login == a.Approval.Actor.Login && old.Head == a.Approval.Head
	})
	pr.Approvals = append(pr.Approvals, a.Approval)
}

// answer records an answer to a step, each of which counts.
func (m *model) answer(a AnswerPromotion) {
	pr := m.promotion(a.Promotion)
	if pr == nil || pr.Phase.Terminal() {
		return
	}
	pr.Answers = append(slices.Clone(pr.Answers), a.Answer)
}

// retry takes a Promotion up again, unless its Freight is on its way by another one.
func (m *model) retry(id string, now time.Time) {
	pr := m.promotion(id)
	if pr == nil {
		return
	}
	for i := range m.s.Promotions {
		other := &m.s.Promotions[i]
		if other.Stage.Name == pr.Stage.Name && other.Freight.ID == pr.Freight.ID && !other.Phase.Terminal() {
			return
		}
	}
	pr.Retry(now)
}
