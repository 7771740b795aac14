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
	// rec is the repository whose pipelines are meant, place the one that was commented
	// in, which may be another.
	rec   store.RepoRecord
	place pipeline.Repo
	// pipelines are the root pipeline and the included ones.
	pipelines []pipeline.Pipeline
	// snap is the state of all of them, except that a freeze is one pipeline's.
	snap     pipeline.Snapshot
	number   int
	pull     bool
	comment  int64
	login    string
	received time.Time
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
	r.pipelines = append([]pipeline.Pipeline{*rec.Config.Pipeline}, rec.Config.Included...)
	r.snap, err = h.snapshot(ctx, rec)
	return err
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
	s := scope{Pipeline: r.pipelineOf(qualified), snap: r.snap}
	if name := store.PipelineOf(qualified); name != "" {
		var err error
		if s.snap.Freeze, err = h.State.Freeze(ctx, r.rec.ID, name); err != nil {
			return scope{}, fmt.Errorf("load freeze of %s: %w", name, err)
		}
	}
	return s, nil
}

func (r *request) pipelineOf(qualified string) pipeline.Pipeline {
	name := store.PipelineOf(qualified)
	for i := range r.pipelines {
		if i > 0 && r.pipelines[i].Name == name {
			return r.pipelines[i]
		}
	}
	return r.pipelines[0]
}

func (r *request) stage(name string) pipeline.Stage {
	stage, _ := r.pipelineOf(name).Stage(name)
	return stage
}

func (r *request) stageNames() []string {
	var names []string
	for _, p := range r.pipelines {
		names = append(names, p.StageNames()...)
	}
	return names
}

func (r *request) warehouses() []pipeline.Warehouse {
	var all []pipeline.Warehouse
	for _, p := range r.pipelines {
		all = append(all, p.Warehouses...)
	}
	return all
}

func (r *request) warehouseNames() []string {
	var names []string
	for _, w := range r.warehouses() {
		names = append(names, w.Name)
	}
	return names
}

// identify looks up what the person may do, as far as the pipelines ask that some
// Stages, Warehouses or Promotions belong to by their names.
func (h *Comments) identify(ctx context.Context, r *request, qualified ...string) (pipeline.Actor, error) {
	var teams, seen []string
	for _, q := range qualified {
		if name := store.PipelineOf(q); !slices.Contains(seen, name) {
			seen = append(seen, name)
			teams = append(teams, r.pipelineOf(q).Teams()...)
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
		concerned = append(concerned, r.concern(in))
	}
	actor, err := h.identify(ctx, r, concerned...)
	for i := range intents {
		intents[i].Actor = actor
	}
	return err
}

// concern returns a name in the pipeline that a request is about.
func (r *request) concern(in pipeline.Intent) string {
	switch {
	case in.Stage != "":
		return in.Stage
	case in.Promotion != "":
		return in.Promotion
	case in.New != nil:
		return in.New.Warehouse
	case in.Freight != "":
		f, _ := r.snap.FreightByID(in.Freight)
		return f.Warehouse
	}
	return in.Pipeline + "/"
}

// intent completes a request with where and when it was made. Its id is the same
// however often the comment is handled.
func (r *request) intent(c command.Command, in pipeline.Intent) pipeline.Intent {
	in.ID = fmt.Sprintf("%d:%d", r.comment, c.Line)
	if in.Stage != "" {
		in.ID += ":" + in.Stage
	}
	in.Number, in.Comment, in.ReceivedAt, in.Reason = r.number, r.comment, r.received, c.Reason
	if r.elsewhere() {
		in.Number, in.Elsewhere = 0, pipeline.Place{Repo: r.place, Number: r.number}
	}
	return in
}

// batch makes the requests of one command stand or fall together, as far as they
// are about one pipeline.
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
func (r *request) authorizeWarehouse(warehouse string, a pipeline.Actor) error {
	p := r.pipelineOf(warehouse)
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

// pipelineNamed returns the pipeline that a person means by its name: the one that
// is named, else that of the pull request's Promotion, else the only one there is.
func (h *Comments) pipelineNamed(ctx context.Context, r *request, typed string) (string, error) {
	names := make([]string, len(r.pipelines))
	for i, p := range r.pipelines {
		names[i] = p.Name
	}
	if typed != "" {
		name, err := command.ResolveName("pipeline", names, typed)
		if err != nil || name == names[0] {
			return "", err
		}
		return name, nil
	}
	if len(names) == 1 {
		return "", nil
	}
	p, _, err := h.pullOf(ctx, r)
	if err != nil {
		return "", err
	}
	if p != nil {
		return store.PipelineOf(p.Stage.Name), nil
	}
	return "", &pipeline.UserError{Message: "this repository has several pipelines", Hint: "name one of " + strings.Join(names, ", ")}
}
