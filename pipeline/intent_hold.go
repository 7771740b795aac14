package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// holdIntent suspends automation for every origin of a Stage until it is resumed.
func (d *decision) holdIntent(in Intent) {
	stage := d.stageOf(in, VerbPromote)
	if stage == nil {
		return
	}
	if stage.ControlFlow() {
		d.refuse(in, &UserError{Message: fmt.Sprintf("Stage %q only routes Freight, there is nothing to hold", stage.Name), Hint: "/kargo status"})
		return
	}
	k := d.known.stage(stage.Name)
	var holds []Hold
	for _, req := range stage.Requests {
		if h, ok := k.recorded(req.Origin); !ok || !h.Manual() {
			holds = append(holds, Hold{
				Stage: stage.Name, Warehouse: req.Origin, Actor: in.Actor.Login, Reason: in.Reason, CreatedAt: d.now,
			})
		}
	}
	if len(holds) == 0 {
		h, _ := k.held(stage.Name, stage.Requests[0].Origin)
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s is held already: %s", stage.Name, h.words()),
			Hint:    "/kargo resume " + stage.Name,
		})
		return
	}
	for i := range holds {
		h := &holds[i]
		k.holds = append(slices.DeleteFunc(slices.Clone(k.holds), func(old *Hold) bool { return old.Warehouse == h.Warehouse }), h)
		d.add(RecordHold{Hold: *h, Intent: lastOnly(in.ID, i, len(holds))})
	}
}

// resumeIntent ends every hold that is recorded for a Stage.
func (d *decision) resumeIntent(in Intent) {
	stage := d.stageOf(in, VerbPromote)
	if stage == nil {
		return
	}
	k := d.known.stage(stage.Name)
	if len(k.holds) == 0 {
		d.refuse(in, notHeld(stage, k))
		return
	}
	holds := slices.Clone(k.holds)
	for i, h := range holds {
		d.release(stage.Name, h.Warehouse, lastOnly(in.ID, i, len(holds)))
	}
}

func notHeld(stage *Stage, k *stageFacts) *UserError {
	for _, req := range stage.Requests {
		if h, held := k.held(stage.Name, req.Origin); held {
			return &UserError{
				Message: fmt.Sprintf("%s is held by %s, which has not ended", stage.Name, h.Promotion),
				Hint:    "/kargo abort " + h.Promotion,
			}
		}
	}
	return &UserError{Message: stage.Name + " is not held", Hint: "/kargo status " + stage.Name}
}

// release ends the recorded hold on one origin in a Stage.
func (d *decision) release(stage, warehouse, intent string) {
	k := d.known.stage(stage)
	k.holds = slices.DeleteFunc(slices.Clone(k.holds), func(h *Hold) bool { return h.Warehouse == warehouse })
	d.add(ReleaseHold{Stage: stage, Warehouse: warehouse, Intent: intent})
}

// lastOnly leaves a request with the last of several actions that answer it.
func lastOnly(intent string, i, n int) string {
	if i < n-1 {
		return ""
	}
	return intent
}

// words says who held a Stage, since when and why.
func (h Hold) words() string {
	words := "by " + h.Actor + " since " + stamp(h.CreatedAt)
	switch {
	case h.Promotion != "" && h.Actor == "":
		words = "by " + h.Promotion + " since " + stamp(h.CreatedAt)
	case h.Promotion != "":
		words = fmt.Sprintf("by %s with %s since %s", h.Actor, h.Promotion, stamp(h.CreatedAt))
	}
	return because(words, h.Reason)
}

// freezeIntent closes the whole pipeline. A later freeze takes the place of one
// in force.
func (d *decision) freezeIntent(in Intent) {
	if !d.may(in, VerbFreeze, Stage{}) {
		return
	}
	if !in.Until.IsZero() && !in.Until.After(d.now) {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s, the end of the freeze, is over already", stamp(in.Until)),
			Hint:    "/kargo freeze --until 24h -- REASON",
		})
		return
	}
	f := Freeze{Reason: in.Reason, Actor: in.Actor.Login, Since: d.now, Until: in.Until}
	d.add(FreezePipeline{Freeze: f, Intent: in.ID})
	d.frozen(&f)
	d.wake = earliest(d.wake, f.Until)
}

// thawIntent ends the freeze.
func (d *decision) thawIntent(in Intent) {
	if !d.may(in, VerbFreeze, Stage{}) {
		return
	}
	if d.s.Freeze == nil {
		err := &UserError{Message: "the pipeline is not frozen", Hint: "/kargo status"}
		if len(d.p.Windows) > 0 {
			err.Hint = "promotion windows may close Stages: /kargo why " + strings.Join(d.p.StageNames()[:min(1, len(d.p.Stages))], "")
		}
		d.refuse(in, err)
		return
	}
	d.add(ThawPipeline{Intent: in.ID})
	d.frozen(nil)
}

// frozen changes the freeze that the rest of the decision goes by.
func (d *decision) frozen(f *Freeze) {
	d.s.Freeze, d.known.freeze, d.closures = f, f, nil
}
