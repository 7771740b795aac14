package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// notes writes down what steps say about Freight.
type notes struct {
	db  *sqlite.DB
	now func() time.Time
}

var (
	_ step.Notes      = notes{}
	_ step.StageNotes = notes{}
)

// Metadata implements step.Notes.
func (n notes) Metadata(ctx context.Context, r pipeline.Repo, f pipeline.Freight) (map[string]any, error) {
	values, err := n.db.FreightMetadata(ctx, r.ID, f.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // of Freight that was deleted nothing is known
	}
	return values, err
}

// Status implements step.Notes.
func (n notes) Status(ctx context.Context, r pipeline.Repo, stage, freight string) (*step.FreightStatus, error) {
	marks, metadata, err := n.db.FreightMarks(ctx, r.ID, pipeline.Qualifier(stage), freight)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // nobody knows of such Freight
	}
	if err != nil {
		return nil, err
	}
	return step.StatusOf(marks, metadata), nil
}

// SetMetadata implements step.Notes.
func (n notes) SetMetadata(ctx context.Context, r pipeline.Repo, f pipeline.Freight, values map[string]any) error {
	err := n.db.PutFreightMetadata(ctx, r.ID, f.ID, values)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("freight %s: %w", f.Alias, step.ErrNotFound)
	}
	return err
}

// SetAlias implements step.Notes.
func (n notes) SetAlias(ctx context.Context, r pipeline.Repo, f pipeline.Freight, alias string) error {
	name := pipeline.Qualifier(f.Warehouse)
	snap, err := n.db.PipelineSnapshot(ctx, r.ID, name)
	if err != nil {
		return err
	}
	known, ok := snap.FreightByID(f.ID)
	if !ok {
		return fmt.Errorf("freight %s: %w", f.Alias, step.ErrNotFound)
	}
	if known.Alias == alias {
		return nil
	}
	for _, other := range snap.Freight {
		if strings.EqualFold(other.Alias, alias) && other.ID != f.ID {
			return taken(alias)
		}
	}
	applied, err := n.db.ApplyPipeline(ctx, r.ID, name, []pipeline.Action{pipeline.RenameFreight{Freight: f.ID, Alias: alias}}, n.now())
	if err == nil && !applied.Changed {
		return taken(alias) // by somebody who was quicker
	}
	return err
}

func taken(alias string) error {
	return &pipeline.UserError{Message: fmt.Sprintf("other Freight is called %s already", alias)}
}

// StageMetadata implements step.StageNotes.
func (n notes) StageMetadata(ctx context.Context, r pipeline.Repo, stage string) (map[string]map[string]any, error) {
	all, err := n.db.StageMetadata(ctx, r.ID, pipeline.Qualifier(stage))
	if err != nil {
		return nil, err
	}
	local := make(map[string]map[string]any, len(all))
	for name, values := range all {
		local[pipeline.LocalName(name)] = values
	}
	return local, nil
}

// SetStageMetadata implements step.StageNotes.
func (n notes) SetStageMetadata(ctx context.Context, r pipeline.Repo, stage string, values map[string]any) error {
	rec, err := n.db.Repo(ctx, r.ID)
	if err != nil {
		return err
	}
	p, known := pipelineOf(rec.Config, stage)
	if _, declared := p.Stage(stage); !known || !declared {
		return fmt.Errorf("stage %s: %w", stage, step.ErrNotFound)
	}
	return n.db.PutStageMetadata(ctx, r.ID, stage, values)
}
