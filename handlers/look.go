package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// look answers a command that changes nothing.
func (h *Comments) look(ctx context.Context, r *request, c command.Command) (string, error) {
	switch c.Verb {
	case command.VerbWhere:
		return h.where(ctx, r)
	case command.VerbFreight:
		name := c.Warehouse
		if name != "" {
			var all []string
			for _, w := range r.pipeline.Warehouses {
				all = append(all, w.Name)
			}
			var err error
			if name, err = command.ResolveName("Warehouse", all, name); err != nil {
				return "", err
			}
		}
		return report.FreightList(r.pipeline, r.snap, name), nil
	}
	if len(c.Stages) == 0 {
		return report.Overview(r.pipeline, r.snap, nil, h.Now()), nil
	}
	stage, _ := r.pipeline.Stage(c.Stages[0])
	if c.Verb == command.VerbStatus {
		return report.Stage(r.pipeline, r.snap, stage, h.Now()), nil
	}
	id, err := h.freight(ctx, r, c.Freight, stage)
	if err != nil {
		return "", err
	}
	if c.Verb == command.VerbWhy {
		return report.Why(r.pipeline, r.snap, stage, id, h.Now()), nil
	}
	return h.diff(ctx, r, stage, id)
}

// where is about the change of the pull request commented on; elsewhere about all
// Stages.
func (h *Comments) where(ctx context.Context, r *request) (string, error) {
	p, sha, err := h.pullOf(ctx, r)
	if err != nil {
		return "", err
	}
	var f pipeline.Freight
	switch {
	case p != nil:
		f = p.Freight
	case !r.pull:
		return report.Overview(r.pipeline, r.snap, nil, h.Now()), nil
	case sha == "":
		return "This pull request is not merged, so no Freight holds its change.\n", nil
	default:
		var ok bool
		if f, ok = r.snap.Carrying(sha); !ok {
			return "No Freight holds the change of this pull request yet. It appears once the change is built and discovered.\n", nil
		}
	}
	return report.Journey(r.pipeline, r.snap, f, h.Now()), nil
}

func (h *Comments) diff(ctx context.Context, r *request, stage pipeline.Stage, id string) (string, error) {
	f, ok := r.snap.FreightByID(id)
	if !ok {
		if f = r.newest(stage); f.ID == "" {
			return "", &pipeline.UserError{Message: fmt.Sprintf("there is no Freight yet for Stage %q", stage.Name), Hint: "/kargo freight"}
		}
	}
	if stage.ControlFlow() {
		return "", &pipeline.UserError{Message: fmt.Sprintf("Stage %q only routes Freight and changes nothing", stage.Name)}
	}
	p := r.imagined(stage, f)
	change, err := h.preview(ctx, r, p)
	if err != nil {
		return "", err
	}
	return report.Diff(&p, change), nil
}

// imagined is a Promotion that nobody asked for.
func (r *request) imagined(stage pipeline.Stage, f pipeline.Freight) pipeline.Promotion {
	p := pipeline.Promotion{
		ID: stage.Name + "-0", Repo: r.rec.Repo, Pipeline: r.pipeline.Name, ConfigSHA: r.snap.ConfigSHA,
		Stage: stage, Vars: r.pipeline.Vars, Freight: f, Collection: []pipeline.Freight{f},
		Reason: "asked for by " + r.actor.Login, Actor: r.actor.Login,
	}
	for _, req := range stage.Requests {
		cur, ok := r.snap.Current(stage.Name, req.Origin)
		switch {
		case !ok:
		case req.Origin == f.Warehouse:
			p.Previous = &cur
		default:
			p.Collection = append(p.Collection, cur)
		}
	}
	return pipeline.NewPromotion(p)
}

// preview says what a Promotion would do to files, or why that is not known. Only
// what may succeed later is an error.
func (h *Comments) preview(ctx context.Context, r *request, p pipeline.Promotion) (report.Change, error) {
	if h.Previewer == nil {
		return report.Change{}, nil
	}
	effect, err := h.Previewer.Preview(ctx, r.rec, p)
	var obstacle *pipeline.UserError
	_, transient := pipeline.IsTransient(err)
	switch {
	case err == nil:
		return report.Change{Known: true, Effect: effect}, nil
	case errors.As(err, &obstacle):
		return report.Change{Obstacle: obstacle.Error()}, nil
	case transient || ctx.Err() != nil:
		return report.Change{}, fmt.Errorf("preview %s: %w", p.Stage.Name, err)
	}
	h.Log.WarnContext(ctx, "change not previewed", "repo", r.rec.Repo.String(), "stage", p.Stage.Name, "freight", p.Freight.ID, "err", err)
	return report.Change{Obstacle: "internal error"}, nil
}

// tryOut says what Decide would make of requests, without making them.
func (h *Comments) tryOut(ctx context.Context, r *request, intents []pipeline.Intent) (string, error) {
	s := r.snap
	s.Intents = intents
	trials := map[string]*report.Trial{}
	for _, in := range intents {
		trials[in.ID] = &report.Trial{}
	}
	for _, action := range pipeline.Decide(r.pipeline, s, h.Now()) {
		switch a := action.(type) {
		case pipeline.StartPromotion:
			if t, ok := trials[a.Intent]; ok {
				t.Promotion = &a.Promotion
			}
		case pipeline.RefuseIntent:
			if t, ok := trials[a.Intent]; ok {
				t.Refusal = a.Err
			}
		}
	}
	var answers []string
	for _, in := range intents {
		t := trials[in.ID]
		stage, _ := r.pipeline.Stage(in.Stage)
		f, known := r.snap.FreightByID(in.Freight)
		if !known {
			f = r.newest(stage)
		}
		current := r.imagined(stage, f)
		switch {
		case t.Promotion != nil:
			t.Promotion.Previous = current.Previous
		case f.ID == "" || stage.ControlFlow():
			if t.Refusal == nil {
				return "", fmt.Errorf("dry run of %s into %s came to no end", in.Freight, in.Stage)
			}
			return "", t.Refusal
		default:
			t.Promotion = &current
		}
		var err error
		if t.Change, err = h.preview(ctx, r, *t.Promotion); err != nil {
			return "", err
		}
		answers = append(answers, report.DryRun(r.pipeline, r.snap, *t, h.Now()))
	}
	return strings.Join(answers, "\n"), nil
}
