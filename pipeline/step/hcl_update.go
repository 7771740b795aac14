package step

import (
	"context"

	"github.com/kargo-app/kargo/manifest/edit"
)

func hclUpdate() Definition {
	return Define("hcl-update", Workspace, Doc{
		Summary: `Sets values in an HCL file, such as OpenTofu's, and keeps every other byte: comments, alignment, templates.

A key is a block's type, its labels and an attribute, separated by dots, and goes on into
objects and lists: ` + "`resource.aws_instance.web.tags.version`" + `. Where several blocks share type
and labels, an index from 0 says which: ` + "`provider.aws.1.region`" + `. An expression is replaced as
a whole. Keys are never created: a key that is missing, or that holds a block, an object
or a list, is an error. Strings are quoted so that ` + "`${`" + ` in them is text. Kargo's step, which
needs its paid edition, has no output.`,
		Example: `
uses: hcl-update
as: update
config:
  path: src/env/prod/env.auto.tfvars
  updates:
    - key: image_uri
      value: ghcr.io/acme/web:${{ imageFrom("ghcr.io/acme/web").Tag }}
`,
	}, func(ctx context.Context, env Env, c UpdateConfig) (CommitMessage, error) {
		return updateFile(ctx, env, c, edit.SetHCL, jsonText)
	})
}
