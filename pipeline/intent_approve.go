package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// approveIntent records an approval of the Promotion that waits.
func (d *decision) approveIntent(in Intent) {
	m := d.meant(in)
	if m.target == nil {
		d.refuse(in, d.nothingOpen(in, m))
		return
	}
	pr := m.target
	if !asksToApprove(pr, in.Actor) && !d.mayApprove(in, d.rules(pr)) {
		return
	}
	switch {
	case in.Freight != "" && in.Freight != pr.Freight.ID:
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("the Promotion that runs in %s is %s with %s, not with what was named", pr.Stage.Name, pr.ID, pr.Freight.Headline()),
			Hint:    "/kargo approve " + pr.Stage.Name,
		})
		return
	case pr.WaitingOn() == "" && pr.Pull().Number == 0:
		// While its pull request is looked at, a Promotion is not parked and can
		// be approved all the same.
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s is %s and waits for nobody's approval", pr.ID, strings.ToLower(string(pr.Phase))),
			Hint:    "/kargo status " + pr.Stage.Name,
		})
		return
	}
	d.add(ApprovePromotion{Promotion: pr.ID, Approval: Approval{Actor: in.Actor, Head: in.Head, At: d.now}, Intent: in.ID})
}

// mayApprove admits those who may approve and those whose approval the Stage
// asks for.
func (d *decision) mayApprove(in Intent, stage Stage) bool {
	from := slices.Clone(stage.Approvals.From)
	for _, q := range stage.Approvals.Quorum {
		from = append(from, q.From...)
	}
	return Allows(from, in.Actor) || d.may(in, VerbApprove, stage)
}

// bypassIntent lets Freight into a Stage without upstream verification.
func (d *decision) bypassIntent(in Intent) {
	stage := d.stageOf(in, VerbOverride)
	if stage == nil {
		return
	}
	if strings.TrimSpace(in.Reason) == "" {
		d.refuse(in, &UserError{
			Message: "who lets Freight in without verification has to say why",
			Hint:    fmt.Sprintf("/kargo approve %s --bypass -- REASON", stage.Name),
		})
		return
	}
	n, refusal := d.withheld(in, stage)
	if refusal != nil {
		d.refuse(in, refusal)
		return
	}
	f := d.known.freight[n]
	k := d.known.stage(stage.Name)
	if m := k.markOf(n); m != nil && !m.ApprovedAt.IsZero() {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s was approved for %s %s", f.Headline(), stage.Name, stamp(m.ApprovedAt)),
			Hint:    "/promote " + stage.Name,
		})
		return
	}
	d.mark(k, stage.Name, n, func(m *Mark) { m.ApprovedAt = d.now })
	d.add(ApproveFreight{Stage: stage.Name, Freight: f.ID, Actor: in.Actor.Login, Reason: in.Reason, Intent: in.ID})
	d.verified() // a control-flow Stage lets it pass at once
}

// withheld returns the number of the Freight to let in: the one that was named,
// else the newest that may not enter.
func (d *decision) withheld(in Intent, stage *Stage) (int, *UserError) {
	if in.Freight == "" {
		k, best := d.known.look(stage.Name), -1
		for i := range stage.Requests {
			req := &stage.Requests[i]
			all := d.known.byOrigin[req.Origin]
			if len(all) == 0 {
				continue
			}
			if ok, _ := available(k, d.known.lookAll(req.Stages), req, all[0], d.now); !ok && (best < 0 || all[0] < best) {
				best = all[0]
			}
		}
		if best < 0 {
			return 0, &UserError{
				Message: fmt.Sprintf("the newest Freight may enter %s already, there is nothing to bypass", stage.Name),
				Hint:    "/promote " + stage.Name,
			}
		}
		return best, nil
	}
	n, ok := d.known.numbers[in.Freight]
	if !ok {
		return 0, unknownFreightID(in.Freight)
	}
	f := d.known.freight[n]
	if _, ok := stage.Request(f.Warehouse); !ok {
		return 0, &UserError{
			Message: fmt.Sprintf("%s comes from Warehouse %s, but %s takes Freight from %s only", f.Headline(), f.Warehouse, stage.Name, strings.Join(origins(*stage), ", ")),
			Hint:    "/kargo freight",
		}
	}
	return n, nil
}
