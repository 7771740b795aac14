package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// fact is something that happened, told in one line.
type fact struct {
	// Key tells facts apart.
	Key string
	At  time.Time
	// Mark is a shape: the state in which the fact leaves its subject.
	Mark string
	// Subject is what it is about ("test-2"), Change what moves ("web 1.0.0 →
	// 1.1.0"), Text what happened.
	Subject, Change, Text string
	// rank orders facts of the same second, which is GitHub's resolution.
	rank int
}

// patience is how long a Promotion may wait before it is worth a line.
const patience = 10 * time.Second

// The shapes that stand before facts; those of phases come from [report.Word].
const (
	markNew  = "•"
	markRun  = "◐"
	markWait = "◷"
	markDone = "✓"
	markBad  = "✗"
	markSaid = "›"
	markNote = "–"
)

// factsOf lists everything that is known to have happened, in no order.
func factsOf(m moment) []fact {
	var facts []fact
	for _, f := range m.Snapshot.Freight {
		facts = append(facts, fact{
			Key: "freight/" + f.ID, At: f.DiscoveredAt, Mark: markNew, Subject: f.Warehouse, Change: f.Headline(),
			Text: "discovered: Freight " + f.Alias,
		})
	}
	for _, mark := range m.Snapshot.Marks {
		facts = append(facts, markFacts(m, mark)...)
	}
	for i := range m.Snapshot.Promotions {
		facts = append(facts, promotionFacts(m, &m.Snapshot.Promotions[i])...)
	}
	for _, p := range m.Pulls {
		facts = append(facts, pullFacts(m, p)...)
	}
	return facts
}

func markFacts(m moment, mark pipeline.Mark) []fact {
	f, ok := m.Snapshot.FreightByID(mark.Freight)
	if !ok || mark.VerifiedAt.IsZero() {
		return nil
	}
	text := "verified in " + mark.Stage
	if _, promoted := m.Snapshot.Last(mark.Stage, mark.Freight); !promoted {
		text = "is what the files of " + mark.Stage + " hold: current without a Promotion"
	}
	return []fact{{
		Key: "verified/" + mark.Stage + "/" + f.ID, At: mark.VerifiedAt, Mark: markDone,
		Subject: mark.Stage, Change: f.Headline(), Text: text, rank: 9,
	}}
}

// parked says what a Promotion waits for, empty when it does not or when that ends
// by itself within moments, which is no news.
func parked(m moment, p *pipeline.Promotion) string {
	w := p.WaitingOn()
	if w == "" || p.Steps[p.Next()].WakeAt.Sub(m.At) <= patience {
		return ""
	}
	return w
}

func promotionFacts(m moment, p *pipeline.Promotion) []fact {
	about := func(key string, at time.Time, mark string, rank int, format string, args ...any) fact {
		return fact{
			Key: "promotion/" + p.ID + "/" + key, At: at, Mark: mark, rank: rank,
			Subject: p.ID, Change: change(p), Text: fmt.Sprintf(format, args...),
		}
	}
	var facts []fact
	if !p.StartedAt.IsZero() {
		facts = append(facts, about("started", p.StartedAt, markRun, 1, "started: %s", p.Reason))
	}
	if w := parked(m, p); w != "" {
		facts = append(facts, about("wait/"+w, m.At, markWait, 4, "waiting: %s", w))
	}
	switch {
	case p.Phase == pipeline.Succeeded && p.MergeCommit() != "":
		facts = append(facts, about("end", p.FinishedAt, markDone, 8, "succeeded with commit %s", pipeline.Short(p.MergeCommit())))
	case p.Phase == pipeline.Succeeded:
		facts = append(facts, about("end", p.FinishedAt, markDone, 8, "succeeded: nothing to change"))
	case p.Phase.Terminal():
		mark, word, _ := strings.Cut(report.Word(p.Phase, false), " ")
		facts = append(facts, about("end", p.FinishedAt, mark, 8, "%s: %s", strings.ToLower(word), p.Message))
	}
	return facts
}

// change is what a Promotion moves: "web 1.0.0 → 1.1.0".
func change(p *pipeline.Promotion) string {
	to := p.Freight.Version()
	if p.Previous == nil || p.Previous.Version() == to {
		return p.Freight.Headline()
	}
	return strings.TrimSuffix(p.Freight.Headline(), to) + p.Previous.Version() + " → " + to
}

// fine is the time of something on GitHub, which rounds to seconds: what is new
// happened between the last look and now.
func (m moment) fine(t time.Time) time.Time {
	if m.At.Sub(t) < 2*time.Second {
		return m.At
	}
	return t
}

func pullFacts(m moment, p forge.PullRequest) []fact {
	promotion, promoted := m.promotionOf(p)
	about := func(key string, at time.Time, mark string, rank int, format string, args ...any) fact {
		f := fact{
			Key: fmt.Sprintf("pull/%d/%s", p.Number, key), At: m.fine(at), Mark: mark, rank: rank,
			Text: fmt.Sprintf(format, args...), Subject: fmt.Sprintf("#%d", p.Number),
		}
		if promoted {
			f.Subject, f.Change = promotion.ID, change(&promotion)
		}
		return f
	}
	facts := []fact{about("opened", p.CreatedAt, markRun, 2, "%s opened #%d", p.Author, p.Number)}
	for _, c := range m.checksOf(p.HeadSHA) {
		if c.App != ciApp || c.Conclusion == "" {
			continue
		}
		mark := markDone
		if c.Conclusion != "success" {
			mark = markBad
		}
		facts = append(facts, about(fmt.Sprintf("check/%d/%s", c.ID, c.Conclusion), m.At, mark, 3, "check %s on #%d: %s", c.Name, p.Number, c.Conclusion))
	}
	for _, c := range p.Comments {
		facts = append(facts, commentFacts(about, p, c)...)
	}
	for i, r := range p.Reviews {
		verdict := map[forge.ReviewState]string{forge.Approved: "approved", forge.ChangesRequested: "asked for changes to"}[r.State]
		if verdict != "" {
			facts = append(facts, about(fmt.Sprintf("review/%d", i), r.SubmittedAt, markSaid, 5, "%s %s #%d", r.Author, verdict, p.Number))
		}
	}
	switch {
	case p.Merged:
		merged := about("merged", p.ClosedAt, markDone, 7, "%s merged #%d", p.MergedBy, p.Number)
		if end := promotion.FinishedAt; !end.IsZero() && merged.At.After(end) {
			merged.At = end // what it led to was not seen before it
		}
		facts = append(facts, merged)
	case p.State == "closed":
		facts = append(facts, about("closed", p.ClosedAt, markNote, 7, "#%d was closed", p.Number))
	case p.Draft:
		facts = append(facts, about("draft", m.At, "‖", 6, "#%d is a draft", p.Number))
	}
	return facts
}

// commentFacts tells of what people write and how the bot reacts. What the bot
// writes itself shows on the page.
func commentFacts(about func(string, time.Time, string, int, string, ...any) fact, p forge.PullRequest, c forge.Comment) []fact {
	if strings.HasSuffix(c.Author, "[bot]") {
		return nil
	}
	line, _, more := strings.Cut(strings.TrimSpace(c.Body), "\n")
	if more {
		line += " …"
	}
	key := fmt.Sprintf("comment/%d", c.ID)
	facts := []fact{about(key, c.CreatedAt, markSaid, 5, "%s wrote in #%d: %s", c.Author, p.Number, line)}
	for _, r := range c.Reactions {
		switch r.Content {
		case "rocket":
			facts = append(facts, about(key+"/rocket", c.CreatedAt, markDone, 6, "accepted 🚀 what %s asked for", c.Author))
		case "confused":
			facts = append(facts, about(key+"/confused", c.CreatedAt, markBad, 6, "refused 😕 what %s asked for; the reply says why", c.Author))
		}
	}
	return facts
}
