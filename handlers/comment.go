package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// understand turns commands into intents and the text of an answer. One command
// that cannot be understood voids them all.
func (h *Comments) understand(ctx context.Context, r *request, commands []command.Command) ([]pipeline.Intent, string, error) {
	if !slices.ContainsFunc(commands, func(c command.Command) bool { return c.Verb != command.VerbHelp }) {
		return nil, command.Help(command.Available()), nil
	}
	if err := h.load(ctx, r); err != nil {
		return nil, "", err
	}
	var intents []pipeline.Intent
	var answers []string
	for _, c := range commands {
		c, err := c.Resolve(r.pipeline.StageNames())
		if err != nil {
			return nil, "", err
		}
		switch c.Verb {
		case command.VerbHelp:
			answers = append(answers, command.Help(command.Available()))
		case command.VerbStatus:
			answers = append(answers, report.Overview(r.pipeline, r.snap, c.Stages, h.Now()))
		case command.VerbWhy:
			answer, err := h.why(ctx, r, c)
			if err != nil {
				return nil, "", err
			}
			answers = append(answers, answer)
		case command.VerbPromote:
			more, err := h.promote(ctx, r, c)
			if err != nil {
				return nil, "", err
			}
			intents = append(intents, more...)
		case command.VerbAbort:
			intents = append(intents, r.intent(c, pipeline.Intent{Kind: pipeline.IntentAbort, Promotion: c.Promotion}))
		default:
			return nil, "", &pipeline.UserError{Message: fmt.Sprintf("%s is not available in this version", c.Verb), Hint: "/kargo help"}
		}
	}
	return intents, strings.Join(answers, "\n"), nil
}

// load reads what commands are judged by. A repository whose configuration was
// not read yet is read first.
func (h *Comments) load(ctx context.Context, r *request) error {
	rec, err := h.State.Repo(ctx, r.rec.ID)
	if err != nil {
		return fmt.Errorf("load repository %s: %w", r.rec.Repo, err)
	}
	r.rec = rec
	if rec.Config.SeenSHA == "" {
		if err := h.reconcile(ctx, rec.ID); err != nil {
			return err
		}
		return &pipeline.TransientError{RetryAfter: time.Second, Err: fmt.Errorf("configuration of %s is not read yet", rec.Repo)}
	}
	if rec.Config.Pipeline == nil {
		err := &pipeline.UserError{Message: "there is no .kargo.yaml on the default branch of this repository"}
		if rec.Config.SeenBlob != "" {
			err = &pipeline.UserError{
				Message: "the .kargo.yaml on the default branch is not valid",
				Hint:    "the check " + report.ConfigCheck + " on its commit says where",
			}
		}
		return err
	}
	r.pipeline = *rec.Config.Pipeline
	if r.snap, err = h.State.Snapshot(ctx, rec.ID); err != nil {
		return fmt.Errorf("load state of %s: %w", rec.Repo, err)
	}
	if r.actor, err = h.People.Permission(ctx, rec.Repo, r.actor.Login, r.pipeline.Teams()); err != nil {
		return fmt.Errorf("look up permission of %s: %w", r.actor.Login, err)
	}
	return nil
}

func (r *request) intent(c command.Command, in pipeline.Intent) pipeline.Intent {
	in.ID = fmt.Sprintf("%d:%d", r.comment, c.Line)
	if in.Stage != "" {
		in.ID += ":" + in.Stage
	}
	in.Actor, in.Number, in.Comment, in.ReceivedAt = r.actor, r.number, r.comment, r.received
	return in
}

func (h *Comments) promote(ctx context.Context, r *request, c command.Command) ([]pipeline.Intent, error) {
	for flag, given := range map[string]bool{"--dry-run": c.DryRun, "--downstream": c.Downstream} {
		if given {
			return nil, &pipeline.UserError{Message: flag + " is not available in this version", Hint: "/kargo why " + c.Stages[0]}
		}
	}
	var intents []pipeline.Intent
	for _, name := range c.Stages {
		freight, err := h.freight(ctx, r, c.Freight, name)
		if err != nil {
			return nil, err
		}
		intents = append(intents, r.intent(c, pipeline.Intent{Kind: pipeline.IntentPromote, Stage: name, Freight: freight}))
	}
	return intents, nil
}

func (h *Comments) why(ctx context.Context, r *request, c command.Command) (string, error) {
	stage, _ := r.pipeline.Stage(c.Stages[0])
	id, err := h.freight(ctx, r, c.Freight, stage.Name)
	if err != nil {
		return "", err
	}
	return report.Why(r.pipeline, r.snap, stage, id, h.Now()), nil
}

// freight finds the id of the Freight that a command means at this moment; ""
// means the candidate.
func (h *Comments) freight(ctx context.Context, r *request, ref command.FreightRef, stage string) (string, error) {
	switch ref.Kind {
	case command.FreightLatest:
		return "", nil
	case command.FreightPrevious:
		return "", &pipeline.UserError{Message: "previous is not available in this version", Hint: "name the Freight by its alias; /kargo status lists them"}
	case command.FreightDefault, command.FreightThis:
		f, ok, err := h.ofPull(ctx, r)
		if err != nil {
			return "", err
		}
		if ok {
			return f.ID, nil
		}
		if ref.Kind == command.FreightThis {
			return "", &pipeline.UserError{
				Message: "no Freight holds the change of this pull request",
				Hint:    "it appears once the change is merged, built and discovered; /kargo status",
			}
		}
		return "", nil
	}
	f, refusal := r.snap.ResolveFreight(ref.Text)
	if refusal != nil {
		return "", refusal
	}
	return f.ID, nil
}

// ofPull returns the Freight that a pull request stands for: that of its
// Promotion, else the one that holds its merge commit.
func (h *Comments) ofPull(ctx context.Context, r *request) (pipeline.Freight, bool, error) {
	if !r.pull {
		return pipeline.Freight{}, false, nil
	}
	p, err := h.State.PromotionByPull(ctx, r.rec.ID, r.number)
	if err == nil {
		return p.Freight, true, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return pipeline.Freight{}, false, fmt.Errorf("find promotion of pull request %d: %w", r.number, err)
	}
	sha, err := h.People.MergeCommit(ctx, r.rec.Repo, r.number)
	if err != nil {
		return pipeline.Freight{}, false, fmt.Errorf("read pull request %d: %w", r.number, err)
	}
	if sha == "" {
		return pipeline.Freight{}, false, nil
	}
	f, ok := r.snap.Carrying(sha)
	return f, ok, nil
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
