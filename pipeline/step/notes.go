package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// Notes is what can be written down about Freight of a repository.
type Notes interface {
	// Metadata returns what is noted about Freight, nil for nothing.
	Metadata(ctx context.Context, r pipeline.Repo, f pipeline.Freight) (map[string]any, error)
	// Status returns what has become of the Freight of a name, its full id, in the
	// pipeline that a Stage belongs to, by the names that Stages have within it; nil for
	// Freight that there is not.
	Status(ctx context.Context, r pipeline.Repo, stage, freight string) (*FreightStatus, error)
	// SetMetadata sets keys and leaves the others alone; nil removes a key.
	SetMetadata(ctx context.Context, r pipeline.Repo, f pipeline.Freight, values map[string]any) error
	// SetAlias gives Freight another alias; a *pipeline.UserError says why it cannot
	// have that one. That it has it already is no error.
	SetAlias(ctx context.Context, r pipeline.Repo, f pipeline.Freight, alias string) error
}

var errNoNotes = &PermanentError{errors.New("nothing can be written down here")}

// freight returns the Freight of that name, which is its full id, among what the
// Promotion brings or finds in the Stage.
func (e Env) freight(name string) (pipeline.Freight, error) {
	for _, f := range append([]pipeline.Freight{e.Promotion.Freight}, e.Promotion.Collection...) {
		if f.ID == name {
			return f, nil
		}
	}
	return pipeline.Freight{}, &PermanentError{fmt.Errorf("there is no Freight %q in this Promotion", name)}
}
