package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

func (d *decision) promoteIntent(in Intent) {
	stage := d.stageOf(in, VerbPromote)
	if stage == nil {
		return
	}
	if stage.ControlFlow() {
		d.refuse(in, d.onlyRoutes(stage))
		return
	}
	n, refusal := d.wanted(in, stage)
	if refusal != nil {
		d.refuse(in, refusal)
		return
	}
	d.launch(in, stage, n, func(pr *Promotion) {
		pr.Reason = because("asked for by "+in.Actor.Login, in.Reason)
		d.stampHold(stage, n, pr)
	})
}

// rollbackIntent promotes what was in the Stage before. It sets a hold in any
// case, and bypasses nothing.
func (d *decision) rollbackIntent(in Intent) {
	stage := d.stageOf(in, VerbPromote)
	if stage == nil {
		return
	}
	if stage.ControlFlow() {
		d.refuse(in, d.onlyRoutes(stage))
		return
	}
	k := d.known.look(stage.Name)
	var n int
	if in.Freight == "" {
		if n = d.known.previous(stage, k); n < 0 {
			d.refuse(in, &UserError{
				Message: fmt.Sprintf("no other Freight was verified in %s before what is there now", stage.Name),
				Hint:    "/kargo freight",
			})
			return
		}
	} else {
		var ok bool
		if n, ok = d.named(in); !ok {
			return
		}
		f := d.known.freight[n]
		if _, asked := stage.Request(f.Warehouse); asked && !k.seen(n) {
			d.refuse(in, &UserError{
				Message: fmt.Sprintf("%s was never in %s, so there is nothing to roll back to", f.Headline(), stage.Name),
				Hint:    fmt.Sprintf("/promote %s %s", stage.Name, f.Alias),
			})
			return
		}
	}
	d.launch(in, stage, n, func(pr *Promotion) {
		pr.Reason = in.because("rolled back")
		pr.Rollback, pr.HoldIntent = true, SetHold
	})
}

// stampHold says what a Promotion that a person asked for does to automation.
func (d *decision) stampHold(stage *Stage, n int, pr *Promotion) {
	if !d.auto[stage.Name] {
		return
	}
	pr.HoldIntent = SetHold
	req, _ := stage.Request(d.known.freight[n].Warehouse)
	if c, _ := d.known.candidate(stage, &req, d.now); c == n {
		pr.HoldIntent = ClearHold
	}
}

// launch starts a Promotion that a person asked for, or refuses the request.
func (d *decision) launch(in Intent, stage *Stage, n int, fill func(*Promotion)) {
	f, k := d.known.freight[n], d.known.look(stage.Name)
	if !d.enterable(in, stage, f) {
		return
	}
	switch last := k.lastOf(n); {
	case last == nil || last.Phase.Terminal():
	case d.ended[last.ID]:
		// The request stays open until the abort was carried out; asking to abort
		// and to promote again in one comment works.
		d.waiting = append(d.waiting, in)
		return
	default:
		d.refuse(in, onItsWay(stage, f, last))
		return
	}
	// Promoting what is current again is how to have it verified again, and how
	// steps that changed meanwhile are applied.
	again := in.Freight != "" && (stage.Verification != nil || d.known.outdated(stage, k, n))
	if k.isCurrent(n) && !d.busy(k) && !again {
		err := &UserError{
			Message: fmt.Sprintf("%s is already current in %s", f.Headline(), stage.Name),
			Hint:    "/kargo status " + stage.Name,
		}
		if stage.Verification != nil {
			err.Hint = "/kargo verify " + stage.Name
		}
		d.refuse(in, err)
		return
	}
	d.start(stage, n, in.ID, func(pr *Promotion) {
		pr.Actor, pr.Source = in.Actor.Login, in.Number
		fill(pr)
	})
}

// outdated reports whether what is current in a Stage was brought by other steps
// than a Promotion would take now.
func (f *Facts) outdated(stage *Stage, k *stageFacts, n int) bool {
	last := k.lastOf(n)
	return last != nil && k.isCurrent(n) && last.Stage.recipe() != stage.recipe()
}

// recipe is what a Promotion into the Stage does, in a form that is the same
// whether it was just read or has been stored.
func (s *Stage) recipe() string {
	data, err := json.Marshal([]any{s.Steps, slices.Concat(s.TemplateVars, s.Vars)})
	if err != nil {
		return "" // no file that was read holds such a value
	}
	return string(data)
}

// enterable reports whether Freight may enter the Stage now; otherwise it refuses
// the request.
func (d *decision) enterable(in Intent, stage *Stage, f Freight) bool {
	if v := d.known.availability(d.p, *stage, f, d.now); !v.Available() {
		d.refuse(in, d.notAvailable(stage, f, v))
		return false
	}
	if c := d.closure(stage); c.Closed {
		d.refuse(in, shut(stage, f, c))
		return false
	}
	return true
}

// shut refuses what a window or the freeze forbids at this time.
func shut(stage *Stage, f Freight, c Closure) *UserError {
	err := &UserError{
		Message: fmt.Sprintf("%s cannot enter %s now, %s closes it: %s", f.Headline(), stage.Name, c.By, c.Reason),
		Hint:    "/kargo why " + stage.Name,
	}
	switch {
	case !c.Opens.IsZero():
		err.Message += "; it opens " + stamp(c.Opens)
	case c.By == "freeze":
		err.Hint = "/kargo thaw"
	}
	return err
}

// busy reports whether a Promotion is under way that nobody asked to abort.
func (d *decision) busy(k *stageFacts) bool {
	for _, pr := range k.open {
		if !d.ended[pr.ID] {
			return true
		}
	}
	return false
}

// wanted returns the number of the Freight that an intent asks for: the one it
// names, else the newest candidate that is not current yet, else the newest one
// at all, so that the refusal can say what is missing.
func (d *decision) wanted(in Intent, stage *Stage) (int, *UserError) {
	if in.Freight != "" {
		n, ok := d.known.numbers[in.Freight]
		if !ok {
			return 0, unknownFreightID(in.Freight)
		}
		return n, nil
	}
	fresh, settled, newest := -1, -1, -1
	newer := func(n, than int) bool { return n >= 0 && (than < 0 || n < than) }
	for i := range stage.Requests {
		req := &stage.Requests[i]
		c, _ := d.known.candidate(stage, req, d.now)
		switch current := c >= 0 && d.known.look(stage.Name).isCurrent(c); {
		case current && newer(c, settled):
			settled = c
		case !current && newer(c, fresh):
			fresh = c
		}
		if all := d.known.byOrigin[req.Origin]; len(all) > 0 && newer(all[0], newest) {
			newest = all[0]
		}
	}
	for _, n := range []int{fresh, settled, newest} {
		if n >= 0 {
			return n, nil
		}
	}
	return 0, &UserError{
		Message: fmt.Sprintf("there is no Freight yet for Stage %q", stage.Name),
		Hint:    "Freight appears when " + strings.Join(origins(*stage), ", ") + " discovers artifacts; /kargo status shows what was seen",
	}
}

// onlyRoutes refuses a control-flow Stage and names those behind it.
func (d *decision) onlyRoutes(stage *Stage) *UserError {
	err := &UserError{Message: fmt.Sprintf("Stage %q only routes Freight, nothing is promoted to it", stage.Name)}
	var behind []string
	for i := range d.p.Stages {
		for _, req := range d.p.Stages[i].Requests {
			for _, up := range req.Stages {
				if name := d.p.Stages[i].Name; up == stage.Name && (len(behind) == 0 || behind[len(behind)-1] != name) {
					behind = append(behind, name)
				}
			}
		}
	}
	if len(behind) > 0 {
		err.Hint = "/promote " + strings.Join(behind, " ")
	}
	return err
}

// notAvailable names the closed gates and the command that helps: promoting to
// the first upstream Stage that lacks the Freight, unless it is on its way there.
func (d *decision) notAvailable(stage *Stage, f Freight, v Verdict) *UserError {
	err := &UserError{
		Message: fmt.Sprintf("%s cannot enter %s yet: %s", f.Headline(), stage.Name, strings.Join(v.Unmet(), "; ")),
		Hint:    "/kargo why " + stage.Name,
	}
	req, ok := stage.Request(f.Warehouse)
	if !ok || !v.Next().IsZero() {
		return err
	}
	for _, name := range req.Stages {
		up, known := d.stages[name]
		k := d.known.look(name)
		n := d.known.numbers[f.ID]
		if !known || up.ControlFlow() || k.verified(n) {
			continue
		}
		if last := k.lastOf(n); last == nil || last.Phase.Terminal() {
			err.Hint = "/promote " + name
		}
		break
	}
	return err
}

func onItsWay(stage *Stage, f Freight, by *Promotion) *UserError {
	err := &UserError{
		Message: fmt.Sprintf("%s is already on its way to %s", f.Headline(), stage.Name),
		Hint:    "/kargo status " + stage.Name,
	}
	if by.ID != "" {
		err.Message += " as " + by.ID
	}
	return err
}
