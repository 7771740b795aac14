package pipeline

import "fmt"

// verifyIntent verifies what is current once more.
func (d *decision) verifyIntent(in Intent) {
	stage := d.stageOf(in, VerbVerify)
	if stage == nil {
		return
	}
	k := d.known.look(stage.Name)
	status := "/kargo status " + stage.Name
	switch run := k.verifying(); {
	case stage.ControlFlow():
		d.refuse(in, &UserError{Message: fmt.Sprintf("Stage %q only routes Freight, nothing is verified there", stage.Name), Hint: status})
	case stage.Verification == nil:
		d.refuse(in, &UserError{Message: fmt.Sprintf("Stage %q declares no verification: success of a Promotion verifies", stage.Name), Hint: status})
	case len(k.current) == 0:
		d.refuse(in, &UserError{Message: fmt.Sprintf("nothing is current in %s yet", stage.Name), Hint: "/promote " + stage.Name})
	case run != nil && run.ID == "":
		d.refuse(in, &UserError{Message: fmt.Sprintf("a verification starts in %s already", stage.Name), Hint: status})
	case run != nil:
		d.refuse(in, &UserError{Message: run.ID + " is under way already", Hint: fmt.Sprintf("/kargo verify %s --abort", stage.Name)})
	case k.running():
		d.refuse(in, &UserError{Message: fmt.Sprintf("%s is running, and what it brings is verified after it", k.active().ID), Hint: status})
	case d.known.unsound(k) != "":
		// Kargo waits for the Stage to be healthy; people are told instead.
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("only what is healthy is verified, and %s is not: %s", stage.Name, d.known.unsound(k)),
			Hint:    status,
		})
	default:
		run := VerificationRun{
			Stage: *stage, Collection: d.known.collection(k), Again: true,
			Actor: in.Actor.Login, Reason: because("asked for by "+in.Actor.Login, in.Reason), CreatedAt: d.now,
		}
		if p := d.known.outcome(k); p != nil {
			run.outcomeOf(p)
		}
		d.startRun(NewVerificationRun(run), in.ID)
	}
}

// stopVerifyIntent ends the run that is under way in a Stage.
func (d *decision) stopVerifyIntent(in Intent) {
	stage := d.stageOf(in, VerbVerify)
	if stage == nil {
		return
	}
	status := "/kargo status " + stage.Name
	switch run := d.known.look(stage.Name).verifying(); {
	case run == nil || run.ID == "":
		d.refuse(in, &UserError{Message: fmt.Sprintf("no verification is under way in %s", stage.Name), Hint: status})
	case run.AbortRequested != "":
		d.refuse(in, &UserError{Message: run.ID + " is being stopped already", Hint: status})
	default:
		d.add(StopVerification{Run: run.ID, Reason: in.because("stopped"), Intent: in.ID})
	}
}
