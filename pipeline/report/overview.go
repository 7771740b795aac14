package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Overview shows what is in every Stage, or in the given ones, and what it waits
// for: the answer to /kargo status. What does not fit is dropped from the end.
func Overview(p pipeline.Pipeline, s pipeline.Snapshot, stages []string, now time.Time) string {
	var b strings.Builder
	if s.Freeze.Active(now) {
		fmt.Fprintf(&b, "%s\n\n", freezeLine(s.Freeze))
	}
	b.WriteString("| Stage | State | Freight | Candidate | Waiting on |\n|---|---|---|---|---|\n")
	k := newLedger(p, s, now)
	for i := range p.Stages {
		if len(stages) > 0 && !slices.Contains(stages, p.Stages[i].Name) {
			continue
		}
		row := k.row(&p.Stages[i])
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", Text(p.Stages[i].Name), Text(row.State), orDash(Text(row.Current)), orDash(Text(row.Candidate)), orDash(Text(row.Waiting)))
	}
	if len(stages) == 0 {
		b.WriteString(discoveries(p, s))
	}
	return limit(b.String(), bodyLimit)
}

// Row is the state of one Stage in words.
type Row struct {
	// State is word and shape.
	State string
	// Current and Candidate are Freight by headline and alias, empty for none.
	// Candidate is what would come next, when that is not what is current.
	Current, Candidate string
	// Waiting says what keeps the candidate out.
	Waiting string
}

// StageRow describes one Stage.
func StageRow(p pipeline.Pipeline, s pipeline.Snapshot, stage pipeline.Stage, now time.Time) Row {
	return newLedger(p, s, now).row(&stage)
}

// ledger is a Snapshot for one answer about many Stages.
type ledger struct {
	*pipeline.Facts
	p        pipeline.Pipeline
	s        pipeline.Snapshot
	now      time.Time
	closures func(*pipeline.Stage) pipeline.Closure
	arrivals map[string][]pipeline.Arrival // by Stage, as far as they were asked for
	// history and runs are by Stage, newest first.
	history map[string][]*pipeline.Promotion
	runs    map[string][]*pipeline.VerificationRun
}

func newLedger(p pipeline.Pipeline, s pipeline.Snapshot, now time.Time) *ledger {
	k := &ledger{
		Facts: s.Facts(), p: p, s: s, now: now, closures: p.Closures(s.Freeze, now),
		history: map[string][]*pipeline.Promotion{}, runs: map[string][]*pipeline.VerificationRun{},
		arrivals: map[string][]pipeline.Arrival{},
	}
	for i := range s.Promotions {
		name := s.Promotions[i].Stage.Name
		k.history[name] = append(k.history[name], &s.Promotions[i])
	}
	for _, all := range k.history {
		slices.SortFunc(all, func(a, b *pipeline.Promotion) int { return b.Seq - a.Seq })
	}
	for i := range s.Verifications {
		name := s.Verifications[i].Stage.Name
		k.runs[name] = append(k.runs[name], &s.Verifications[i])
	}
	for _, all := range k.runs {
		slices.SortFunc(all, func(a, b *pipeline.VerificationRun) int { return b.Seq - a.Seq })
	}
	return k
}

func (k *ledger) row(stage *pipeline.Stage) Row {
	row := Row{State: "○ Pending"}
	if stage.ControlFlow() {
		row.State = "– Control flow"
	}
	auto, failed := k.p.AutoPromotion(*stage), ""
	closure := k.closures(stage)
	for _, req := range stage.Requests {
		cur, has := k.Current(stage.Name, req.Origin)
		if has {
			row.Current = joined(row.Current, name(cur))
			row.State = k.verified(stage, cur)
		}
		next, ok := k.Newest(req.Origin)
		if h, held := k.Held(stage.Name, req.Origin); held && auto {
			row.State = "‖ Held"
			row.Waiting = joined(row.Waiting, heldBy(h))
		}
		if !ok || next.ID == cur.ID {
			continue
		}
		row.Candidate = joined(row.Candidate, name(next))
		v := k.Explain(k.p, *stage, next, k.now)
		last, tried := k.Last(stage.Name, next.ID)
		switch {
		case tried && last.Phase.Terminal() && last.Phase != pipeline.Succeeded:
			failed = Word(last.Phase, false)
			row.Waiting = joined(row.Waiting, last.ID+": "+last.Message)
		case !v.Available():
			row.Waiting = joined(row.Waiting, strings.Join(v.Unmet(), "; "))
		case stage.ControlFlow():
		case closure.Closed:
			row.Waiting = joined(row.Waiting, closed(closure))
		case !auto:
			row.Waiting = joined(row.Waiting, "/promote "+stage.Name)
		}
	}
	if failed != "" {
		row.State = failed
	}
	k.watched(stage, &row)
	if why := k.s.Unstarted[stage.Name]; why != "" {
		row.State, row.Waiting = "! Not started", joined(row.Waiting, why)
	}
	if active, ok := k.Active(stage.Name); ok {
		row.State = Word(active.Phase, active.WaitingOn() != "")
		row.Candidate = name(active.Freight)
		row.Waiting = active.ID
		switch w := active.WaitingOn(); {
		case w != "":
			row.Waiting += ": " + w
		case closure.Closed:
			row.Waiting += ": " + closed(closure)
		}
	}
	return row
}

// verified is the state of a Stage in which Freight is current.
func (k *ledger) verified(stage *pipeline.Stage, f pipeline.Freight) string {
	run := k.runOf(stage.Name, f.ID)
	switch {
	case run != nil && !run.Phase.Terminal():
		return "◐ Verifying"
	case !k.Mark(stage.Name, f.ID).VerifiedAt.IsZero():
		return "✓ Verified"
	case run != nil && run.Phase != pipeline.VerificationSuccessful:
		return verdictWord(run.Phase)
	}
	return "✓ Succeeded"
}

// verdictWord is how a verification ended, as word and shape.
func verdictWord(phase pipeline.VerificationPhase) string {
	switch phase {
	case pipeline.VerificationSuccessful:
		return "✓ Verified"
	case pipeline.VerificationError:
		return "! Verification errored"
	case pipeline.VerificationAborted:
		return "– Verification aborted"
	case pipeline.VerificationInconclusive:
		return "✗ Verification inconclusive"
	case pipeline.VerificationFailed:
		return "✗ Verification failed"
	default:
		return "◐ Verifying"
	}
}

// heldBy says who holds a Stage, and why or with what.
func heldBy(h pipeline.Hold) string {
	if !h.Manual() {
		return fmt.Sprintf("%s promoted other Freight with %s", h.Actor, h.Promotion)
	}
	if h.Reason == "" {
		return "held by " + h.Actor
	}
	return fmt.Sprintf("held by %s: %s", h.Actor, h.Reason)
}

// closed says why a Stage takes no Promotion and until when.
func closed(c pipeline.Closure) string {
	s := "closed"
	if c.Reason != "" {
		s += ": " + c.Reason
	}
	if !c.Opens.IsZero() {
		s += ", opens " + moment(c.Opens)
	}
	return s
}

func freezeLine(f *pipeline.Freeze) string {
	s := fmt.Sprintf("‖ **Frozen** by %s since %s", Text(f.Actor), moment(f.Since))
	if !f.Until.IsZero() {
		s += " until " + moment(f.Until)
	}
	if f.Reason != "" {
		s += ": " + Text(f.Reason)
	}
	return s + ". " + Code("/kargo thaw") + " ends it."
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func name(f pipeline.Freight) string { return f.Headline() + " (" + f.Alias + ")" }

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
