package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// request is one comment with commands and what they are judged by.
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

// meaning is what commands amount to.
type meaning struct {
	// intents are for Decide to judge.
	intents []pipeline.Intent
	// answer is for the person, empty for none.
	answer string
	// due names the Warehouses to look at now.
	due []string
}

func (m *meaning) add(other meaning) {
	m.intents = append(m.intents, other.intents...)
	m.due = append(m.due, other.due...)
	if m.answer != "" && other.answer != "" {
		m.answer += "\n"
	}
	m.answer += other.answer
}

// understand finds out what commands mean at this moment. One that cannot be
// understood voids them all.
func (h *Comments) understand(ctx context.Context, r *request, commands []command.Command) (meaning, error) {
	if !slices.ContainsFunc(commands, func(c command.Command) bool { return c.Verb != command.VerbHelp }) {
		return meaning{answer: command.Help(command.Verbs())}, nil
	}
	if err := h.load(ctx, r); err != nil {
		return meaning{}, err
	}
	var all meaning
	for _, c := range commands {
		c, err := c.Resolve(r.pipeline.StageNames())
		if err != nil {
			return meaning{}, err
		}
		m, err := h.meaningOf(ctx, r, c)
		if err != nil {
			return meaning{}, err
		}
		all.add(m)
	}
	return all, nil
}

func (h *Comments) meaningOf(ctx context.Context, r *request, c command.Command) (meaning, error) {
	switch c.Verb {
	case command.VerbHelp:
		return meaning{answer: command.Help(command.Verbs())}, nil
	case command.VerbStatus, command.VerbWhere, command.VerbWhy, command.VerbDiff, command.VerbFreight:
		answer, err := h.look(ctx, r, c)
		return meaning{answer: answer}, err
	case command.VerbRefresh:
		return r.refresh(c)
	}
	intents, err := h.ask(ctx, r, c)
	if err != nil {
		return meaning{}, err
	}
	if c.DryRun {
		answer, err := h.tryOut(ctx, r, intents)
		return meaning{answer: answer}, err
	}
	return meaning{intents: intents}, nil
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

// intent completes a request with who made it, where and when. Its id is the same
// however often the comment is handled.
func (r *request) intent(c command.Command, in pipeline.Intent) pipeline.Intent {
	in.ID = fmt.Sprintf("%d:%d", r.comment, c.Line)
	if in.Stage != "" {
		in.ID += ":" + in.Stage
	}
	in.Actor, in.Number, in.Comment, in.ReceivedAt, in.Reason = r.actor, r.number, r.comment, r.received, c.Reason
	return in
}

// batch makes the intents of one command stand or fall together.
func (r *request) batch(c command.Command, intents []pipeline.Intent) []pipeline.Intent {
	if len(intents) < 2 {
		return intents
	}
	for i := range intents {
		intents[i].Batch = fmt.Sprintf("%d:%d", r.comment, c.Line)
		for _, before := range intents[:i] {
			if before.ID == intents[i].ID {
				intents[i].ID += ":" + intents[i].Freight
			}
		}
	}
	return intents
}

// authorizeWarehouse returns a *pipeline.UserError unless the person may promote
// into one of the Stages that take Freight of the Warehouse.
func (r *request) authorizeWarehouse(warehouse string) error {
	stage := pipeline.Stage{Name: warehouse}
	for _, s := range r.pipeline.Stages {
		if _, takes := s.Request(warehouse); !takes {
			continue
		}
		if r.pipeline.Authorize(pipeline.VerbPromote, s, r.actor) == nil {
			return nil
		}
		stage = s
	}
	return r.pipeline.Authorize(pipeline.VerbPromote, stage, r.actor)
}

// refresh means every Warehouse, or the one that is named.
func (r *request) refresh(c command.Command) (meaning, error) {
	var names []string
	for _, w := range r.pipeline.Warehouses {
		names = append(names, w.Name)
	}
	if c.Warehouse != "" {
		name, err := command.ResolveName("Warehouse", names, c.Warehouse)
		if err != nil {
			return meaning{}, err
		}
		names = []string{name}
	}
	for _, name := range names {
		if err := r.authorizeWarehouse(name); err != nil {
			return meaning{}, err
		}
	}
	return meaning{due: names, answer: "Looking for new artifacts in " + report.Text(strings.Join(names, ", ")) + ".\n"}, nil
}
