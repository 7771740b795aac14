package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kargo-app/kargo/manifest/edit"
)

// MergeConfig configures yaml-merge.
type MergeConfig struct {
	InFiles            []string `json:"inFiles" empty:"no" doc:"the files, of which the later override the earlier"`
	OutFile            string   `json:"outFile" empty:"no" doc:"the file to write"`
	IgnoreMissingFiles bool     `json:"ignoreMissingFiles,omitempty" doc:"leave out files that do not exist"`
}

func yamlMerge() Definition {
	return Define("yaml-merge", Workspace, Doc{
		Summary: `Lays YAML files over one another and writes the result.

Maps are merged, anything else is replaced; null removes a key, and so does
` + "`$patch: delete`" + `. In known types of Kubernetes objects, lists are merged where a strategic
merge patch merges them. A scalar over a map or a list, or the reverse, is an error. Comments
stay with their keys; blank lines and indentation may change. Empty files are left
out; when nothing is left, an empty file is written and there is no output. Two things
that Kargo does silently are different: anchors are written out, not lost, and a file
with several documents is an error, not cut after the first.`,
		Example: `
uses: yaml-merge
as: merge
config:
  inFiles:
    - src/values.yaml
    - src/env/prod/values.yaml
  outFile: out/values.yaml
`,
	}, runYAMLMerge)
}

func runYAMLMerge(ctx context.Context, env Env, c MergeConfig) (*CommitMessage, error) {
	var docs [][]byte
	message := changeList{tight: true}
	for _, p := range c.InFiles {
		src, err := env.Workspace.ReadFile(ctx, p)
		if errors.Is(err, fs.ErrNotExist) && c.IgnoreMissingFiles {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
		docs = append(docs, src)
		message.add("%s", p)
	}
	merged, err := edit.MergeYAML(docs...)
	var at *edit.MergeError
	if errors.As(err, &at) {
		return nil, fmt.Errorf("merge %s: %w", message.entries[at.Index], err)
	}
	if err != nil {
		return nil, fmt.Errorf("merge to %s: %w", c.OutFile, err)
	}
	if err := env.Workspace.WriteFile(ctx, c.OutFile, merged, 0); err != nil {
		return nil, fmt.Errorf("merge: %w", err)
	}
	switch len(docs) {
	case 0:
		return nil, nil
	case 1:
		message.title = fmt.Sprintf("Merged %s to %s", message.entries[0], c.OutFile)
		message.entries = nil
	default:
		message.title = fmt.Sprintf("Merged %d YAML files to %s", len(docs), c.OutFile)
	}
	out := message.output()
	return &out, nil
}
