package pipeline

import (
	"cmp"
	"slices"
	"time"
)

// FollowUp returns the VerificationRun that has to follow now in a Stage, nil for
// none. It is the one rule behind both the end of a Promotion and [Decide], and
// asking again once the run exists yields nil.
//
//   - stage is what is to be verified; without a Verification nothing follows.
//   - p is the newest Promotion into the Stage that succeeded and whose Freight is
//     current, nil for none; Succeeded is what it counts as here.
//   - reading is what the Stage's health checks said last, nil for nothing. Those
//     that p registered have to be Healthy.
//   - collection is all Freight that is current in the Stage, p's included.
//   - runs are at least those of the Stage that have not ended and the newest one
//     of the collection.
//
// As in Kargo a collection that was verified before keeps that result, be it a
// failure, whatever Promotion brought it back; promoting Freight that was current
// already verifies again. While any run in the Stage is under way nothing
// follows. The run's Repo, Pipeline and Vars are those of p; without p the caller
// fills them in. ID and Seq are given by the store.
func FollowUp(stage Stage, p *Promotion, reading *HealthReading, collection []Freight, runs []VerificationRun, now time.Time) *VerificationRun {
	if p != nil && !p.Sound(reading) || stage.Verification == nil || stage.ControlFlow() || len(collection) == 0 {
		return nil
	}
	var latest *VerificationRun
	for i := range runs {
		r := &runs[i]
		switch {
		case r.Stage.Name != stage.Name:
		case !r.Phase.Terminal():
			return nil
		case sameCollection(r.Collection, collection) && (latest == nil || r.Seq > latest.Seq):
			latest = r
		}
	}
	return followUp(&stage, p, latest, collection, now)
}

// followUp is [FollowUp] where no run is under way and latest is the newest of
// the collection.
func followUp(stage *Stage, p *Promotion, latest *VerificationRun, collection []Freight, now time.Time) *VerificationRun {
	again := p != nil && p.verifiesAgain()
	if latest != nil && (!again || latest.Promotion == p.ID) {
		return nil
	}
	run := VerificationRun{
		Stage: *stage, Collection: slices.Clone(collection), Again: again, CreatedAt: now,
		Reason: "what is current in " + stage.Name + " is not verified",
	}
	if p != nil {
		run.Repo, run.Pipeline, run.Vars = p.Repo, p.Pipeline, p.Vars
		run.outcomeOf(p)
		run.Reason = p.ID + " succeeded"
		if again {
			run.Reason = p.ID + " promoted what was current already"
		}
	}
	run = NewVerificationRun(run)
	return &run
}

// verifiesAgain reports whether the Promotion brought what was current already
// into a Stage that verifies.
func (p *Promotion) verifiesAgain() bool {
	return p.Stage.Verification != nil && p.Previous != nil && p.Previous.ID == p.Freight.ID
}

// outcomeOf makes a run one that verifies what a Promotion did.
func (r *VerificationRun) outcomeOf(p *Promotion) {
	r.Promotion = p.ID
	if r.Commit = p.MergeCommit(); r.Commit != "" {
		r.CommitRepo = cmp.Or(p.Pull().Repo, p.outputString("repo", pushes[:]...), p.Repo.String())
	}
}

// NewVerificationRun returns a Pending run with one fresh MetricRun per metric.
func NewVerificationRun(r VerificationRun) VerificationRun {
	r.Phase = VerificationPending
	r.Metrics = nil
	if r.Stage.Verification != nil {
		r.Metrics = make([]MetricRun, len(r.Stage.Verification.Metrics))
		for i, m := range r.Stage.Verification.Metrics {
			r.Metrics[i].Name = m.Name
		}
	}
	return r
}

// Outcome returns the ids of the Freight that the end of a run marks as verified
// in its Stage, and of that whose mark it takes away. Success verifies the whole
// collection. Only a repetition that failed revokes: the first failure of a
// collection says nothing about Freight in it that was verified among other
// Freight, and an error, an abort or an inconclusive end says nothing at all. A
// run that has not ended does neither.
func (r VerificationRun) Outcome() (verify, revoke []string) {
	ids := make([]string, len(r.Collection))
	for i, f := range r.Collection {
		ids[i] = f.ID
	}
	switch {
	case r.Phase == VerificationSuccessful:
		return ids, nil
	case r.revokes():
		return nil, ids
	}
	return nil, nil
}

// revokes reports whether the end of the run takes marks away.
func (r *VerificationRun) revokes() bool { return r.Phase == VerificationFailed && r.Again }

// sameCollection reports whether two collections have the same [CollectionKey].
func sameCollection(a, b []Freight) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !slices.ContainsFunc(b, func(f Freight) bool { return f.ID == a[i].ID }) {
			return false
		}
	}
	return true
}
