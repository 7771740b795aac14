package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/manifest/edit"
)

// YAMLUpdateConfig configures yaml-update.
type YAMLUpdateConfig struct {
	Path    string       `json:"path" doc:"the file"`
	Updates []YAMLUpdate `json:"updates" doc:"the values to set"`
}

// YAMLUpdate is one value to set.
type YAMLUpdate struct {
	Key   string          `json:"key" doc:"address in the first document: names separated by dots, numbers index lists, \\. and \\: are literal, a leading : makes a number a name"`
	Value json.RawMessage `json:"value" doc:"a string, number, boolean or null"`
}

// CommitMessage is the output of the steps that edit files.
type CommitMessage struct {
	CommitMessage string `json:"commitMessage" doc:"what was changed, for git-commit"`
}

func yamlUpdate() Definition {
	return Define("yaml-update", Workspace, Doc{
		Summary: `Sets scalar values in a YAML file and keeps every other byte: comments, quotes, layout.

Keys are never created: a key that is missing, or that holds a map or a list, is
an error. A string that a YAML reader would take for something else is quoted.`,
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

// Validate implements the rule that something is updated.
func (c YAMLUpdateConfig) Validate() error {
	if len(c.Updates) == 0 {
		return errors.New("updates must not be empty")
	}
	return nil
}

func runYAMLUpdate(ctx context.Context, env Env, c YAMLUpdateConfig) (CommitMessage, error) {
	updates := make([]edit.Update, len(c.Updates))
	message := changeList{title: "Updated " + c.Path}
	for i, u := range c.Updates {
		dec := json.NewDecoder(bytes.NewReader(u.Value))
		// A float64 would lose digits of large numbers.
		dec.UseNumber()
		var value any
		if err := dec.Decode(&value); err != nil {
			return CommitMessage{}, fmt.Errorf("value of %s: %w", u.Key, err)
		}
		updates[i] = edit.Update{Key: u.Key, Value: value}
		message.add("%s: %s", u.Key, u.Value)
	}
	src, err := env.Workspace.ReadFile(ctx, c.Path)
	if err != nil {
		return CommitMessage{}, fmt.Errorf("update: %w", err)
	}
	out, _, err := edit.SetYAML(src, updates)
	if err != nil {
		return CommitMessage{}, fmt.Errorf("update %s: %w", c.Path, err)
	}
	if err := env.Workspace.WriteFile(ctx, c.Path, out, 0); err != nil {
		return CommitMessage{}, fmt.Errorf("update: %w", err)
	}
	return message.output(), nil
}

// changeList renders the commit message of an edit. Its entries hold outside
// text, which must not add lines.
type changeList struct {
	title   string
	entries []string
}

func (l *changeList) add(format string, args ...any) {
	l.entries = append(l.entries, fmt.Sprintf(format, args...))
}

func (l *changeList) output() CommitMessage {
	var b strings.Builder
	b.WriteString(oneLine(l.title))
	if len(l.entries) > 0 {
		b.WriteByte('\n')
	}
	for _, e := range l.entries {
		b.WriteString("\n- ")
		b.WriteString(oneLine(e))
	}
	return CommitMessage{b.String()}
}

// oneLine replaces line breaks and other control characters by blanks.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
