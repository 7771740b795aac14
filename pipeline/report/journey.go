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
	k := s.Facts()
	var b strings.Builder
	reached, asked := 0, 0
	for _, stage := range p.Stages {
		if _, ok := stage.Request(f.Warehouse); !ok {
			continue
		}
		asked++
		state, what := stop(p, k, stage, f, now)
		if !k.Mark(stage.Name, f.ID).VerifiedAt.IsZero() {
			reached++
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", Text(stage.Name), state, orDash(what))
	}
	return fmt.Sprintf("**%s** (%s) is verified in %d of %d Stages.\n\n| Stage | State | |\n|---|---|---|\n%s",
		Text(f.Headline()), Text(f.Alias), reached, asked, b.String())
}

// stop describes one Stage on the way of a Freight. What it returns is Markdown.
func stop(p pipeline.Pipeline, k *pipeline.Facts, stage pipeline.Stage, f pipeline.Freight, now time.Time) (state, what string) {
	mark := k.Mark(stage.Name, f.ID)
	last, tried := k.Last(stage.Name, f.ID)
	if tried {
		what = Text(last.ID)
		if pull := last.OwnPull(); pull.Number != 0 {
			what += fmt.Sprintf(", #%d", pull.Number)
		}
	}
	switch {
	case tried && !last.Phase.Terminal():
		if w := last.WaitingOn(); w != "" {
			what += ": " + Text(w)
		}
		return Word(last.Phase, last.WaitingOn() != ""), what
	case !mark.CurrentSince.IsZero():
		return "✓ Current", what
	case !mark.VerifiedAt.IsZero():
		return "✓ Verified", what
	case tried && last.Phase != pipeline.Succeeded:
		return Word(last.Phase, false), what + ": " + Text(last.Message)
	}
	if v := k.Explain(p, stage, f, now); !v.Available() {
		return "○ Pending", Text(strings.Join(v.Unmet(), "; "))
	}
	if !p.AutoPromotion(stage) && !stage.ControlFlow() {
		return "○ Pending", Code("/promote " + stage.Name)
	}
	return "○ Pending", ""
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
