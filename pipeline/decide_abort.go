package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

func (d *decision) abort(id, reason, intent string) {
	d.ended[id] = true
	d.add(AbortPromotion{Promotion: id, Reason: reason, Intent: intent})
}

// orphans ends the Promotions and VerificationRuns whose Stage is gone from the
// file.
func (d *decision) orphans() {
	gone := func(stage string) string { return fmt.Sprintf("Stage %q is no longer in .kargo.yaml", stage) }
	for i := range d.s.Promotions {
		pr := &d.s.Promotions[i]
		if pr.Phase.Terminal() || d.ended[pr.ID] {
			continue
		}
		if _, ok := d.stages[pr.Stage.Name]; !ok {
			d.abort(pr.ID, gone(pr.Stage.Name), "")
		}
	}
	for i := range d.s.Verifications {
		run := &d.s.Verifications[i]
		if run.Phase.Terminal() || run.AbortRequested != "" {
			continue
		}
		if _, ok := d.stages[run.Stage.Name]; !ok {
			d.add(StopVerification{Run: run.ID, Reason: gone(run.Stage.Name)})
		}
	}
}

// unavailable aborts the Promotions whose Freight may not enter any longer, unless
// they have merged it already. That it had soaked is not asked again: neither a
// clock that is set back nor a longer soak in the file undoes a start.
func (d *decision) unavailable() {
	for i := range d.p.Stages {
		stage := &d.p.Stages[i]
		k := d.known.look(stage.Name)
		for _, pr := range k.open {
			if d.ended[pr.ID] {
				continue
			}
			if why := d.lost(stage, k, pr); why != "" && pr.MergeCommit() == "" {
				d.abort(pr.ID, why, "")
			}
		}
	}
}

// lost says why the Freight of a Promotion is no longer available to its Stage,
// empty while it is.
func (d *decision) lost(stage *Stage, k *stageFacts, pr *Promotion) string {
	req, ok := stage.Request(pr.Freight.Warehouse)
	if !ok {
		return fmt.Sprintf("Stage %s no longer takes Freight from Warehouse %s", stage.Name, pr.Freight.Warehouse)
	}
	n, ok := d.known.numbers[pr.Freight.ID]
	if !ok {
		return pr.Freight.Headline() + " no longer exists"
	}
	req.RequiredSoakTime = 0
	if ok, _ := available(k, d.known.lookAll(req.Stages), &req, n, d.now); ok {
		return ""
	}
	return fmt.Sprintf("%s is no longer available to %s: it is neither approved for it nor verified in %s",
		pr.Freight.Headline(), stage.Name, strings.Join(req.Stages, ", "))
}

// supersede aborts, in Stages that want the latest only, what has not merged
// before newer Freight of the same origin.
func (d *decision) supersede() {
	for i := range d.p.Stages {
		stage := &d.p.Stages[i]
		if stage.Concurrency != ConcurrencyLatest {
			continue
		}
		open := d.known.look(stage.Name).open
		for j, pr := range open {
			if d.ended[pr.ID] || pr.MergeCommit() != "" {
				continue
			}
			by := slices.IndexFunc(open[j+1:], func(q *Promotion) bool {
				return !d.ended[q.ID] && q.Freight.Warehouse == pr.Freight.Warehouse && d.newer(q.Freight.ID, pr.Freight.ID)
			})
			if by >= 0 {
				q := open[j+1+by]
				d.abort(pr.ID, fmt.Sprintf("superseded by %s: %s", q.ID, q.Freight.Headline()), "")
			}
		}
	}
}

// newer reports whether one Freight is newer than another.
func (d *decision) newer(id, than string) bool {
	a, ok := d.known.numbers[id]
	b, known := d.known.numbers[than]
	return ok && known && a < b
}
