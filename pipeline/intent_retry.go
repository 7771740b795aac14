package pipeline

import (
	"cmp"
	"fmt"
	"strings"
)

// retryIntent runs a Promotion again that ended without success: from the step
// that failed where that makes sense, else as a new Promotion of its Freight.
func (d *decision) retryIntent(in Intent) {
	m := d.meant(in)
	open, pr := cmp.Or(m.target, m.ending), m.over
	if _, known := d.stages[in.Stage]; in.Stage != "" && !known {
		d.refuse(in, UnknownStage(d.p, in.Stage))
		return
	}
	if open != nil && (pr == nil || open.Seq > pr.Seq) {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s has not ended: it is %s", open.ID, strings.ToLower(string(open.Phase))),
			Hint:    "/kargo abort " + open.ID,
		})
		return
	}
	if pr == nil {
		d.refuse(in, nothingToRetry(in))
		return
	}
	stage, known := d.stages[pr.Stage.Name]
	if !known {
		d.refuse(in, UnknownStage(d.p, pr.Stage.Name))
		return
	}
	if !d.may(in, VerbPromote, *stage) {
		return
	}
	n, ok := d.known.numbers[pr.Freight.ID]
	switch {
	case pr.Phase == Succeeded:
		d.refuse(in, succeededAlready(stage, pr))
		return
	case stage.ControlFlow():
		d.refuse(in, d.onlyRoutes(stage))
		return
	case !ok:
		d.refuse(in, unknownFreightID(pr.Freight.ID))
		return
	}
	if !in.FromStart && d.resumable(pr, n) {
		d.takeUp(in, stage, pr)
		return
	}
	d.launch(in, stage, n, func(again *Promotion) {
		again.Reason = because(fmt.Sprintf("%s asked for by %s again", pr.ID, in.Actor.Login), in.Reason)
		d.stampHold(stage, n, again)
		if pr.Rollback {
			again.Rollback, again.HoldIntent = true, SetHold
		}
	})
}

// resumable reports whether a Promotion may go on where it failed: nothing came
// after it, and what it left outside is as it left it.
func (d *decision) resumable(pr *Promotion, n int) bool {
	k := d.known.look(pr.Stage.Name)
	if k.lastOf(n) == nil || k.lastOf(n).ID != pr.ID || (k.succeeded != nil && k.succeeded.Seq > pr.Seq) {
		return false
	}
	if len(k.open) > 0 && k.open[len(k.open)-1].Seq > pr.Seq {
		return false // it must not overtake what was asked for later
	}
	// A request to end it, even one as Failed, has closed its pull request.
	return (pr.Phase == Failed || pr.Phase == Errored) && pr.AbortRequested == "" && !pr.pullClosed()
}

// takeUp retries a Promotion from the step that failed.
func (d *decision) takeUp(in Intent, stage *Stage, pr *Promotion) {
	if !d.enterable(in, stage, pr.Freight) {
		return
	}
	d.add(RetryPromotion{Promotion: pr.ID, Intent: in.ID})
	again := *pr
	again.Retry(d.now)
	d.known.stage(stage.Name).reopen(&again)
}

func succeededAlready(stage *Stage, pr *Promotion) *UserError {
	err := &UserError{
		Message: fmt.Sprintf("%s succeeded, there is nothing to retry", pr.ID),
		Hint:    "/promote " + stage.Name,
	}
	if stage.Verification != nil {
		err.Hint = "/kargo verify " + stage.Name
	}
	return err
}

func nothingToRetry(in Intent) *UserError {
	err := &UserError{Hint: "/kargo status", Message: "this pull request belongs to no Promotion"}
	switch {
	case in.Promotion != "":
		err.Message = fmt.Sprintf("there is no Promotion %s", in.Promotion)
	case in.Stage != "":
		err.Message = fmt.Sprintf("nothing was ever promoted to %s", in.Stage)
		err.Hint = "/promote " + in.Stage
	}
	return err
}
