package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/handlers/bind"
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
	// Snapshot is that of all pipelines of a repository, with the root's freeze.
	Snapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error)
	// Freeze returns the freeze of an included pipeline, nil for none.
	Freeze(ctx context.Context, repoID int64, pipeline string) (*pipeline.Freeze, error)
	PromotionByPull(ctx context.Context, repoID int64, number int) (pipeline.Promotion, error)
	PutIntents(ctx context.Context, repoID int64, intents []pipeline.Intent, now time.Time) error
}

// Comments handles issue_comment: commands of people.
type Comments struct {
	*Sources
	People People
	State  State
	// Previewer runs steps without any effect; nil leaves out of answers what would
	// change in files.
	Previewer Previewer
	// Carriers finds pipelines of other repositories; nil means that there are none.
	Carriers Carriers
	// Unstarted says, by Stage of a repository, why no Promotion was started that the
	// rules want; nil means that nobody knows.
	Unstarted func(repo int64) map[string]string
	// Registry resolves images that nobody subscribes to; nil demands a digest.
	Registry Registry
}

// Previewer says what a Promotion would do to files, without doing it.
type Previewer interface {
	// Preview returns a *pipeline.UserError when the steps cannot be run.
	Preview(ctx context.Context, r store.RepoRecord, p pipeline.Promotion) (report.Effect, error)
}

// Registry looks at images by their references.
type Registry interface {
	// Image returns the image behind a tag or a digest of a container repository, a
	// *pipeline.UserError when there is none. It is asked for with the accounts of r.
	Image(ctx context.Context, r store.RepoRecord, repoURL, ref string) (pipeline.Image, error)
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
		Scene: bind.Scene{Comment: p.Comment.ID, Received: e.ReceivedAt},
		rec:   rec, place: rec.Repo, number: p.Issue.Number, pull: p.Issue.PullRequest != nil, login: p.Comment.User.Login,
	}
	if err := parsed.Err(); err != nil {
		return h.refuse(ctx, r, markdown(err))
	}
	m, err := h.understand(ctx, &r, parsed.Commands)
	var refusal *pipeline.UserError
	switch {
	case errors.As(err, &refusal):
		return h.refuse(ctx, r, report.Refusal(refusal))
	case err != nil:
		return err
	}
	return h.carryOut(ctx, r, m)
}

// carryOut stores what was asked for and says what there is to say. A request is
// reacted to once it was decided on; see Answer.
func (h *Comments) carryOut(ctx context.Context, r request, m meaning) error {
	if len(m.intents) > 0 {
		if err := h.State.PutIntents(ctx, r.rec.ID, m.intents, h.Now()); err != nil {
			return fmt.Errorf("store requests of comment %d: %w", r.Comment, err)
		}
	}
	if err := h.makeDue(ctx, r, m.due); err != nil {
		return err
	}
	if m.answer != "" {
		if err := h.reply(ctx, r, m.answer); err != nil {
			return err
		}
	}
	if len(m.intents) > 0 {
		return nil
	}
	return h.react(ctx, r, Accepted)
}

// makeDue has Warehouses look at their sources now.
func (h *Comments) makeDue(ctx context.Context, r request, warehouses []string) error {
	for _, name := range warehouses {
		w, _ := r.PipelineOf(name).Warehouse(name)
		for _, sub := range w.Subscriptions {
			url := sub.RepoURL()
			switch sub.Kind() {
			case pipeline.GitArtifact:
				if url == "" {
					url = h.CloneURL(r.rec.Repo)
				}
				url = pipeline.NormalizeGitURL(url)
			case pipeline.ImageArtifact:
				url = pipeline.NormalizeImage(url)
			case pipeline.ChartArtifact:
			}
			if _, err := h.Hints.MarkSubscribersDue(ctx, sub.Kind(), url, h.Now()); err != nil {
				return fmt.Errorf("refresh warehouse %s: %w", name, err)
			}
		}
	}
	return nil
}

func (h *Comments) refuse(ctx context.Context, r request, body string) error {
	if err := h.reply(ctx, r, body); err != nil {
		return err
	}
	return h.react(ctx, r, Refused)
}

func (h *Comments) react(ctx context.Context, r request, content Reaction) error {
	if err := h.People.React(ctx, r.place, r.Comment, string(content)); err != nil {
		return fmt.Errorf("react to comment %d: %w", r.Comment, err)
	}
	return nil
}

// reply answers a comment once, however often it is handled.
func (h *Comments) reply(ctx context.Context, r request, body string) error {
	marker := report.ReplyMarker(r.Comment)
	if err := h.People.Reply(ctx, r.place, r.number, marker, marker+"\n"+body); err != nil {
		return fmt.Errorf("reply to comment %d: %w", r.Comment, err)
	}
	return nil
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
