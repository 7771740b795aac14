package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// Reaction is an emoji under a comment, by GitHub's name.
type Reaction string

// The protocol: seen at once, then accepted or refused.
const (
	Seen     Reaction = "eyes"
	Accepted Reaction = "rocket"
	Refused  Reaction = "confused"
)

// People is what commands need of the Git host.
type People interface {
	// Permission observes a person's role on a repository, and which of the teams
	// ("@org/team") they belong to, at this moment.
	Permission(ctx context.Context, r pipeline.Repo, login string, teams []string) (pipeline.Actor, error)
	// React adds a reaction to a comment; adding it twice is no error.
	React(ctx context.Context, r pipeline.Repo, comment int64, content string) error
	// MergeCommit returns the commit that a pull request left on its base, ""
	// while it is not merged or when number is an issue.
	MergeCommit(ctx context.Context, r pipeline.Repo, number int) (string, error)
	// Reply makes the App's comment that begins with marker say body.
	Reply(ctx context.Context, r pipeline.Repo, number int, marker, body string) error
}

// State is what commands need of what is stored.
type State interface {
	Repo(ctx context.Context, id int64) (store.RepoRecord, error)
	Snapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error)
	PromotionByPull(ctx context.Context, repoID int64, number int) (pipeline.Promotion, error)
	PutIntents(ctx context.Context, repoID int64, intents []pipeline.Intent, now time.Time) error
}

// Comments handles issue_comment: commands of people.
type Comments struct {
	*Sources
	People People
	State  State
}

type commentPayload struct {
	Issue struct {
		Number      int       `json:"number"`
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	Comment struct {
		ID   int64   `json:"id"`
		Body string  `json:"body"`
		User Account `json:"user"`
	} `json:"comment"`
}

// request is one comment with commands and what they mean now.
type request struct {
	rec      store.RepoRecord
	pipeline pipeline.Pipeline
	snap     pipeline.Snapshot
	number   int
	pull     bool
	comment  int64
	actor    pipeline.Actor
	received time.Time
}

// Comment handles issue_comment. Only what a person wrote counts, and only when
// it is new: an edit could change a command after others agreed with it.
func (h *Comments) Comment(ctx context.Context, e Event) error {
	rec, ok := e.Record()
	if !ok || e.Action != "created" || e.Sender.Bot() {
		return nil
	}
	p, err := decode[commentPayload](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	if p.Comment.User.Bot() || p.Comment.User.Login != e.Sender.Login {
		return nil
	}
	parsed := command.Parse(p.Comment.Body)
	if len(parsed.Commands) == 0 && len(parsed.Problems) == 0 {
		return nil
	}
	if err := h.remember(ctx, rec); err != nil {
		return err
	}
	if err := h.People.React(ctx, rec.Repo, p.Comment.ID, string(Seen)); err != nil {
		return fmt.Errorf("react to comment %d: %w", p.Comment.ID, err)
	}
	r := request{
		rec: rec, number: p.Issue.Number, pull: p.Issue.PullRequest != nil, comment: p.Comment.ID,
		received: e.ReceivedAt, actor: pipeline.Actor{Login: p.Comment.User.Login},
	}
	if err := parsed.Err(); err != nil {
		return h.refuse(ctx, r, markdown(err))
	}
	intents, answer, err := h.understand(ctx, &r, parsed.Commands)
	var refusal *pipeline.UserError
	switch {
	case errors.As(err, &refusal):
		return h.refuse(ctx, r, report.Refusal(refusal))
	case err != nil:
		return err
	}
	if len(intents) > 0 {
		// Reacted to once decided; see Answer.
		if err := h.State.PutIntents(ctx, rec.ID, intents, h.Now()); err != nil {
			return fmt.Errorf("store requests of comment %d: %w", r.comment, err)
		}
	}
	if answer == "" {
		return nil
	}
	if err := h.reply(ctx, r, answer); err != nil {
		return err
	}
	if len(intents) > 0 {
		return nil
	}
	return h.react(ctx, r, Accepted)
}

func (h *Comments) refuse(ctx context.Context, r request, body string) error {
	if err := h.reply(ctx, r, body); err != nil {
		return err
	}
	return h.react(ctx, r, Refused)
}

func (h *Comments) react(ctx context.Context, r request, content Reaction) error {
	if err := h.People.React(ctx, r.rec.Repo, r.comment, string(content)); err != nil {
		return fmt.Errorf("react to comment %d: %w", r.comment, err)
	}
	return nil
}

// reply answers a comment once, however often it is handled.
func (h *Comments) reply(ctx context.Context, r request, body string) error {
	marker := report.ReplyMarker(r.comment)
	if err := h.People.Reply(ctx, r.rec.Repo, r.number, marker, marker+"\n"+body); err != nil {
		return fmt.Errorf("reply to comment %d: %w", r.comment, err)
	}
	return nil
}

// Answer tells the person who asked what Decide made of the request.
func (h *Comments) Answer(ctx context.Context, rec store.RepoRecord, in store.ResolvedIntent) error {
	if in.Comment == 0 {
		return nil
	}
	r := request{rec: rec, number: in.Number, comment: in.Comment}
	if in.Refusal == nil {
		return h.react(ctx, r, Accepted)
	}
	return h.refuse(ctx, r, report.Refusal(in.Refusal))
}

// markdown renders the parser's problems, whose text is Markdown already.
func markdown(err error) string {
	var u *pipeline.UserError
	if !errors.As(err, &u) {
		return report.Text(err.Error())
	}
	if u.Hint == "" {
		return u.Message
	}
	return u.Message + "\n\n" + u.Hint
}
