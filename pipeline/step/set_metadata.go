package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// SetMetadataConfig configures set-metadata.
type SetMetadataConfig struct {
	Updates []MetadataUpdate `json:"updates" doc:"what to note, in order"`
}

// MetadataUpdate is one entry of a SetMetadataConfig.
type MetadataUpdate struct {
	Kind   string `json:"kind" doc:"Freight or Stage"`
	Name   string `json:"name" doc:"its name, such as ${{ ctx.targetFreight.name }} or ${{ ctx.stage }}"`
	Values Values `json:"values" doc:"keys and their values; null removes a key"`
}

// maxMetadata bounds what one update notes, in bytes.
const maxMetadata = 16 << 10

func setMetadata() Definition {
	return Define("set-metadata", Remote, Doc{
		Summary: `Notes values about Freight or Stages, for expressions to read by ` + "`freightMetadata(name)`" + ` and
` + "`stageMetadata(name)`" + `: in later steps, and in other Stages.

Updates are made in order. A key that is there is replaced as a whole, other keys stay.
Only Freight that the Promotion brings or finds in the Stage can be written about, and
Stages of its own pipeline; after one that does not exist the earlier updates stay.`,
		Example: `
uses: set-metadata
as: note
config:
  updates:
    - kind: Freight
      name: ${{ ctx.targetFreight.name }}
      values:
        ticket: OPS-7
`,
	}, runSetMetadata)
}

// Validate implements the rules beyond types.
func (c SetMetadataConfig) Validate() error {
	if len(c.Updates) == 0 {
		return errors.New("updates must not be empty")
	}
	var errs []error
	for i, u := range c.Updates {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("updates[%d]."+format, append([]any{i}, args...)...))
		}
		switch u.Kind {
		case "Freight", "Stage":
		default:
			bad("kind %q: want Freight or Stage", u.Kind)
		}
		if u.Name == "" {
			bad("name must not be empty")
		}
		size := 0
		for key, value := range u.Values {
			size += len(key) + len(value)
		}
		if len(u.Values) == 0 || size > maxMetadata {
			bad("values: want at least one, and %d bytes at most", maxMetadata)
		}
	}
	return errors.Join(errs...)
}

func runSetMetadata(ctx context.Context, env Env, c SetMetadataConfig) (none, error) {
	for _, u := range c.Updates {
		values := make(map[string]any, len(u.Values))
		for key, raw := range u.Values {
			var value any
			if err := json.Unmarshal(raw, &value); err != nil {
				return nil, &PermanentError{fmt.Errorf("value of %s: %w", key, err)}
			}
			values[key] = value
		}
		if err := env.note(ctx, u, values); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (e Env) note(ctx context.Context, u MetadataUpdate, values map[string]any) error {
	if e.Notes == nil || u.Kind == "Stage" && e.StageNotes == nil {
		return errNoNotes
	}
	if u.Kind == "Stage" {
		if err := e.StageNotes.SetStageMetadata(ctx, e.Promotion.Repo, e.sibling(u.Name), values); err != nil {
			return fmt.Errorf("note about Stage %s: %w", u.Name, err)
		}
		return nil
	}
	f, err := e.freight(u.Name)
	if err != nil {
		return err
	}
	if err := e.Notes.SetMetadata(ctx, e.Promotion.Repo, f, values); err != nil {
		return fmt.Errorf("note about %s: %w", f.Alias, err)
	}
	return nil
}
