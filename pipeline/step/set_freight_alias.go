package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// SetFreightAliasConfig configures set-freight-alias.
type SetFreightAliasConfig struct {
	Name  string `json:"name" doc:"the Freight's name, such as ${{ ctx.targetFreight.name }}"`
	Alias string `json:"alias" doc:"what to call it from now on"`
}

func setFreightAlias() Definition {
	return Define("set-freight-alias", Remote, Doc{
		Summary: `Gives Freight another alias, which no other Freight of the pipeline may have.

An alias is 1 to 63 lower-case letters, digits and dashes. Only Freight that the
Promotion brings or finds in the Stage can be renamed.`,
		Example: `
uses: set-freight-alias
as: rename
config:
  name: ${{ ctx.targetFreight.name }}
  alias: release-42
`,
	}, runSetFreightAlias)
}

// Validate implements the rules beyond types.
func (c SetFreightAliasConfig) Validate() error {
	if c.Name == "" {
		return errors.New("name must not be empty")
	}
	if err := pipeline.CheckAlias(c.Alias); err != nil {
		return errors.New(err.Message)
	}
	return nil
}

func runSetFreightAlias(ctx context.Context, env Env, c SetFreightAliasConfig) (none, error) {
	if env.Notes == nil {
		return nil, errNoNotes
	}
	f, err := env.freight(c.Name)
	if err != nil {
		return nil, err
	}
	err = env.Notes.SetAlias(ctx, env.Promotion.Repo, f, c.Alias)
	var refused *pipeline.UserError
	if errors.As(err, &refused) {
		return nil, &FailedError{Err: errors.New(refused.Message), Terminal: true}
	}
	if err != nil {
		return nil, fmt.Errorf("rename %s: %w", f.Alias, err)
	}
	return nil, nil
}
