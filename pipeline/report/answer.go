package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// ReplyMarker begins the bot's reply to one comment.
func ReplyMarker(comment int64) string {
	return fmt.Sprintf("<!-- kargo:v1 reply=%d -->", comment)
}

// Refusal says why something was not done and what to do instead.
func Refusal(err *pipeline.UserError) string {
	s := Text(err.Message) + "."
	if err.Hint == "" {
		return s
	}
	if strings.HasPrefix(err.Hint, "/") {
		return s + "\n\nNext: " + Code(err.Hint)
	}
	return s + "\n\n" + Text(err.Hint)
}

// Overview shows what is in every Stage, or in the given ones, and what it waits
// for: the answer to /kargo status. What does not fit is dropped from the end.
func Overview(p pipeline.Pipeline, s pipeline.Snapshot, stages []string, now time.Time) string {
	var b strings.Builder
	b.WriteString("| Stage | State | Freight | Candidate | Waiting on |\n|---|---|---|---|---|\n")
	k := s.Facts()
	for _, stage := range p.Stages {
		if len(stages) > 0 && !slices.Contains(stages, stage.Name) {
			continue
		}
		row := stageRow(p, k, stage, now)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", Text(stage.Name), row.State, orDash(Text(row.Current)), orDash(Text(row.Candidate)), orDash(Text(row.Waiting)))
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
	return stageRow(p, s.Facts(), stage, now)
}

func stageRow(p pipeline.Pipeline, k *pipeline.Facts, stage pipeline.Stage, now time.Time) Row {
	row := Row{State: "○ Pending"}
	if stage.ControlFlow() {
		row.State = "– Control flow"
	}
	auto, failed := p.AutoPromotion(stage), ""
	for _, req := range stage.Requests {
		cur, has := k.Current(stage.Name, req.Origin)
		if has {
			row.Current = joined(row.Current, name(cur))
			row.State = "✓ Succeeded"
			if !k.Mark(stage.Name, cur.ID).VerifiedAt.IsZero() {
				row.State = "✓ Verified"
			}
		}
		next, ok := k.Newest(req.Origin)
		if !ok || next.ID == cur.ID {
			continue
		}
		row.Candidate = joined(row.Candidate, name(next))
		v := k.Explain(p, stage, next, now)
		last, tried := k.Last(stage.Name, next.ID)
		switch {
		case tried && last.Phase.Terminal() && last.Phase != pipeline.Succeeded:
			failed = Word(last.Phase, false)
			row.Waiting = joined(row.Waiting, last.ID+": "+last.Message)
		case !v.Available():
			row.Waiting = joined(row.Waiting, strings.Join(v.Unmet(), "; "))
		case !stage.ControlFlow() && !auto:
			row.Waiting = joined(row.Waiting, "/promote "+stage.Name)
		}
		if h, held := k.Held(stage.Name, req.Origin); held && auto {
			row.State = "‖ Held"
			row.Waiting = joined(row.Waiting, fmt.Sprintf("%s promoted other Freight with %s", h.Actor, h.Promotion))
		}
	}
	if failed != "" {
		row.State = failed
	}
	if active, ok := k.Active(stage.Name); ok {
		row.State = Word(active.Phase, active.WaitingOn() != "")
		row.Candidate = name(active.Freight)
		row.Waiting = active.ID
		if w := active.WaitingOn(); w != "" {
			row.Waiting += ": " + w
		}
	}
	return row
}

func discoveries(p pipeline.Pipeline, s pipeline.Snapshot) string {
	var b strings.Builder
	for _, w := range p.Warehouses {
		d, ok := s.Discoveries[w.Name]
		if !ok {
			fmt.Fprintf(&b, "\nWarehouse %s has not been looked at yet.\n", Text(w.Name))
			continue
		}
		if d.Withheld != "" {
			fmt.Fprintf(&b, "\nWarehouse %s creates no Freight: %s\n", Text(w.Name), Text(d.Withheld))
		}
		for _, sub := range d.Subscriptions {
			if sub.Empty() {
				fmt.Fprintf(&b, "\nWarehouse %s found nothing in %s", Text(w.Name), Code(sub.RepoURL))
				if n := len(sub.Rejected); n > 0 {
					fmt.Fprintf(&b, ": %s rejected, the first %s because %s", plural(n, "artifact"), Code(sub.Rejected[0].Ref), Text(sub.Rejected[0].Reason))
				}
				b.WriteString("\n")
			}
		}
	}
	return b.String()
}

// Why shows every gate between Freight and a Stage; an empty id means the newest
// Freight that the Stage asks for.
func Why(p pipeline.Pipeline, s pipeline.Snapshot, stage pipeline.Stage, freightID string, now time.Time) string {
	k := s.Facts()
	f, ok := k.FreightByID(freightID)
	for _, req := range stage.Requests {
		if n, has := k.Newest(req.Origin); freightID == "" && has && (!ok || n.DiscoveredAt.After(f.DiscoveredAt)) {
			f, ok = n, true
		}
	}
	if !ok {
		return fmt.Sprintf("There is no Freight yet for %s.\n", Text(stage.Name)) + discoveries(p, s)
	}
	v := k.Explain(p, stage, f, now)
	var b strings.Builder
	verdict := "may enter"
	if !v.Available() {
		verdict = "cannot enter"
	}
	fmt.Fprintf(&b, "**%s** (%s) %s **%s**:\n\n", Text(f.Headline()), Text(f.Alias), verdict, Text(stage.Name))
	writeGates(&b, v.Gates, "")
	for _, line := range situation(p, k, stage, f) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if at := v.Next(); !at.IsZero() {
		fmt.Fprintf(&b, "\nThis can change by time alone at %s.\n", at.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return limit(b.String(), bodyLimit)
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

// situation says what besides availability decides whether Freight moves.
func situation(p pipeline.Pipeline, s *pipeline.Facts, stage pipeline.Stage, f pipeline.Freight) []string {
	var lines []string
	if cur, ok := s.Current(stage.Name, f.Warehouse); ok && cur.ID == f.ID {
		lines = append(lines, "✓ it is current there")
	}
	if h, held := s.Held(stage.Name, f.Warehouse); held && p.AutoPromotion(stage) {
		lines = append(lines, Text(fmt.Sprintf("‖ auto-promotion is held: %s promoted other Freight with %s; promote the newest to go on", h.Actor, h.Promotion)))
	}
	last, ok := s.Last(stage.Name, f.ID)
	switch {
	case ok && last.WaitingOn() != "":
		lines = append(lines, fmt.Sprintf("◷ %s waits: %s", Text(last.ID), Text(last.WaitingOn())))
	case ok && !last.Phase.Terminal():
		lines = append(lines, Text(last.ID)+" is "+strings.ToLower(string(last.Phase)))
	case ok && last.Phase != pipeline.Succeeded:
		lines = append(lines, fmt.Sprintf("%s: %s; it is not tried again by itself, %s does", Word(last.Phase, false)+" "+Text(last.ID), Text(last.Message), Code("/promote "+stage.Name)))
	case !p.AutoPromotion(stage) && !stage.ControlFlow():
		lines = append(lines, "auto-promotion is off: "+Code("/promote "+stage.Name))
	}
	return lines
}

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
