package pipeline

import (
	"errors"
	"fmt"
	"strings"
)

// intents answers what people asked for.
func (d *decision) intents() {
	for _, in := range d.s.Intents {
		switch in.Kind {
		case IntentAbort:
			d.abortIntent(in)
		case IntentPromote:
			d.promoteIntent(in)
		default:
			d.refuse(in, &UserError{Message: fmt.Sprintf("%q is not something that can be asked for", in.Kind)})
		}
	}
}

func (d *decision) refuse(in Intent, err *UserError) {
	d.add(RefuseIntent{Intent: in.ID, Err: err})
}

// means reports whether an abort means a Promotion: the one it names, else one
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

func (d *decision) abortIntent(in Intent) {
	var target, ending, over *Promotion
	for i := range d.s.Promotions {
		pr := &d.s.Promotions[i]
		switch {
		case !in.means(pr):
		case pr.Phase.Terminal():
			if over == nil || pr.Seq > over.Seq {
				over = pr
			}
		case d.ended[pr.ID]:
			ending = pr
		case target == nil || pr.Phase == Running || (target.Phase == Pending && pr.Seq < target.Seq):
			target = pr
		}
	}
	if target == nil {
		d.refuse(in, nothingToAbort(in, ending, over))
		return
	}
	// Who may is what the file says now, not what it said back then.
	stage := target.Stage
	if now, ok := d.stages[stage.Name]; ok {
		stage = *now
	}
	if err := d.p.Authorize(VerbAbort, stage, in.Actor); err != nil {
		d.refuse(in, asUserError(err))
		return
	}
	d.abort(target.ID, "aborted by "+in.Actor.Login, in.ID)
}

func nothingToAbort(in Intent, ending, over *Promotion) *UserError {
	err := &UserError{Hint: "/kargo status"}
	switch {
	case ending != nil:
		err.Message = ending.ID + " is being aborted already"
	case in.Promotion != "" && over != nil:
		err.Message = fmt.Sprintf("%s has ended already: %s", over.ID, over.Phase)
	case in.Promotion != "":
		err.Message = fmt.Sprintf("no Promotion %s is queued or running", in.Promotion)
	case in.Stage != "":
		err.Message = fmt.Sprintf("no Promotion into %s is queued or running", in.Stage)
	default:
		err.Message = "no Promotion is running for this pull request"
	}
	return err
}

func (d *decision) promoteIntent(in Intent) {
	stage, ok := d.stages[in.Stage]
	if !ok {
		d.refuse(in, UnknownStage(d.p, in.Stage))
		return
	}
	if err := d.p.Authorize(VerbPromote, *stage, in.Actor); err != nil {
		d.refuse(in, asUserError(err))
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
	f, k := d.known.freight[n], d.known.look(stage.Name)
	if v := d.known.Explain(d.p, *stage, f, d.now); !v.Available() {
		d.refuse(in, d.notAvailable(stage, f, v))
		return
	}
	switch last := k.lastOf(n); {
	case last == nil || last.Phase.Terminal():
	case d.ended[last.ID]:
		// The request stays open until the abort was carried out; asking to abort
		// and to promote again in one comment works.
		return
	default:
		d.refuse(in, onItsWay(stage, f, last))
		return
	}
	if k.isCurrent(n) && !d.busy(k) {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s is already current in %s", f.Headline(), stage.Name),
			Hint:    "/kargo status " + stage.Name,
		})
		return
	}
	d.start(stage, n, in.ID, func(pr *Promotion) {
		pr.Actor, pr.Source = in.Actor.Login, in.Number
		pr.Reason = "asked for by " + in.Actor.Login
		if !d.auto[stage.Name] {
			return
		}
		pr.HoldIntent = SetHold
		req, _ := stage.Request(f.Warehouse)
		if c, _ := d.known.candidate(stage, &req, d.now); c == n {
			pr.HoldIntent = ClearHold
		}
	})
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
			return 0, &UserError{Message: fmt.Sprintf("Freight %s is unknown", Short(in.Freight)), Hint: "/kargo status"}
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

func asUserError(err error) *UserError {
	var u *UserError
	if errors.As(err, &u) {
		return u
	}
	return &UserError{Message: err.Error(), Err: err}
}
