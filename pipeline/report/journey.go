package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// TrackerMarker begins the one comment that the bot keeps where somebody asked
// for a Promotion: the answer to "where is my change?".
const TrackerMarker = "<!-- kargo:v1 tracker -->"

// Journey shows where one Freight is, Stage by Stage, and what it waits for.
func Journey(p pipeline.Pipeline, s pipeline.Snapshot, f pipeline.Freight, now time.Time) string {
	k := newLedger(p, s, now)
	var b strings.Builder
	reached, asked := 0, 0
	for i := range p.Stages {
		stage := &p.Stages[i]
		if _, ok := stage.Request(f.Warehouse); !ok {
			continue
		}
		asked++
		state, what := k.stop(stage, f)
		if !k.Mark(stage.Name, f.ID).VerifiedAt.IsZero() {
			reached++
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", Text(stage.Name), state, orDash(what))
	}
	text := fmt.Sprintf("**%s** (%s) is verified in %d of %d Stages.\n\n| Stage | State | |\n|---|---|---|\n%s",
		Text(f.Headline()), Text(f.Alias), reached, asked, b.String())
	if s.Freeze.Active(now) {
		text += "\n" + freezeLine(s.Freeze) + "\n"
	}
	return limit(text, bodyLimit/2)
}

// Where is [Journey] with when the Freight gets to the other Stages if nothing
// changes: the answer to /kargo where.
func Where(p pipeline.Pipeline, s pipeline.Snapshot, f pipeline.Freight, now time.Time) string {
	return Journey(p, s, f, now) + limit(newLedger(p, s, now).forecast("", f), bodyLimit/3)
}

// stop describes one Stage on the way of a Freight. What it returns is Markdown.
func (k *ledger) stop(stage *pipeline.Stage, f pipeline.Freight) (state, what string) {
	mark := k.Mark(stage.Name, f.ID)
	last, tried := k.Last(stage.Name, f.ID)
	if tried {
		what = Text(last.ID)
		if pull := last.OwnPull(); pull.Number != 0 {
			what += fmt.Sprintf(", #%d", pull.Number)
		}
		if last.Rollback {
			what += ", a rollback"
		}
	}
	closure := k.closures(stage)
	switch {
	case tried && !last.Phase.Terminal():
		switch w := last.WaitingOn(); {
		case w != "":
			what += ": " + Text(w)
		case closure.Closed:
			what += ": " + Text(closed(closure))
		}
		return Word(last.Phase, last.WaitingOn() != ""), what
	case !mark.CurrentSince.IsZero():
		return k.settled(stage, f, what)
	case !mark.VerifiedAt.IsZero():
		return "✓ Verified", what
	case tried && last.Phase != pipeline.Succeeded:
		return Word(last.Phase, false), what + ": " + Text(last.Message)
	}
	v := k.Explain(k.p, *stage, f, k.now)
	h, held := k.Held(stage.Name, f.Warehouse)
	switch {
	case !v.Available():
		return "○ Pending", Text(strings.Join(v.Unmet(), "; "))
	case stage.ControlFlow():
		return "○ Pending", ""
	case closure.Closed:
		return "○ Pending", Text(closed(closure))
	case !k.p.AutoPromotion(*stage):
		return "○ Pending", Code("/promote " + stage.Name)
	case held:
		return "‖ Held", Text(heldBy(h))
	}
	return "○ Pending", ""
}

// settled describes a Stage in which the Freight is current.
func (k *ledger) settled(stage *pipeline.Stage, f pipeline.Freight, what string) (state, also string) {
	run := k.runOf(stage.Name, f.ID)
	switch {
	case run == nil || run.Phase == pipeline.VerificationSuccessful:
		return "✓ Current", what
	case !run.Phase.Terminal():
		return "◐ Verifying", joined(what, progress(run))
	}
	return verdictWord(run.Phase), joined(what, Text(run.ID)+": "+Text(run.Message))
}

// Askers returns the issues and pull requests in which somebody asked for a
// Promotion of the Freight, with the Promotion whose pull request it is, if any.
func Askers(s pipeline.Snapshot, freight string) map[int]*pipeline.Promotion {
	asked := map[int]*pipeline.Promotion{}
	for i := range s.Promotions {
		if p := &s.Promotions[i]; p.Freight.ID == freight && p.Source != 0 {
			asked[p.Source] = nil
		}
	}
	if len(asked) == 0 {
		return nil
	}
	for i := range s.Promotions {
		p := &s.Promotions[i]
		if q, ok := asked[p.OwnPull().Number]; ok && (q == nil || p.Seq > q.Seq) {
			asked[p.OwnPull().Number] = p
		}
	}
	return asked
}
