package step

import (
	"context"
	"fmt"
)

// CopyConfig configures copy.
type CopyConfig struct {
	InPath  string `json:"inPath" empty:"no" doc:"file or directory to copy"`
	OutPath string `json:"outPath" empty:"no" doc:"the destination itself, never a directory to copy into"`
	Ignore  string `json:"ignore,omitempty" doc:"gitignore patterns, one a line, relative to inPath, of what to leave out"`
}

func copyStep() Definition {
	return Define("copy", Workspace, Doc{
		Summary: `Copies a file or a directory.

Directories merge, files overwrite; a file onto a directory, or the reverse, is
an error. Symbolic links, submodules and ` + "`.git`" + ` are left out.`,
		Example: `
uses: copy
config:
  inPath: src/base
  outPath: out
  ignore: |
    *.md
    !NOTICE.md
`,
	}, runCopy)
}

func runCopy(ctx context.Context, env Env, c CopyConfig) (none, error) {
	if err := env.Workspace.Copy(ctx, c.InPath, c.OutPath, c.Ignore); err != nil {
		return nil, fmt.Errorf("copy %s to %s: %w", c.InPath, c.OutPath, err)
	}
	return nil, nil
}
