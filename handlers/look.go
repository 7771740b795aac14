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
	switch {
	case c.Verb == command.VerbWhere:
		return h.where(ctx, r)
	case c.Verb == command.VerbFreight:
		return h.freightList(r, c.Warehouse)
	case len(c.Stages) == 0:
		return h.overview(ctx, r)
	}
	stage := r.Stage(c.Stages[0])
	s, err := h.scope(ctx, r, stage.Name)
	if err != nil {
		return "", err
	}
	if c.Verb == command.VerbStatus {
		return report.Stage(s.Pipeline, s.snap, stage, h.Now()), nil
	}
	id, err := r.FreightID(ctx, c.Freight, stage)
	if err != nil {
		return "", err
	}
	if c.Verb == command.VerbWhy {
		return report.Why(s.Pipeline, s.snap, stage, id, h.Now()), nil
	}
	return h.diff(ctx, r, stage, id)
}

// overview shows every pipeline until the reply is full.
func (h *Comments) overview(ctx context.Context, r *request) (string, error) {
	var b strings.Builder
	for i, p := range r.Pipelines {
		if len(r.Pipelines) > 1 && len(p.Stages)+len(p.Warehouses) == 0 {
			continue // a file that only includes others
		}
		name := p.Name
		if i == 0 {
			name = ""
		}
		s, err := h.scope(ctx, r, name+"/")
		if err != nil {
			return "", err
		}
		text := report.Overview(p, s.snap, nil, h.Now())
		if len(r.Pipelines) > 1 {
			text = "**Pipeline " + report.Text(p.Name) + "**\n\n" + text + "\n"
		}
		if i > 0 && b.Len()+len(text) > maxReply {
			b.WriteString("There is more than fits here: `/kargo status STAGE` shows one Stage.\n")
			break
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// maxReply keeps a reply under GitHub's 65,536 characters.
const maxReply = 60_000

func (h *Comments) freightList(r *request, typed string) (string, error) {
	all := pipeline.Pipeline{Warehouses: r.Warehouses()}
	if typed == "" {
		return report.FreightList(all, r.Snapshot, ""), nil
	}
	name, err := command.ResolveName("Warehouse", r.WarehouseNames(), typed)
	if err != nil {
		return "", err
	}
	return report.FreightList(all, r.Snapshot, name), nil
}

// where is about the change of the pull request commented on; elsewhere about all
// Stages.
func (h *Comments) where(ctx context.Context, r *request) (string, error) {
	p, sha, err := r.Pull(ctx)
	if err != nil {
		return "", err
	}
	var f pipeline.Freight
	switch {
	case p != nil:
		f = p.Freight
	case !r.pull:
		return h.overview(ctx, r)
	case sha == "":
		return "This pull request is not merged, so no Freight holds its change.\n", nil
	default:
		var ok bool
		if f, ok = r.Snapshot.Carrying(sha); !ok {
			return "No Freight holds the change of this pull request yet. It appears once the change is built and discovered.\n", nil
		}
	}
	s, err := h.scope(ctx, r, f.Warehouse)
	if err != nil {
		return "", err
	}
	return report.Where(s.Pipeline, s.snap, f, h.Now()), nil
}

func (h *Comments) diff(ctx context.Context, r *request, stage pipeline.Stage, id string) (string, error) {
	f, ok := r.Snapshot.FreightByID(id)
	if !ok {
		if f = r.Newest(stage); f.ID == "" {
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
	in := r.PipelineOf(stage.Name)
	p := pipeline.Promotion{
		ID: stage.Name + "-0", Repo: r.rec.Repo, Pipeline: in.Name, ConfigSHA: r.Snapshot.ConfigSHA,
		Stage: stage, Vars: in.Vars, Freight: f, Collection: []pipeline.Freight{f},
		Reason: "asked for by " + r.login, Actor: r.login,
	}
	for _, req := range stage.Requests {
		cur, ok := r.Snapshot.Current(stage.Name, req.Origin)
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
