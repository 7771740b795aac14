package step

import (
	"context"

	"github.com/kargo-app/kargo/manifest/edit"
)

func tomlUpdate() Definition {
	return Define("toml-update", Workspace, Doc{
		Summary: `Sets scalar values in a TOML file and keeps every other byte: comments, blank lines, layout.

A key is names separated by dots, as in yaml-update; a number indexes an array or an
array of tables. Keys are never created: a key that is missing, or that holds a table or
an array, is an error. Unlike Kargo's, the step keeps the quotes of a string where it
can, writes whole numbers as integers except in place of a float, and refuses a file in
which a key stands twice, as TOML demands.`,
		Example: `
uses: toml-update
as: update
config:
  path: src/env/prod/config.toml
  updates:
    - key: image.tag
      value: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
    - key: servers.0.port
      value: 9090
`,
	}, func(ctx context.Context, env Env, c UpdateConfig) (CommitMessage, error) {
		return updateFile(ctx, env, c, edit.SetTOML, func(value any) string {
			text, err := edit.TOMLLiteral(value)
			if err != nil {
				return jsonText(value)
			}
			return text
		})
	})
}
