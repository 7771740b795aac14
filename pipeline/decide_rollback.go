package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// rollbackWithin is how old a failure may be to be answered with a rollback, as
// in Kargo.
const rollbackWithin = 20 * time.Minute

// rollBack answers fresh failures in Stages whose policy asks for it, by Kargo's
// rules: the last Freight that was verified there comes back once nothing is
// queued, which holds automation; a rollback is never rolled back, except that a
// Stage of several origins goes on with the next origin that deviates from what
// was verified.
func (d *decision) rollBack() {
	for i := range d.p.Stages {
		stage := &d.p.Stages[i]
		k := d.known.look(stage.Name)
		if stage.ControlFlow() || k.newest == nil || len(k.open) > 0 || k.verifying() != nil {
			continue
		}
		if origin, failure := d.failure(stage, k); origin != "" {
			d.rollBackOrigin(stage, k, origin, failure)
		}
	}
}

// failure returns what failed last in a Stage, if that is fresh and its policy
// answers it, and the origin to roll back. What came before the newest Promotion
// is history: somebody has acted since.
func (d *decision) failure(stage *Stage, k *stageFacts) (origin, what string) {
	last := k.newest
	fresh := func(at time.Time) bool { return d.now.Sub(at) <= rollbackWithin }
	if run := d.known.latestRun(k); run != nil && run.Promotion == last.ID && run.Phase != VerificationSuccessful && fresh(run.FinishedAt) {
		if !d.p.AutoRollback(*stage).Verifications(run.Phase) {
			return "", ""
		}
		return d.deviating(k, run, last), fmt.Sprintf("%s ended %s", run.ID, run.Phase)
	}
	// What a person rejected needs no answer.
	if last.Phase.Terminal() && last.Phase != Succeeded && !last.Rollback && last.AbortRequested == "" && fresh(last.FinishedAt) &&
		d.p.AutoRollback(*stage).Promotions(last.Phase) {
		return last.Freight.Warehouse, fmt.Sprintf("%s ended %s", last.ID, last.Phase)
	}
	return "", ""
}

// deviating returns the origin to roll back after a failed run: that of the
// Promotion, and after a rollback, which is not rolled back itself, that of other
// Freight in the collection that is not verified, latest arrival first.
func (d *decision) deviating(k *stageFacts, run *VerificationRun, by *Promotion) string {
	if !by.Rollback {
		return by.Freight.Warehouse
	}
	var others []int
	for _, n := range k.current {
		if !k.verified(n) && d.known.freight[n].Warehouse != by.Freight.Warehouse {
			others = append(others, n)
		}
	}
	if len(run.Collection) < 2 || len(others) == 0 {
		return ""
	}
	slices.SortFunc(others, func(a, b int) int {
		return cmp.Or(k.markOf(b).CurrentSince.Compare(k.markOf(a).CurrentSince), cmp.Compare(a, b))
	})
	return d.known.freight[others[0]].Warehouse
}

func (d *decision) rollBackOrigin(stage *Stage, k *stageFacts, origin, failure string) {
	req, ok := stage.Request(origin)
	if !ok {
		return
	}
	bad := d.known.currentOf(k, origin)
	if last := k.newest; last.Phase != Succeeded { // it never became current
		if n, ok := d.known.numbers[last.Freight.ID]; ok {
			bad = n
		}
	}
	n := d.stable(k, &req, bad)
	if n < 0 || d.closed(stage) {
		return
	}
	d.start(stage, n, "", func(pr *Promotion) {
		pr.Reason = "auto-rollback: " + failure
		pr.Rollback, pr.HoldIntent = true, SetHold
	})
}

// stable returns the number of the Freight of one origin that was verified last
// in a Stage and may enter it, other than the one that is bad; -1 for none. What
// is current was verified after whatever left.
func (d *decision) stable(k *stageFacts, req *FreightRequest, bad int) int {
	best := -1
	ups := d.known.lookAll(req.Stages)
	for _, n := range d.known.byOrigin[req.Origin] {
		if n == bad || !k.verified(n) {
			continue
		}
		if ok, _ := available(k, ups, req, n, d.now); !ok {
			continue
		}
		if best < 0 || k.stayedLater(n, best) {
			best = n
		}
	}
	return best
}

// stayedLater reports whether Freight a was in a Stage later than b.
func (s *stageFacts) stayedLater(a, b int) bool {
	switch {
	case s.isCurrent(a) || s.isCurrent(b):
		return s.isCurrent(a)
	}
	x, y := s.markOf(a), s.markOf(b)
	return cmp.Or(x.LeftAt.Compare(y.LeftAt), x.VerifiedAt.Compare(y.VerifiedAt)) > 0
}
