package bind

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

// Scene is what one comment is about and what its commands are bound to.
type Scene struct {
	// Pipelines are the root pipeline and the included ones.
	Pipelines []pipeline.Pipeline
	// Snapshot is the state of all of them, except that a freeze is one pipeline's.
	Snapshot pipeline.Snapshot
	// Comment is the comment's id, Number its issue or pull request; Elsewhere replaces
	// Number where that is not of the pipelines' repository.
	Comment   int64
	Number    int
	Elsewhere pipeline.Place
	// Received is when the comment was made, Now when it is bound.
	Received, Now time.Time
	// Pull returns the Promotion whose pull request was commented on, or the commit that
	// the pull request left on its base; neither for an issue and for a pull request that
	// is not merged. It is called only by commands that depend on it.
	Pull func(context.Context) (*pipeline.Promotion, string, error)
	// Image resolves an image that no Warehouse subscribes to, for Freight of a
	// Warehouse; nil demands a digest.
	Image func(ctx context.Context, warehouse string, i pipeline.Image) (pipeline.Image, error)
}

// PipelineOf returns the pipeline that a Stage, Warehouse or Promotion belongs to by
// its qualified name, the root pipeline if there is none.
func (s *Scene) PipelineOf(qualified string) pipeline.Pipeline {
	name := pipeline.Qualifier(qualified)
	for i := range s.Pipelines {
		if i > 0 && s.Pipelines[i].Name == name {
			return s.Pipelines[i]
		}
	}
	return s.Pipelines[0]
}

// Stage returns the Stage of that name, the zero one for none.
func (s *Scene) Stage(name string) pipeline.Stage {
	stage, _ := s.PipelineOf(name).Stage(name)
	return stage
}

// StageNames returns the qualified names of all Stages, in the order of the files.
func (s *Scene) StageNames() []string {
	var names []string
	for _, p := range s.Pipelines {
		names = append(names, p.StageNames()...)
	}
	return names
}

// Warehouses returns all Warehouses, in the order of the files.
func (s *Scene) Warehouses() []pipeline.Warehouse {
	var all []pipeline.Warehouse
	for _, p := range s.Pipelines {
		all = append(all, p.Warehouses...)
	}
	return all
}

// WarehouseNames returns the qualified names of all Warehouses.
func (s *Scene) WarehouseNames() []string {
	var names []string
	for _, w := range s.Warehouses() {
		names = append(names, w.Name)
	}
	return names
}

// Resolve settles what the names in a command mean among the Stages and the Freight
// that there are; see [command.Command.Resolve].
func (s *Scene) Resolve(c command.Command) (command.Command, error) {
	isFreight := func(word string) bool {
		_, refusal := s.Snapshot.ResolveFreight(word)
		return refusal == nil
	}
	return c.NamingFreight(s.StageNames(), isFreight).Resolve(s.StageNames())
}

// Refreshed returns the names of the Warehouses that a command to refresh means: every
// one, or the one that it names.
func (s *Scene) Refreshed(c command.Command) ([]string, error) {
	names := s.WarehouseNames()
	if c.Warehouse == "" {
		return names, nil
	}
	name, err := command.ResolveName("Warehouse", names, c.Warehouse)
	if err != nil {
		return nil, err
	}
	return []string{name}, nil
}

// Concern returns a name in the pipeline that a request is about.
func (s *Scene) Concern(in pipeline.Intent) string {
	if name := in.Names(); name != "" {
		return name
	}
	if in.Freight != "" {
		f, _ := s.Snapshot.FreightByID(in.Freight)
		return f.Warehouse
	}
	return in.Pipeline + "/"
}

// pipelineNamed returns the pipeline that a person means by its name: the one that
// is named, else that of the pull request's Promotion, else the only one there is.
func (s *Scene) pipelineNamed(ctx context.Context, typed string) (string, error) {
	names := make([]string, len(s.Pipelines))
	for i, p := range s.Pipelines {
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
	p, _, err := s.Pull(ctx)
	if err != nil {
		return "", err
	}
	if p != nil {
		return pipeline.Qualifier(p.Stage.Name), nil
	}
	return "", &pipeline.UserError{Message: "this repository has several pipelines", Hint: "name one of " + strings.Join(names, ", ")}
}

// intent completes a request with where and when it was made. Its id is the same
// however often the comment is handled.
func (s *Scene) intent(c command.Command, in pipeline.Intent) pipeline.Intent {
	in.ID = fmt.Sprintf("%d:%d", s.Comment, c.Line)
	if in.Stage != "" {
		in.ID += ":" + in.Stage
	}
	in.Number, in.Elsewhere = s.Number, s.Elsewhere
	in.Comment, in.ReceivedAt, in.Reason = s.Comment, s.Received, c.Reason
	return in
}

// batch makes the requests of one command stand or fall together, as far as they
// are about one pipeline.
func (s *Scene) batch(c command.Command, intents []pipeline.Intent) []pipeline.Intent {
	if len(intents) < 2 {
		return intents
	}
	for i := range intents {
		intents[i].Batch = fmt.Sprintf("%d:%d", s.Comment, c.Line)
		if slices.ContainsFunc(intents[:i], func(before pipeline.Intent) bool { return before.ID == intents[i].ID }) {
			intents[i].ID += ":" + intents[i].Freight
		}
	}
	return intents
}
