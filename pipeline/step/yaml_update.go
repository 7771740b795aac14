package step

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/kargo-app/kargo/manifest/edit"
)

// YAMLUpdateConfig configures yaml-update.
type YAMLUpdateConfig struct {
	Path    string       `json:"path" empty:"no" doc:"the file"`
	Updates []YAMLUpdate `json:"updates" empty:"no" doc:"the values to set; of several for one key the last wins"`
}

// YAMLUpdate is one value to set.
type YAMLUpdate struct {
	Key   string          `json:"key" empty:"no" doc:"address in the first document: names separated by dots, numbers index lists, \\. and \\: are literal, a leading : makes a number a name"`
	Value json.RawMessage `json:"value" doc:"a string, number, boolean or null"`
}

func yamlUpdate() Definition {
	return Define("yaml-update", Workspace, Doc{
		Summary: `Sets scalar values in a YAML file and keeps every other byte: comments, quotes, layout.

Keys are never created: a key that is missing, or that holds a map or a list, is
an error. A string that a YAML reader would take for something else is quoted. In all
this the step is stricter than Kargo's, which loses the comment and the quotes of the
line, and writes lists, nulls and large numbers in ways that read back as something else.`,
		Example: `
uses: yaml-update
as: update
config:
  path: src/env/prod/values.yaml
  updates:
    - key: image.tag
      value: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
`,
	}, runYAMLUpdate)
}

func runYAMLUpdate(ctx context.Context, env Env, c YAMLUpdateConfig) (CommitMessage, error) {
	u := UpdateConfig{Path: c.Path, Updates: make([]Value, len(c.Updates))}
	for i, update := range c.Updates {
		u.Updates[i] = Value(update)
	}
	return updateFile(ctx, env, u, edit.SetYAML, yamlText)
}

// yamlText quotes the strings that Kargo quotes: those that would be another type.
func yamlText(value any) string {
	s, ok := value.(string)
	if !ok {
		return jsonText(value)
	}
	_, number := strconv.ParseFloat(s, 64)
	_, boolean := strconv.ParseBool(s)
	if number == nil || boolean == nil || json.Valid([]byte(s)) {
		return strconv.Quote(s)
	}
	return s
}
