package demo

import (
	"html/template"
	"strings"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
)

// pullRow is a pull request in the list.
type pullRow struct {
	Number       int
	Title, State string
	Selected     bool
}

func pullState(p forge.PullRequest) string {
	switch {
	case p.Merged:
		return "✓ Merged"
	case p.State == "closed":
		return "– Closed"
	case p.Draft:
		return "‖ Draft"
	}
	return "◐ Open"
}

// pullView is a pull request as its page on GitHub shows it.
type pullView struct {
	pullRow
	Author, Head, Base string
	MergedBy, Commit   string
	Body               template.HTML
	At                 stamp
	Promotion          string
	Checks             []checkView
	Reviews            []reviewView
	Comments           []commentView
	Actions            []actionView
	Quick              []string
}

type checkView struct {
	State, Name, App, Title string
	Summary, Text           template.HTML
}

type reviewView struct {
	State, Author, Body string
	At                  stamp
	// Counts is false for a review of an older head or by somebody without write
	// permission.
	Counts bool
}

type commentView struct {
	ID        int64
	Author    string
	Bot       bool
	Body      template.HTML
	At        stamp
	Reactions []reactionView
}

type reactionView struct{ Emoji, Word, Author string }

// actionView is a button.
type actionView struct{ Do, Label string }

// emoji of reactions with the words that people say for them.
var emoji = map[string][2]string{
	"eyes": {"👀", "seen"}, "rocket": {"🚀", "accepted"}, "confused": {"😕", "refused"}, "+1": {"👍", "agreed"}, "-1": {"👎", "disagreed"},
	"heart": {"❤️", "heart"}, "hooray": {"🎉", "hooray"}, "laugh": {"😄", "laugh"},
}

func (p *page) pullView(m moment, pr forge.PullRequest) (*pullView, error) {
	v := &pullView{
		pullRow: pullRow{Number: pr.Number, Title: pr.Title, State: pullState(pr), Selected: true},
		Author:  pr.Author, Head: pr.Head, Base: pr.Base, MergedBy: pr.MergedBy, Commit: pipeline.Short(pr.MergeCommit),
		At: stampOf(pr.CreatedAt), Quick: []string{"/kargo status", "/kargo why prod", "/promote prod"},
	}
	if promotion, ok := m.promotionOf(pr); ok {
		v.Promotion = promotion.ID
	}
	switch {
	case pr.Merged:
	case pr.State == "closed":
		v.Actions = []actionView{{actReopen, "Reopen"}}
	case pr.Draft:
		v.Actions = []actionView{{actApprove, "Approve"}, {actReady, "Mark ready"}, {actClose, "Close"}}
	default:
		v.Actions = []actionView{{actApprove, "Approve"}, {actMerge, "Merge"}, {actDraft, "Convert to draft"}, {actClose, "Close"}}
	}
	var err error
	render := func(text string) template.HTML {
		h, failed := p.markdown.render(text)
		if failed != nil {
			err = failed
		}
		return h
	}
	v.Body = render(pr.Body)
	for _, c := range m.checksOf(pr.HeadSHA) {
		v.Checks = append(v.Checks, checkView{State: checkState(c), Name: c.Name, App: c.App, Title: c.Title, Summary: render(c.Summary), Text: render(c.Text)})
	}
	for _, r := range pr.Reviews {
		who, _ := personBy(r.Author)
		state := strings.ToLower(strings.ReplaceAll(string(r.State), "_", " "))
		mark := map[forge.ReviewState]string{forge.Approved: markDone, forge.ChangesRequested: markBad}[r.State]
		if mark == "" {
			mark = markSaid
		}
		v.Reviews = append(v.Reviews, reviewView{
			State: mark + " " + state, Author: r.Author, Body: r.Body, At: stampOf(r.SubmittedAt), Counts: r.SHA == pr.HeadSHA && who.writes(),
		})
	}
	for _, c := range pr.Comments {
		comment := commentView{ID: c.ID, Author: c.Author, Bot: strings.HasSuffix(c.Author, "[bot]"), Body: render(c.Body), At: stampOf(c.CreatedAt)}
		for _, r := range c.Reactions {
			e := emoji[r.Content]
			comment.Reactions = append(comment.Reactions, reactionView{Emoji: e[0], Word: e[1], Author: r.Author})
		}
		v.Comments = append(v.Comments, comment)
	}
	return v, err
}

func checkState(c forge.CheckRun) string {
	switch c.Conclusion {
	case "":
		return "◐ Running"
	case "success":
		return "✓ Success"
	case "failure":
		return "✗ Failure"
	case "cancelled":
		return "– Cancelled"
	}
	return "– " + c.Conclusion
}
