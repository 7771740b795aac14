package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Why shows every gate between Freight and a Stage, what else decides whether it
// moves, and when the answer can change by time alone; an empty id means the
// newest Freight that the Stage asks for.
func Why(p pipeline.Pipeline, s pipeline.Snapshot, stage pipeline.Stage, freightID string, now time.Time) string {
	k := newLedger(p, s, now)
	f, ok := k.newest(stage, freightID)
	if !ok {
		return fmt.Sprintf("There is no Freight yet for %s.\n", Text(stage.Name)) + discoveries(p, s)
	}
	return limit(k.why(&stage, f, true), bodyLimit)
}

// newest returns the Freight with that id, or the newest that the Stage asks for
// when the id is empty.
func (k *ledger) newest(stage pipeline.Stage, id string) (pipeline.Freight, bool) {
	f, ok := k.FreightByID(id)
	if id != "" {
		return f, ok
	}
	for _, req := range stage.Requests {
		if n, has := k.Newest(req.Origin); has && (!ok || n.DiscoveredAt.After(f.DiscoveredAt)) {
			f, ok = n, true
		}
	}
	return f, ok
}

// why explains one Freight. Whether the Stage is open and who approves is left out
// where that is said beside it.
func (k *ledger) why(stage *pipeline.Stage, f pipeline.Freight, whole bool) string {
	v := k.Explain(k.p, *stage, f, k.now)
	var b strings.Builder
	verdict := "may enter"
	if !v.Available() {
		verdict = "cannot enter"
	}
	fmt.Fprintf(&b, "**%s** (%s) %s **%s**:\n\n", Text(f.Headline()), Text(f.Alias), verdict, Text(stage.Name))
	writeGates(&b, v.Gates, "")
	var closure pipeline.Closure
	if !stage.ControlFlow() {
		closure = k.closures(stage)
		var lines []string
		if whole {
			lines = doors(closure)
		}
		lines = append(lines, k.situation(stage, f)...)
		if last, ok := k.Last(stage.Name, f.ID); ok && whole && !last.Phase.Terminal() {
			lines = append(append(lines, approvalLines(&last)...), editLines(&last)...)
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	at := v.Next()
	if closure.Closed && !closure.Opens.IsZero() && (at.IsZero() || closure.Opens.Before(at)) {
		at = closure.Opens
	}
	if !at.IsZero() {
		fmt.Fprintf(&b, "\nThis can change by time alone at %s.\n", at.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	b.WriteString(k.forecast(stage.Name, f))
	return b.String()
}

func writeGates(b *strings.Builder, gates []pipeline.Gate, indent string) {
	for _, g := range gates {
		mark := "✗"
		if g.Pass {
			mark = "✓"
		}
		fmt.Fprintf(b, "%s- %s %s: %s\n", indent, mark, Text(g.Name), Text(g.Observed))
		writeGates(b, g.Children, indent+"  ")
	}
}

// doors says whether a Stage takes Promotions now, as a line of the list of
// gates; nothing when neither freeze nor window has to do with it.
func doors(c pipeline.Closure) []string {
	switch {
	case c.Closed:
		return []string{"✗ open to Promotions: " + Text(strings.TrimPrefix(closed(c), "closed: "))}
	case !c.Closes.IsZero():
		return []string{"✓ open to Promotions: until " + moment(c.Closes)}
	}
	return nil
}

// situation says what besides availability decides whether Freight moves.
func (k *ledger) situation(stage *pipeline.Stage, f pipeline.Freight) []string {
	var lines []string
	cur, occupied := k.Current(stage.Name, f.Warehouse)
	if occupied && cur.ID == f.ID {
		lines = append(lines, "✓ it is current there")
	}
	if h := k.Health(*stage); occupied && cur.ID == f.ID && !h.Since.IsZero() && h.State != pipeline.HealthHealthy {
		lines = append(lines, fmt.Sprintf("%s since %s: %s; nothing counts as verified before it is healthy",
			healthWord(h.State), moment(h.Since), Text(strings.Join(h.Issues, "; "))))
	}
	if line := k.verifying(stage, f); line != "" {
		lines = append(lines, line)
	}
	auto := k.p.AutoPromotion(*stage)
	if h, held := k.Held(stage.Name, f.Warehouse); held && auto {
		lines = append(lines, holdLine(h, stage.Name))
	}
	if why := k.s.Unstarted[stage.Name]; why != "" && (!occupied || cur.ID != f.ID) {
		lines = append(lines, fmt.Sprintf("! no Promotion could be started: %s; this is tried again every few minutes", Text(why)))
	}
	last, ok := k.Last(stage.Name, f.ID)
	switch {
	case ok && last.WaitingOn() != "":
		lines = append(lines, fmt.Sprintf("◷ %s waits: %s", Text(last.ID), Text(last.WaitingOn())))
	case ok && !last.Phase.Terminal():
		line := Text(last.ID) + " is " + strings.ToLower(string(last.Phase))
		if first := k.ahead(stage.Name, &last); len(first) > 0 {
			line += ", behind " + Text(strings.Join(first, ", "))
		}
		lines = append(lines, line)
	case ok && last.Phase != pipeline.Succeeded:
		lines = append(lines, fmt.Sprintf("%s: %s; it is not tried again by itself, %s takes it up again", Word(last.Phase, false)+" "+Text(last.ID), Text(last.Message), Code("/kargo retry "+last.ID)))
	case !auto && (!occupied || cur.ID != f.ID):
		lines = append(lines, "auto-promotion is off: "+Code("/promote "+stage.Name))
	}
	return lines
}

func holdLine(h pipeline.Hold, stage string) string {
	line := "‖ auto-promotion is held"
	if !h.CreatedAt.IsZero() {
		line += " since " + moment(h.CreatedAt)
	}
	line += ": " + Text(heldBy(h)) + "; "
	if h.Manual() {
		return line + Code("/kargo resume "+stage) + " lets go"
	}
	return line + "promoting the newest or " + Code("/kargo resume "+stage) + " goes on"
}

// ahead names the Promotions that have their turn before one.
func (k *ledger) ahead(stage string, p *pipeline.Promotion) []string {
	var ids []string
	for _, q := range k.queue(stage) {
		if q.ID == p.ID {
			break
		}
		ids = append(ids, q.ID)
	}
	return ids
}

// queue returns the Promotions of a Stage that have not ended in the order of
// their turns.
func (k *ledger) queue(stage string) []*pipeline.Promotion {
	var running, pending []*pipeline.Promotion
	for i := len(k.history[stage]) - 1; i >= 0; i-- {
		switch q := k.history[stage][i]; {
		case q.Phase == pipeline.Running:
			running = append(running, q)
		case !q.Phase.Terminal():
			pending = append(pending, q)
		}
	}
	return append(running, pending...)
}

// approvalLines says whose approvals a Promotion needs and who approved by
// command; reviews are counted by the step that waits for them.
func approvalLines(p *pipeline.Promotion) []string {
	rule := p.Stage.Approvals
	var lines []string
	if rule.Required > 0 {
		lines = append(lines, "needs "+plural(rule.Required, "approval")+from(rule.From))
	}
	for _, q := range rule.Quorum {
		lines = append(lines, "needs "+plural(q.Required, "approval")+from(q.From))
	}
	for _, a := range p.Approvals {
		lines = append(lines, fmt.Sprintf("✓ approved by %s %s", Text(a.Actor.Login), moment(a.At)))
	}
	return lines
}

func from(entries []string) string {
	if len(entries) == 0 {
		return ""
	}
	return " from " + Text(pipeline.DescribeEntries(entries))
}

// verifying says what the newest verification of a Freight in a Stage makes of
// it, "" where there is none.
func (k *ledger) verifying(stage *pipeline.Stage, f pipeline.Freight) string {
	run := k.runOf(stage.Name, f.ID)
	if run == nil {
		return ""
	}
	line := verdictWord(run.Phase) + " (" + Text(run.ID) + "): " + progress(run)
	if run.Message != "" {
		line += ", " + Text(run.Message)
	}
	if run.Phase.Terminal() && run.Phase != pipeline.VerificationSuccessful {
		line += "; " + Code("/kargo verify "+stage.Name) + " tries again"
	}
	return line
}

// runOf returns the newest run in a Stage that is about a Freight, nil for none.
func (k *ledger) runOf(stage, freight string) *pipeline.VerificationRun {
	for _, run := range k.runs[stage] {
		if slices.ContainsFunc(run.Collection, func(f pipeline.Freight) bool { return f.ID == freight }) {
			return run
		}
	}
	return nil
}

// progress counts the checks of a run that succeeded.
func progress(run *pipeline.VerificationRun) string {
	done := 0
	for _, m := range run.Metrics {
		if m.Phase == pipeline.VerificationSuccessful {
			done++
		}
	}
	return fmt.Sprintf("%d of %s", done, plural(len(run.Metrics), "check"))
}
