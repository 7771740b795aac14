package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Trial is a Promotion that was not asked for in earnest.
type Trial struct {
	// Promotion is as it would be created.
	Promotion *pipeline.Promotion
	// Refusal is why it would not be, nil when it would.
	Refusal *pipeline.UserError
	// Change is what it would do to files.
	Change Change
}

// Change is what a Promotion would do to files, as far as that can be known
// beforehand.
type Change struct {
	// Known is false when nobody looked.
	Known  bool
	Effect Effect
	// Obstacle says why it cannot be known, empty when it can.
	Obstacle string
}

// DryRun says what would come of a request to promote: the answer to /promote
// --dry-run. Nothing has happened.
func DryRun(p pipeline.Pipeline, s pipeline.Snapshot, t Trial, now time.Time) string {
	k := newLedger(p, s, now)
	pr := t.Promotion
	var b strings.Builder
	fmt.Fprintf(&b, "Promoting **%s** (%s) to **%s** %s\n\n", Text(pr.Freight.Headline()), Text(pr.Freight.Alias), Text(pr.Stage.Name), k.outcome(t))
	b.WriteString(k.why(&pr.Stage, pr.Freight, true))
	return b.String() + "\n" + difference(pr, t.Change)
}

// outcome says whether and when the Promotion would run.
func (k *ledger) outcome(t Trial) string {
	if t.Refusal != nil {
		return "would be refused: " + Text(t.Refusal.Message) + "."
	}
	text := "would start at once."
	if waiting := k.queue(t.Promotion.Stage.Name); len(waiting) > 0 {
		ids := make([]string, len(waiting))
		for i, q := range waiting {
			ids[i] = q.ID
		}
		text = "would wait for its turn behind " + Text(strings.Join(ids, ", ")) + "."
	}
	switch t.Promotion.HoldIntent {
	case pipeline.SetHold:
		text += " It is not the newest that the Stage may take, so auto-promotion would be held."
	case pipeline.ClearHold:
		text += " Auto-promotion would go on after it."
	case pipeline.NoHoldIntent:
	}
	return text
}

// Diff shows what a Promotion would change: the answer to /kargo diff.
func Diff(pr *pipeline.Promotion, c Change) string {
	return fmt.Sprintf("**%s** (%s) to **%s**:\n\n", Text(pr.Freight.Headline()), Text(pr.Freight.Alias), Text(pr.Stage.Name)) + difference(pr, c)
}

// difference shows artifacts and files. The diff is dropped when it does not fit.
func difference(pr *pipeline.Promotion, c Change) string {
	table := artifacts(pr, "Then")
	switch {
	case c.Obstacle != "":
		return table + "\nWhat it would change in files is not known: " + Text(c.Obstacle) + "\n"
	case !c.Known:
		return table
	case len(c.Effect.Files) == 0:
		return table + "\nThe files hold this already: nothing would change.\n"
	}
	const most = bodyLimit / 3
	return table + fit(most, effectSection(c.Effect, true), effectSection(c.Effect, false))
}
