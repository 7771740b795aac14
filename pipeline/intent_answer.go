package pipeline

import (
	"fmt"
	"strings"
)

// answerIntent records what a person answers the step that asked.
func (d *decision) answerIntent(in Intent) {
	m := d.meant(in)
	if m.target == nil {
		d.refuse(in, d.nothingOpen(in, m))
		return
	}
	pr := m.target
	q, step, asked := pr.Asked()
	switch {
	case !asked:
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s is %s and asks nothing", pr.ID, strings.ToLower(string(pr.Phase))),
			Hint:    "/kargo status " + pr.Stage.Name,
		})
		return
	case q.Approve:
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("step %s of %s asks for an approval", step, pr.ID),
			Hint:    "/kargo approve " + pr.Stage.Name,
		})
		return
	}
	if !d.mayAnswer(in, q, d.rules(pr)) {
		return
	}
	d.add(AnswerPromotion{
		Promotion: pr.ID, Intent: in.ID,
		Answer: Answer{Step: step, Actor: in.Actor, Values: in.Values, Message: in.Reason, At: d.now},
	})
}

// mayAnswer admits those whom the step asks, and if it asks nobody in particular
// those who may promote.
func (d *decision) mayAnswer(in Intent, q Question, stage Stage) bool {
	switch {
	case len(q.From) == 0:
		return d.may(in, VerbPromote, stage)
	case Allows(q.From, in.Actor):
		return true
	}
	d.refuse(in, &UserError{
		Message: fmt.Sprintf("%s may not answer: that takes %s, and their role here is %s", in.Actor.Login, DescribeEntries(q.From), orNone(in.Actor.Role)),
	})
	return false
}

// asksToApprove reports whether the step in which a Promotion is asks this person for
// an approval.
func asksToApprove(pr *Promotion, a Actor) bool {
	q, _, _ := pr.Asked()
	return q.Approve && Allows(q.From, a)
}
