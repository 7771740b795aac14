package step

import (
	"context"

	"github.com/kargo-app/kargo/manifest/edit"
)

func tomlParse() Definition {
	return Define("toml-parse", Workspace, Doc{
		Summary: "Reads values from a TOML file. Dates and times are given as text, except those with an offset.\n\n" + parsing,
		Example: `
uses: toml-parse
as: config
config:
  path: src/Cargo.toml
  outputs:
    - name: version
      fromExpression: $env["package"].version
`,
	}, func(ctx context.Context, env Env, c ParseConfig) (Values, error) {
		return parseFile(ctx, env, c, func(src []byte) (any, error) { return edit.DecodeTOML(src) })
	})
}
