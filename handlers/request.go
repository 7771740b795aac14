package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/handlers/bind"
	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// request is one comment with commands and what they are judged by.
type request struct {
	bind.Scene
	// rec is the repository whose pipelines are meant, place the one that was commented
	// in, which may be another.
	rec   store.RepoRecord
	place pipeline.Repo
	// number is the issue or pull request in place that was commented on.
	number int
	pull   bool
	login  string
}

// load reads what commands are judged by. A repository whose configuration was
// not read yet is read first.
func (h *Comments) load(ctx context.Context, r *request, commands []command.Command) error {
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
	if rec.Config.Pipeline == nil && rec.Config.SeenBlob == "" && r.pull && h.Carriers != nil {
		return h.findElsewhere(ctx, r, commands)
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
	snap, err := h.snapshot(ctx, rec)
	h.settle(r, rec, snap)
	return err
}

// settle says which repository's pipelines a request is about.
func (h *Comments) settle(r *request, rec store.RepoRecord, snap pipeline.Snapshot) {
	r.rec, r.Snapshot = rec, snap
	r.Pipelines = append([]pipeline.Pipeline{*rec.Config.Pipeline}, rec.Config.Included...)
	r.Number, r.Now = r.number, h.Now()
	if r.elsewhere() {
		r.Number, r.Elsewhere = 0, pipeline.Place{Repo: r.place, Number: r.number}
	}
	r.Pull = func(ctx context.Context) (*pipeline.Promotion, string, error) { return h.pullOf(ctx, r) }
	if h.Registry != nil {
		r.Image = func(ctx context.Context, warehouse string, i pipeline.Image) (pipeline.Image, error) {
			return h.image(ctx, r, warehouse, i)
		}
	}
}

// pullOf is [bind.Scene.Pull].
func (h *Comments) pullOf(ctx context.Context, r *request) (*pipeline.Promotion, string, error) {
	if !r.pull {
		return nil, "", nil
	}
	if !r.elsewhere() {
		p, err := h.State.PromotionByPull(ctx, r.rec.ID, r.number)
		if err == nil {
			return &p, "", nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, "", fmt.Errorf("find promotion of pull request %d: %w", r.number, err)
		}
	}
	sha, err := h.People.MergeCommit(ctx, r.place, r.number)
	if err != nil {
		return nil, "", fmt.Errorf("read pull request %d: %w", r.number, err)
	}
	return nil, sha, nil
}

// image is [bind.Scene.Image]. A registry that a stranger names is not asked anything.
func (h *Comments) image(ctx context.Context, r *request, warehouse string, i pipeline.Image) (pipeline.Image, error) {
	actor, err := h.identify(ctx, r, warehouse)
	if err != nil {
		return i, err
	}
	if err := r.PipelineOf(warehouse).Authorize(pipeline.VerbPromote, pipeline.Stage{}, actor); err != nil {
		return i, err
	}
	ref := i.Digest
	if ref == "" {
		ref = i.Tag
	}
	return h.Registry.Image(ctx, r.rec, i.RepoURL, ref)
}

// snapshot loads the state of all pipelines of a repository.
func (h *Comments) snapshot(ctx context.Context, rec store.RepoRecord) (pipeline.Snapshot, error) {
	s, err := h.State.Snapshot(ctx, rec.ID)
	if err != nil {
		return s, fmt.Errorf("load state of %s: %w", rec.Repo, err)
	}
	if h.Unstarted != nil {
		s.Unstarted = h.Unstarted(rec.ID)
	}
	return s, nil
}

// scope is one pipeline and its state.
type scope struct {
	pipeline.Pipeline
	snap pipeline.Snapshot
}

// scope returns the pipeline that a Stage, Warehouse or Promotion belongs to by
// its name. Names are qualified, so that the state of the others does no harm.
func (h *Comments) scope(ctx context.Context, r *request, qualified string) (scope, error) {
	s := scope{Pipeline: r.PipelineOf(qualified), snap: r.Snapshot}
	if name := pipeline.Qualifier(qualified); name != "" {
		var err error
		if s.snap.Freeze, err = h.State.Freeze(ctx, r.rec.ID, name); err != nil {
			return scope{}, fmt.Errorf("load freeze of %s: %w", name, err)
		}
	}
	return s, nil
}

// identify looks up what the person may do, as far as the pipelines ask that some
// Stages, Warehouses or Promotions belong to by their names.
func (h *Comments) identify(ctx context.Context, r *request, qualified ...string) (pipeline.Actor, error) {
	var teams, seen []string
	for _, q := range qualified {
		if name := pipeline.Qualifier(q); !slices.Contains(seen, name) {
			seen = append(seen, name)
			teams = append(teams, r.PipelineOf(q).Teams()...)
		}
	}
	slices.Sort(teams)
	actor, err := h.People.Permission(ctx, r.rec.Repo, r.login, slices.Compact(teams))
	if err != nil {
		return actor, fmt.Errorf("look up permission of %s: %w", r.login, err)
	}
	return actor, nil
}

// sign says in requests who made them.
func (h *Comments) sign(ctx context.Context, r *request, intents []pipeline.Intent) error {
	var concerned []string
	for _, in := range intents {
		concerned = append(concerned, r.Concern(in))
	}
	actor, err := h.identify(ctx, r, concerned...)
	for i := range intents {
		intents[i].Actor = actor
	}
	return err
}

// authorizeWarehouse returns a *pipeline.UserError unless the person may promote
// into one of the Stages that take Freight of the Warehouse.
func (r *request) authorizeWarehouse(warehouse string, a pipeline.Actor) error {
	p := r.PipelineOf(warehouse)
	var refusal error
	for _, s := range p.Stages {
		if _, takes := s.Request(warehouse); !takes {
			continue
		}
		if refusal = p.Authorize(pipeline.VerbPromote, s, a); refusal == nil {
			return nil
		}
	}
	if refusal == nil {
		return p.Authorize(pipeline.VerbPromote, pipeline.Stage{}, a)
	}
	return refusal
}
