package pipeline

import "fmt"

// means reports whether a request means a Promotion: the one it names, else one
// of the Stage it names, else that of the pull request it was written on.
func (in Intent) means(pr *Promotion) bool {
	switch {
	case in.Promotion != "":
		return pr.ID == in.Promotion && (in.Stage == "" || pr.Stage.Name == in.Stage)
	case in.Stage != "":
		return pr.Stage.Name == in.Stage
	}
	return in.Number != 0 && pr.Pull().Number == in.Number
}

// meant is what a request may mean.
type meant struct {
	// target is what runs, else the first in the queue; ending is being aborted;
	// over is the newest that has ended.
	target, ending, over *Promotion
}

func (d *decision) meant(in Intent) meant {
	var m meant
	for i := range d.s.Promotions {
		pr := &d.s.Promotions[i]
		switch {
		case !in.means(pr):
		case pr.Phase.Terminal():
			if m.over == nil || pr.Seq > m.over.Seq {
				m.over = pr
			}
		case d.ended[pr.ID]:
			m.ending = pr
		case m.target == nil || pr.Phase == Running || (m.target.Phase == Pending && pr.Seq < m.target.Seq):
			m.target = pr
		}
	}
	return m
}

// rules returns the Stage of a Promotion as the file has it now: who may do what is
// what it says now, not what it said back then.
func (d *decision) rules(pr *Promotion) Stage {
	if now, ok := d.stages[pr.Stage.Name]; ok {
		return *now
	}
	return pr.Stage
}

func (d *decision) abortIntent(in Intent) {
	m := d.meant(in)
	if m.target == nil {
		d.refuse(in, d.nothingOpen(in, m))
		return
	}
	if d.may(in, VerbAbort, d.rules(m.target)) {
		d.abort(m.target.ID, in.because("aborted"), in.ID)
	}
}

// rejectIntent ends a Promotion as Failed, which is not what happens to one that
// has merged.
func (d *decision) rejectIntent(in Intent) {
	m := d.meant(in)
	if m.target == nil {
		d.refuse(in, d.nothingOpen(in, m))
		return
	}
	if !asksToApprove(m.target, in.Actor) && !d.mayApprove(in, d.rules(m.target)) {
		return
	}
	if commit := m.target.MergeCommit(); commit != "" {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s has already been merged as %s", m.target.ID, Short(commit)),
			Hint:    "/rollback " + m.target.Stage.Name,
		})
		return
	}
	d.ended[m.target.ID] = true
	d.add(AbortPromotion{Promotion: m.target.ID, Reason: in.because("rejected"), As: Failed, Intent: in.ID})
}

// nothingOpen refuses a request for which no Promotion is open.
func (d *decision) nothingOpen(in Intent, m meant) *UserError {
	err := &UserError{Hint: "/kargo status"}
	_, stage := d.stages[in.Stage]
	switch {
	case m.ending != nil:
		err.Message = m.ending.ID + " is being aborted already"
	case in.Promotion != "" && m.over != nil:
		err.Message = fmt.Sprintf("%s has ended already: %s", m.over.ID, m.over.Phase)
	case in.Promotion != "":
		err.Message = fmt.Sprintf("no Promotion %s is queued or running", in.Promotion)
	case in.Stage != "" && !stage:
		return UnknownStage(d.p, in.Stage)
	case in.Stage != "":
		err.Message = fmt.Sprintf("no Promotion into %s is queued or running", in.Stage)
	default:
		err.Message = "no Promotion is running for this pull request"
	}
	return err
}
