package step

import (
	"cmp"
	"context"
	"errors"
)

// FailConfig configures fail.
type FailConfig struct {
	Message string `json:"message,omitempty" doc:"why"`
}

func fail() Definition {
	return Define("fail", Remote, Doc{
		Summary: "Fails, for good. With an `if` it turns a finding into the end of the Promotion.",
		Example: `
uses: fail
if: ${{ vars.frozen }}
config:
  message: The environment is frozen.
`,
	}, func(_ context.Context, _ Env, c FailConfig) (none, error) {
		why := errors.New(cmp.Or(c.Message, "the fail step was reached"))
		return nil, &FailedError{Err: why, Terminal: true}
	})
}
