package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Stage shows all that is known of one Stage: the answer to /kargo status STAGE.
func Stage(p pipeline.Pipeline, s pipeline.Snapshot, stage pipeline.Stage, now time.Time) string {
	k := newLedger(p, s, now)
	row := k.row(&stage)
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** · %s%s\n\n", Text(stage.Name), Text(row.State), k.health(&stage))
	b.WriteString(k.ailments(&stage))
	for _, req := range stage.Requests {
		fmt.Fprintf(&b, "- %s\n", k.occupant(&stage, req.Origin))
	}
	for i, q := range k.queue(stage.Name) {
		fmt.Fprintf(&b, "- %s\n", turn(i, q))
		if i == 0 {
			for _, line := range append(approvalLines(q), editLines(q)...) {
				fmt.Fprintf(&b, "  - %s\n", line)
			}
		}
	}
	if !stage.ControlFlow() {
		for _, line := range k.automation(&stage) {
			fmt.Fprintf(&b, "- %s\n", line)
		}
		b.WriteString(k.checks(&stage))
	}
	for _, req := range stage.Requests {
		f, ok := k.Newest(req.Origin)
		if cur, occupied := k.Current(stage.Name, req.Origin); ok && (!occupied || cur.ID != f.ID) {
			b.WriteString("\n" + k.why(&stage, f, false))
		}
	}
	if queue := k.queue(stage.Name); len(queue) > 0 {
		b.WriteString(editDiffs(queue[0]))
	}
	b.WriteString(k.past(&stage))
	return limit(b.String(), bodyLimit)
}

// occupant says what is current of one origin, and since when.
func (k *ledger) occupant(stage *pipeline.Stage, origin string) string {
	cur, ok := k.Current(stage.Name, origin)
	if !ok {
		if stage.ControlFlow() {
			return "Freight of " + Text(origin) + " passes through"
		}
		return "No Freight of " + Text(origin) + " is here."
	}
	m := k.Mark(stage.Name, cur.ID)
	line := fmt.Sprintf("**%s** (%s) since %s", Text(cur.Headline()), Text(cur.Alias), moment(m.CurrentSince))
	if !m.VerifiedAt.IsZero() {
		line += ", verified " + moment(m.VerifiedAt)
	}
	if !m.ApprovedAt.IsZero() {
		line += ", let in by approval " + moment(m.ApprovedAt)
	}
	return line
}

// turn describes a Promotion that has not ended.
func turn(place int, q *pipeline.Promotion) string {
	line := fmt.Sprintf("%s %s: %s", Word(q.Phase, q.WaitingOn() != ""), Text(q.ID), Text(name(q.Freight)))
	if q.Rollback {
		line += ", a rollback"
	}
	if pull := q.OwnPull(); pull.Number != 0 {
		line += fmt.Sprintf(", #%d", pull.Number)
	}
	if place > 0 {
		line += fmt.Sprintf(", number %d in the queue", place)
	}
	switch {
	case q.AbortRequested != "":
		line += ", ending: " + Text(q.AbortRequested)
	case q.WaitingOn() != "":
		line += ": " + Text(q.WaitingOn())
	}
	return line
}

// automation says what the Stage does by itself.
func (k *ledger) automation(stage *pipeline.Stage) []string {
	lines := doors(k.closures(stage))
	if !k.p.AutoPromotion(*stage) {
		return append(lines, "auto-promotion is off")
	}
	lines = append(lines, "auto-promotion is on")
	for _, req := range stage.Requests {
		if h, held := k.Held(stage.Name, req.Origin); held {
			lines = append(lines, holdLine(h, stage.Name))
		}
	}
	return lines
}

// checks lists the checks of the newest verification in a Stage.
func (k *ledger) checks(stage *pipeline.Stage) string {
	if len(k.runs[stage.Name]) == 0 {
		return ""
	}
	run := k.runs[stage.Name][0]
	var b strings.Builder
	fmt.Fprintf(&b, "\n**Verification %s**: %s, %s\n\n", Text(run.ID), verdictWord(run.Phase), progress(run))
	b.WriteString(fit(bodyLimit/3, metricTable(run, true), metricTable(run, false)))
	return b.String()
}

// past lists what the Stage held, newest first.
func (k *ledger) past(stage *pipeline.Stage) string {
	var b strings.Builder
	n := 0
	for _, q := range k.history[stage.Name] {
		if q.Phase != pipeline.Succeeded {
			continue
		}
		if n++; n > pipeline.HistoryLength {
			break
		}
		what := ""
		switch m := k.Mark(stage.Name, q.Freight.ID); {
		case !m.CurrentSince.IsZero():
			what = "current"
		case !m.VerifiedAt.IsZero():
			what = "verified"
		}
		if q.Rollback {
			what = joined(what, "rollback")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", moment(q.FinishedAt), Text(q.ID), Text(name(q.Freight)), Text(cmp.Or(q.Actor, "auto-promotion")), orDash(what))
	}
	if n == 0 {
		return ""
	}
	return "\n**History**\n\n| When | Promotion | Freight | By | |\n|---|---|---|---|---|\n" + b.String()
}
