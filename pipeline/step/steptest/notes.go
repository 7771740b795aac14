package steptest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Notes is what was written down about Freight, by its id.
type Notes struct {
	world *World
	// Values is metadata, Aliases the names that were given.
	Values  map[string]map[string]any
	Aliases map[string]string
	// Marks is what has become of Freight, by its id.
	Marks map[string][]pipeline.Mark
	// Stages is metadata by Stage, with an entry for every Stage that there is.
	Stages map[string]map[string]any
}

var (
	_ step.Notes      = (*Notes)(nil)
	_ step.StageNotes = (*Notes)(nil)
)

// StageMetadata implements step.StageNotes.
func (n *Notes) StageMetadata(ctx context.Context, _ pipeline.Repo, _ string) (map[string]map[string]any, error) {
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	out := map[string]map[string]any{}
	for name, values := range n.Stages {
		out[pipeline.LocalName(name)] = maps.Clone(values)
	}
	return out, ctx.Err()
}

// SetStageMetadata implements step.StageNotes.
func (n *Notes) SetStageMetadata(ctx context.Context, _ pipeline.Repo, stage string, values map[string]any) error {
	if err := errors.Join(ctx.Err(), n.world.fault("set-metadata", false)); err != nil {
		return err
	}
	n.world.mu.Lock()
	all := n.Stages[stage]
	for key, value := range values {
		if value == nil {
			delete(all, key)
		} else if all != nil {
			all[key] = value
		}
	}
	n.world.mu.Unlock()
	if all == nil {
		return step.ErrNotFound
	}
	return n.world.fault("set-metadata", true)
}

// Metadata implements step.Notes.
func (n *Notes) Metadata(ctx context.Context, _ pipeline.Repo, f pipeline.Freight) (map[string]any, error) {
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	return maps.Clone(n.Values[f.ID]), ctx.Err()
}

// Status implements step.Notes. It knows the Freight that has Marks or Values.
func (n *Notes) Status(ctx context.Context, _ pipeline.Repo, _, freight string) (*step.FreightStatus, error) {
	if err := errors.Join(ctx.Err(), n.world.fault("freight-status", false)); err != nil {
		return nil, err
	}
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	if n.Marks[freight] == nil && n.Values[freight] == nil {
		return nil, nil
	}
	return step.StatusOf(n.Marks[freight], maps.Clone(n.Values[freight])), nil
}

// SetMetadata implements step.Notes.
func (n *Notes) SetMetadata(ctx context.Context, _ pipeline.Repo, f pipeline.Freight, values map[string]any) error {
	if err := errors.Join(ctx.Err(), n.world.fault("set-metadata", false)); err != nil {
		return err
	}
	n.world.mu.Lock()
	all := n.Values[f.ID]
	if all == nil {
		all = map[string]any{}
		n.Values[f.ID] = all
	}
	for key, value := range values {
		if value == nil {
			delete(all, key)
		} else {
			all[key] = value
		}
	}
	n.world.mu.Unlock()
	return n.world.fault("set-metadata", true)
}

// SetAlias implements step.Notes.
func (n *Notes) SetAlias(ctx context.Context, _ pipeline.Repo, f pipeline.Freight, alias string) error {
	if err := errors.Join(ctx.Err(), n.world.fault("set-alias", false)); err != nil {
		return err
	}
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	for id, other := range n.Aliases {
		if other == alias && id != f.ID {
			return &pipeline.UserError{Message: fmt.Sprintf("other Freight is called %s", alias)}
		}
	}
	n.Aliases[f.ID] = alias
	return nil
}
