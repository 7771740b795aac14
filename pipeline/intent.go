package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// intents answers what people asked for. What waits is looked at again after the
// rest, which may have changed the answer.
func (d *decision) intents() {
	d.answerOpen()
	for before := -1; before != len(d.waiting); {
		again := d.waiting
		before, d.waiting = len(again), nil
		for _, in := range again {
			d.answer(in)
		}
	}
}

func (d *decision) answerOpen() {
	answered := map[string]bool{}
	for i := range d.s.Intents {
		in := d.s.Intents[i]
		if in.Batch == "" {
			d.answer(in)
			continue
		}
		if answered[in.Batch] {
			continue
		}
		answered[in.Batch] = true
		d.answerAll(slices.DeleteFunc(slices.Clone(d.s.Intents[i:]), func(other Intent) bool { return other.Batch != in.Batch }))
	}
}

// answerAll grants several requests together or refuses them together. One that
// waits for another to be carried out stays open without keeping those back.
func (d *decision) answerAll(batch []Intent) {
	var refused map[string]*UserError
	if len(batch) > 1 {
		refused = d.refusals(batch)
	}
	if len(refused) == 0 {
		for _, in := range batch {
			d.answer(in)
		}
		return
	}
	var culprit Intent
	for _, in := range slices.Backward(batch) {
		if refused[in.ID] == nil {
			continue
		}
		culprit = in
		// A reason that holds for the request alone does not speak of what the others
		// would have done.
		if alone := d.refusals([]Intent{in})[in.ID]; alone != nil {
			refused[in.ID] = alone
		}
	}
	for _, in := range batch {
		err := refused[in.ID]
		if err == nil {
			why := refused[culprit.ID]
			err = &UserError{
				Message: fmt.Sprintf("not done, because %q was asked for with it and is refused: %s", culprit.words(), why.Message),
				Hint:    why.Hint,
			}
		}
		d.refuse(in, err)
	}
}

// refusals tries requests out together and returns the refusals by intent.
func (d *decision) refusals(requests []Intent) map[string]*UserError {
	trial := d.fork()
	for _, in := range requests {
		trial.answer(in)
	}
	refused := map[string]*UserError{}
	for _, a := range trial.actions {
		if r, ok := a.(RefuseIntent); ok {
			refused[r.Intent] = r.Err
		}
	}
	return refused
}

// answer answers one request.
func (d *decision) answer(in Intent) {
	switch in.Kind {
	case IntentAbort:
		d.abortIntent(in)
	case IntentPromote:
		d.promoteIntent(in)
	case IntentRollback:
		d.rollbackIntent(in)
	case IntentRetry:
		d.retryIntent(in)
	case IntentApprove:
		if in.Bypass {
			d.bypassIntent(in)
		} else {
			d.approveIntent(in)
		}
	case IntentAnswer:
		d.answerIntent(in)
	case IntentReject:
		d.rejectIntent(in)
	case IntentVerify:
		d.verifyIntent(in)
	case IntentStopVerify:
		d.stopVerifyIntent(in)
	case IntentHold:
		d.holdIntent(in)
	case IntentResume:
		d.resumeIntent(in)
	case IntentFreeze:
		d.freezeIntent(in)
	case IntentThaw:
		d.thawIntent(in)
	case IntentAlias:
		d.aliasIntent(in)
	case IntentCreate:
		d.createIntent(in)
	case IntentDelete:
		d.deleteIntent(in)
	default:
		d.refuse(in, &UserError{Message: fmt.Sprintf("%q is not something that can be asked for", in.Kind)})
	}
}

func (d *decision) refuse(in Intent, err *UserError) {
	d.add(RefuseIntent{Intent: in.ID, Err: err})
}

// words names a request as its author would.
func (in Intent) words() string {
	words := []string{string(in.Kind)}
	for _, w := range []string{in.Stage, in.Promotion, Short(in.Freight), in.Alias} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// because is what an action that answers the request is recorded with: what was
// done by whom and, in their words, why.
func (in Intent) because(done string) string {
	return because(done+" by "+in.Actor.Login, in.Reason)
}

// stageOf returns the Stage that a request names if the actor may use verb on it;
// otherwise it refuses the request and returns nil.
func (d *decision) stageOf(in Intent, verb Verb) *Stage {
	stage, ok := d.stages[in.Stage]
	if !ok {
		d.refuse(in, UnknownStage(d.p, in.Stage))
		return nil
	}
	if !d.may(in, verb, *stage) {
		return nil
	}
	return stage
}

// may reports whether the actor may use verb on the Stage, the zero Stage for the
// whole pipeline; otherwise it refuses the request.
func (d *decision) may(in Intent, verb Verb, stage Stage) bool {
	if err := d.p.Authorize(verb, stage, in.Actor); err != nil {
		d.refuse(in, asUserError(err))
		return false
	}
	return true
}

// named returns the number of the Freight that a request names by its id;
// otherwise it refuses the request.
func (d *decision) named(in Intent) (n int, ok bool) {
	if n, ok = d.known.numbers[in.Freight]; !ok {
		d.refuse(in, unknownFreightID(in.Freight))
	}
	return n, ok
}

func unknownFreightID(id string) *UserError {
	return &UserError{Message: fmt.Sprintf("Freight %s is unknown", Short(id)), Hint: "/kargo status"}
}

func asUserError(err error) *UserError {
	var u *UserError
	if errors.As(err, &u) {
		return u
	}
	return &UserError{Message: err.Error(), Err: err}
}
