package trial

import (
	"context"
	"fmt"
	"maps"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// notes keeps in memory what steps note about Freight.
type notes struct {
	// values and aliases are by the Freight's name. set says what was noted here.
	values  map[string]map[string]any
	aliases map[string]string
	set     map[string]map[string]any
	named   map[string]string
}

var _ step.Notes = (*notes)(nil)

func newNotes(freight []pipeline.Freight) *notes {
	n := &notes{values: map[string]map[string]any{}, aliases: map[string]string{}, set: map[string]map[string]any{}, named: map[string]string{}}
	for _, f := range freight {
		n.values[f.ID], n.aliases[f.ID] = maps.Clone(f.Metadata), f.Alias
	}
	return n
}

// Metadata implements [step.Notes].
func (n *notes) Metadata(_ context.Context, _ pipeline.Repo, f pipeline.Freight) (map[string]any, error) {
	return maps.Clone(n.values[f.ID]), nil
}

// Status implements [step.Notes]: nothing has become of Freight that is tried. What a
// context says takes its place.
func (n *notes) Status(_ context.Context, _ pipeline.Repo, _, freight string) (*step.FreightStatus, error) {
	values, ok := n.values[freight]
	if !ok {
		return nil, nil
	}
	return step.StatusOf(nil, maps.Clone(values)), nil
}

// SetMetadata implements [step.Notes].
func (n *notes) SetMetadata(_ context.Context, _ pipeline.Repo, f pipeline.Freight, values map[string]any) error {
	if n.values[f.ID] == nil {
		n.values[f.ID] = map[string]any{}
	}
	if n.set[f.ID] == nil {
		n.set[f.ID] = map[string]any{}
	}
	for key, value := range values {
		n.set[f.ID][key] = value
		if value == nil {
			delete(n.values[f.ID], key)
			continue
		}
		n.values[f.ID][key] = value
	}
	return nil
}

// SetAlias implements [step.Notes].
func (n *notes) SetAlias(_ context.Context, _ pipeline.Repo, f pipeline.Freight, alias string) error {
	for id, other := range n.aliases {
		if other == alias && id != f.ID {
			return &pipeline.UserError{Message: fmt.Sprintf("other Freight is called %s", alias)}
		}
	}
	n.aliases[f.ID], n.named[f.ID] = alias, alias
	return nil
}
