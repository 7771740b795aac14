package handlers

import (
	"context"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

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
	if err := h.load(ctx, r, commands); err != nil {
		return meaning{}, err
	}
	var all meaning
	for _, c := range commands {
		c, err := r.Resolve(r.statusOf(c))
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

// statusOf turns the status of what is no Stage but a Warehouse into a look at that.
func (r *request) statusOf(c command.Command) command.Command {
	if c.Verb != command.VerbStatus || len(c.Stages) == 0 {
		return c
	}
	if _, err := c.Resolve(r.StageNames()); err == nil {
		return c
	}
	if name, err := command.ResolveName("Warehouse", r.WarehouseNames(), c.Stages[0]); err == nil {
		return command.Command{Verb: command.VerbFreight, Line: c.Line, Warehouse: name}
	}
	return c
}

func (h *Comments) meaningOf(ctx context.Context, r *request, c command.Command) (meaning, error) {
	switch c.Verb {
	case command.VerbHelp:
		return meaning{answer: command.Help(command.Verbs())}, nil
	case command.VerbStatus, command.VerbWhere, command.VerbWhy, command.VerbDiff, command.VerbFreight:
		answer, err := h.look(ctx, r, c)
		return meaning{answer: answer}, err
	case command.VerbRefresh:
		return h.refresh(ctx, r, c)
	}
	intents, err := r.Bind(ctx, c)
	if err != nil {
		return meaning{}, err
	}
	if err := h.sign(ctx, r, intents); err != nil {
		return meaning{}, err
	}
	if c.DryRun {
		answer, err := h.tryOut(ctx, r, intents)
		return meaning{answer: answer}, err
	}
	return meaning{intents: intents}, nil
}

// refresh means every Warehouse, or the one that is named.
func (h *Comments) refresh(ctx context.Context, r *request, c command.Command) (meaning, error) {
	names, err := r.Refreshed(c)
	if err != nil {
		return meaning{}, err
	}
	actor, err := h.identify(ctx, r, names...)
	if err != nil {
		return meaning{}, err
	}
	for _, name := range names {
		if err := r.authorizeWarehouse(name, actor); err != nil {
			return meaning{}, err
		}
	}
	return meaning{due: names, answer: "Looking for new artifacts in " + report.Text(strings.Join(names, ", ")) + ".\n"}, nil
}
