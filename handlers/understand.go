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

// understand turns commands into intents and the text of an answer. One command
// that cannot be understood voids them all.
func (h *Comments) understand(ctx context.Context, r *request, commands []command.Command) ([]pipeline.Intent, string, error) {
	if !slices.ContainsFunc(commands, func(c command.Command) bool { return c.Verb != command.VerbHelp }) {
		return nil, command.Help(command.Verbs()), nil
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
			answers = append(answers, command.Help(command.Verbs()))
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
	freight, err := h.freight(ctx, r, c.Freight)
	if err != nil {
		return nil, err
	}
	var intents []pipeline.Intent
	for _, name := range c.Stages {
		intents = append(intents, r.intent(c, pipeline.Intent{Kind: pipeline.IntentPromote, Stage: name, Freight: freight}))
	}
	return intents, nil
}

func (h *Comments) why(ctx context.Context, r *request, c command.Command) (string, error) {
	stage, _ := r.pipeline.Stage(c.Stages[0])
	id, err := h.freight(ctx, r, c.Freight)
	if err != nil {
		return "", err
	}
	return report.Why(r.pipeline, r.snap, stage, id, h.Now()), nil
}

// freight finds the id of the Freight that a command means at this moment; ""
// means the candidate.
func (h *Comments) freight(ctx context.Context, r *request, ref command.FreightRef) (string, error) {
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
	default: // a name, whatever its form
		f, refusal := r.snap.ResolveFreight(ref.Text)
		if refusal != nil {
			return "", refusal
		}
		return f.ID, nil
	}
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
