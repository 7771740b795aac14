package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
)

// Mask hides values. The zero Mask hides nothing.
type Mask struct {
	mu    sync.RWMutex
	known []string
}

// Add makes a value secret. An empty one, or one of blanks, is none.
func (m *Mask) Add(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, form := range forms(value) {
		if strings.TrimSpace(form) != "" && !slices.Contains(m.known, form) {
			m.known = append(m.known, form)
		}
	}
}

// Hide returns text with a [Placeholder] in the place of each value, and of each
// stretch in which values overlap.
func (m *Mask) Hide(text string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []span
	for _, form := range m.known {
		for at := 0; at < len(text); {
			i := strings.Index(text[at:], form)
			if i < 0 {
				break
			}
			found = append(found, span{at + i, at + i + len(form)})
			at += i + 1
		}
	}
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	var out strings.Builder
	shown := 0
	for i := 0; i < len(found); {
		s := found[i]
		for i++; i < len(found) && found[i].from < s.to; i++ {
			s.to = max(s.to, found[i].to)
		}
		out.WriteString(text[shown:s.from])
		out.WriteString(Placeholder)
		shown = s.to
	}
	out.WriteString(text[shown:])
	return out.String()
}

type span struct{ from, to int }

// JSON hides values in the strings, keys and numbers of a document, which stays one.
// What is not JSON is hidden as text, as a JSON string.
func (m *Mask) JSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || m.empty() {
		return raw
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		v = string(raw)
	}
	changed := false
	v = m.value(v, &changed)
	if !changed {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`"` + Placeholder + `"`)
	}
	return out
}

func (m *Mask) empty() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.known) == 0
}

func (m *Mask) value(v any, changed *bool) any {
	text := func(s string) string {
		hidden := m.Hide(s)
		*changed = *changed || hidden != s
		return hidden
	}
	switch v := v.(type) {
	case string:
		return text(v)
	case json.Number:
		if hidden := text(v.String()); hidden != v.String() {
			return hidden
		}
	case []any:
		for i := range v {
			v[i] = m.value(v[i], changed)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[text(key)] = m.value(item, changed)
		}
		return out
	}
	return v
}

// Error hides values in what an error says; what it wraps is still found.
func (m *Mask) Error(err error) error {
	if err == nil {
		return nil
	}
	if hidden := m.Hide(err.Error()); hidden != err.Error() {
		return &maskedError{text: hidden, err: err}
	}
	return err
}

type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }

func (e *maskedError) Is(target error) bool { return errors.Is(e.err, target) }

func (e *maskedError) As(target any) bool { return errors.As(e.err, target) }
