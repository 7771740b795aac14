package step

import (
	"context"
	"fmt"
)

// ClearConfig configures git-clear.
type ClearConfig struct {
	Path string `json:"path" doc:"the path of a checkout"`
}

func gitClear() Definition {
	return Define("git-clear", Workspace, Doc{
		Summary: "Removes every file of a checkout, as the start of rebuilding all of it.",
		Example: `
uses: git-clear
config:
  path: out
`,
	}, runGitClear)
}

func runGitClear(_ context.Context, env Env, c ClearConfig) (none, error) {
	co, err := env.Workspace.Checkout(c.Path)
	if err != nil {
		return nil, fmt.Errorf("clear: %w", err)
	}
	co.Clear()
	return nil, nil
}
