package step

import (
	"context"
	"encoding/json"
	"errors"
)

// Values are the config and the output of compose-output.
type Values map[string]json.RawMessage

func composeOutput() Definition {
	return Define("compose-output", Remote, Doc{
		Summary: "Makes its config its output, with types intact, under any keys: a place to name what later steps need.",
		Example: `
uses: compose-output
as: release
config:
  branch: ${{ outputs.push.branch }}
  url: https://github.com/acme/gitops/tree/${{ outputs.push.branch }}
`,
	}, func(_ context.Context, _ Env, v Values) (Values, error) { return v, nil })
}

// Validate implements the rule that something is composed.
func (v Values) Validate() error {
	if len(v) == 0 {
		return errors.New("at least one key is needed")
	}
	return nil
}
