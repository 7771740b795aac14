package step

import (
	"context"
	"strconv"

	"github.com/kargo-app/kargo/manifest/edit"
)

func jsonUpdate() Definition {
	return Define("json-update", Workspace, Doc{
		Summary: `Sets values in a JSON file and keeps every other byte: order, indentation, line ends.

A key is names separated by dots; a number indexes a list, ` + "`-1`" + ` appends to one, a
leading ` + "`:`" + ` makes a number a name, and a backslash makes the character behind it
literal. What is missing is created in compact form, with null in the gaps of lists, and
an empty file is an empty document. What is in the way is replaced. A key that stands
twice is an error. Unlike in Kargo, ` + "`*` and `?`" + ` are no wildcards: such a name is looked up
as it is, and created only with a backslash.`,
		Example: `
uses: json-update
as: update
config:
  path: src/env/prod/config.json
  updates:
    - key: image.tag
      value: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
`,
	}, func(ctx context.Context, env Env, c UpdateConfig) (CommitMessage, error) {
		return updateFile(ctx, env, c, edit.SetJSON, func(value any) string {
			if s, ok := value.(string); ok {
				return strconv.Quote(s)
			}
			return jsonText(value)
		})
	})
}
