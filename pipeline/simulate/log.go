package simulate

import (
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// log is what was decided and done since the last entry of the timeline.
type log struct {
	records []Record
	// decisions counts decisions of which something came.
	decisions int
	// begun are the Promotions that were started, refusals the answers to requests.
	begun    []string
	refusals []string
	asked    int
	// missed are decisions that no Wake had announced, in the whole run.
	missed []string
	// discoveryErrors are by Warehouse, as things stand.
	discoveryErrors map[string]string
}

// Record is one thing that was decided or done.
type Record struct {
	Time time.Time `json:"time"`
	// Actions are what was decided, each as a line of text.
	Actions []string `json:"actions,omitempty"`
	// Next is when to decide again although nothing may have happened.
	Next time.Time `json:"next,omitzero"`
	// Promotion or Verification is what moved, and Did how far.
	Promotion    string `json:"promotion,omitempty"`
	Verification string `json:"verification,omitempty"`
	Did          string `json:"did,omitempty"`
}

func (l *log) begin() {
	l.records, l.begun, l.refusals, l.asked = nil, nil, nil, 0
	if l.discoveryErrors == nil {
		l.discoveryErrors = map[string]string{}
	}
}

func (l *log) decision(now time.Time, actions []string, next time.Time) {
	if len(actions) > 0 {
		l.decisions++
	}
	if n := len(l.records); len(actions) == 0 && n > 0 && len(l.records[n-1].Actions) > 0 && l.records[n-1].Time.Equal(now) {
		l.records[n-1].Next = next
		return
	}
	if n := len(l.records); len(actions) == 0 && n > 0 && l.records[n-1].Time.Equal(now) && l.records[n-1].Did == "" {
		l.records[n-1].Next = next
		return
	}
	l.records = append(l.records, Record{Time: now, Actions: actions, Next: next})
}

func (l *log) notef(now time.Time, format string, args ...any) {
	l.records = append(l.records, Record{Time: now, Did: fmt.Sprintf(format, args...)})
}

func (l *log) started(id string) { l.begun = append(l.begun, id) }

func (l *log) refuse(why string) {
	l.asked++
	l.refusals = append(l.refusals, why)
}

// late notes that the decision at the end of a wait was not announced.
func (l *log) late(announced, now time.Time, before int) {
	if l.decisions > before && !announced.Equal(now) {
		l.missed = append(l.missed, "at "+stamp(now))
	}
}

// promotion notes how a Promotion moved.
func (l *log) promotion(now time.Time, before, after *pipeline.Promotion) {
	say := func(format string, args ...any) {
		l.records = append(l.records, Record{Time: now, Promotion: after.ID, Did: fmt.Sprintf(format, args...)})
	}
	if before == nil {
		return
	}
	for i := range after.Steps {
		was, is := before.Steps[i], after.Steps[i]
		if was.Phase == is.Phase && was.Message == is.Message && was.Errors == is.Errors {
			continue
		}
		alias := after.Stage.Steps[i].As
		if is.Phase == pipeline.Running && is.WakeAt.IsZero() && len(is.WakeOn) == 0 {
			continue // it has only begun
		}
		say("%s %s%s", alias, phaseName(is.Phase), colon(is.Message))
	}
	if before.Phase != after.Phase {
		say("%s%s", after.Phase, colon(after.Message))
	}
}

func (l *log) verification(now time.Time, run *pipeline.VerificationRun) {
	l.records = append(l.records, Record{
		Time: now, Verification: run.ID, Did: string(run.Phase) + colon(run.Message),
	})
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// note remembers the answer that an action gives to a request.
func (w *world) note(a pipeline.Action) {
	if refused, ok := a.(pipeline.RefuseIntent); ok {
		w.log.refusals = append(w.log.refusals, refused.Err.Error())
	}
}

// line says what an action is, in the scenario's names.
func (w *world) line(a pipeline.Action) string {
	switch a := a.(type) {
	case pipeline.CreateFreight:
		return "create " + w.name(a.Freight.ID)
	case pipeline.DeleteFreight:
		return "delete " + w.name(a.Freight)
	case pipeline.RenameFreight:
		return fmt.Sprintf("rename %s to %s", w.name(a.Freight), a.Alias)
	case pipeline.AdoptFreight:
		return fmt.Sprintf("adopt %s in %s", w.name(a.Freight), a.Stage)
	case pipeline.MarkVerified:
		return fmt.Sprintf("verify %s in %s", w.name(a.Freight), a.Stage)
	case pipeline.RevokeVerified:
		return fmt.Sprintf("revoke %s in %s", w.name(a.Freight), a.Stage)
	case pipeline.ApproveFreight:
		return fmt.Sprintf("approve %s for %s", w.name(a.Freight), a.Stage)
	case pipeline.ApprovePromotion:
		return fmt.Sprintf("approve %s by %s", a.Promotion, a.Approval.Actor.Login)
	case pipeline.AnswerPromotion:
		return fmt.Sprintf("answer %s of %s by %s", a.Answer.Step, a.Promotion, a.Answer.Actor.Login)
	case pipeline.StartVerification:
		return fmt.Sprintf("start verification in %s of %s", a.Run.Stage.Name, joinNames(w.nameAll(a.Run.Collection)))
	case pipeline.StopVerification:
		return fmt.Sprintf("stop %s: %s", a.Run, a.Reason)
	case pipeline.RecordHold:
		return fmt.Sprintf("hold %s for %s", a.Hold.Stage, a.Hold.Warehouse)
	case pipeline.ReleaseHold:
		return fmt.Sprintf("release %s for %s", a.Stage, a.Warehouse)
	case pipeline.FreezePipeline:
		return "freeze" + colon(a.Freeze.Reason)
	case pipeline.ThawPipeline:
		return "thaw"
	case pipeline.GrantIntent:
		return "grant"
	case pipeline.RetryPromotion:
		return "retry " + a.Promotion
	case pipeline.StartPromotion:
		line := fmt.Sprintf("promote %s to %s", w.name(a.Promotion.Freight.ID), a.Promotion.Stage.Name)
		if a.Promotion.Rollback {
			line = fmt.Sprintf("roll %s back to %s", a.Promotion.Stage.Name, w.name(a.Promotion.Freight.ID))
		}
		if a.Promotion.HoldIntent != "" {
			line += " and " + string(a.Promotion.HoldIntent)
		}
		return line
	case pipeline.AbortPromotion:
		return fmt.Sprintf("abort %s: %s", a.Promotion, a.Reason)
	case pipeline.RefuseIntent:
		return "refuse: " + a.Err.Error()
	}
	return fmt.Sprintf("%T", a)
}
