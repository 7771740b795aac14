package step

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/manifest/edit"
)

// UpdateConfig configures the steps that set values in a file, except yaml-update.
type UpdateConfig struct {
	Path    string  `json:"path" empty:"no" doc:"the file"`
	Updates []Value `json:"updates" empty:"no" doc:"the values to set; of several for one key the last wins"`
}

// Value is one value to set.
type Value struct {
	Key   string          `json:"key" empty:"no" doc:"address of the value, as said above"`
	Value json.RawMessage `json:"value" doc:"a string, number or boolean"`
}

// CommitMessage is the output of the steps that edit files.
type CommitMessage struct {
	CommitMessage string `json:"commitMessage" doc:"what was changed, for git-commit"`
}

// setter is a function of package edit.
type setter func(src []byte, updates []edit.Update) ([]byte, []edit.Change, error)

// updateFile sets values in a file. show says how a value looks in the message.
func updateFile(ctx context.Context, env Env, c UpdateConfig, set setter, show func(value any) string) (CommitMessage, error) {
	updates := make([]edit.Update, len(c.Updates))
	message := changeList{title: "Updated " + c.Path}
	for i, u := range c.Updates {
		value, err := exactValue(u.Value)
		if err != nil {
			return CommitMessage{}, fmt.Errorf("value of %s: %w", u.Key, err)
		}
		updates[i] = edit.Update{Key: u.Key, Value: value}
		message.add("%s: %s", u.Key, show(value))
	}
	src, err := env.Workspace.ReadFile(ctx, c.Path)
	if err != nil {
		return CommitMessage{}, fmt.Errorf("update: %w", err)
	}
	out, _, err := set(src, updates)
	if err != nil {
		return CommitMessage{}, fmt.Errorf("update %s: %w", c.Path, err)
	}
	if err := env.Workspace.WriteFile(ctx, c.Path, out, 0); err != nil {
		return CommitMessage{}, fmt.Errorf("update: %w", err)
	}
	return message.output(), nil
}

// exactValue decodes JSON with all digits of its numbers.
func exactValue(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	err := dec.Decode(&value)
	return value, err
}

// jsonText is how JSON writes a value.
func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// changeList renders the commit message of an edit. Its entries hold outside
// text, which must not add lines.
type changeList struct {
	title   string
	entries []string
	// tight leaves no blank line before the entries.
	tight bool
}

func (l *changeList) add(format string, args ...any) {
	l.entries = append(l.entries, fmt.Sprintf(format, args...))
}

func (l *changeList) output() CommitMessage {
	var b strings.Builder
	b.WriteString(oneLine(l.title))
	if len(l.entries) > 0 && !l.tight {
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
