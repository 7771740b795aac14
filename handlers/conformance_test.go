//go:build conformance

package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// TestConformanceWebhookExamples sends every payload that GitHub publishes as an
// example through the inbox and the dispatcher: none is answered with a server
// error, and none is left undone. KARGO_WEBHOOK_EXAMPLES names index.json of the
// api.github.com set of the npm package @octokit/webhooks-examples.
func TestConformanceWebhookExamples(t *testing.T) {
	path := os.Getenv("KARGO_WEBHOOK_EXAMPLES")
	if path == "" {
		t.Fatal("KARGO_WEBHOOK_EXAMPLES is not set; run make conformance")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	sent := 0
	for _, e := range events {
		for _, payload := range withInstallation(t, e.Examples) {
			guid := w.guid()
			rec := httptest.NewRecorder()
			w.inbox.ServeHTTP(rec, w.delivery(e.Name, guid, payload))
			if rec.Code != http.StatusAccepted {
				t.Errorf("%s: status %d, want 202: %s", e.Name, rec.Code, rec.Body)
				continue
			}
			sent++
			if next, err := w.dispatcher.Dispatch(t.Context(), guid); err != nil || !next.IsZero() {
				t.Errorf("%s: dispatched with %v, again at %v; want it done", e.Name, err, next)
			}
		}
	}
	if sent < 300 {
		t.Errorf("%d payloads sent, want the whole set of over 300", sent)
	}
	t.Logf("%d payloads of %d events", sent, len(events))
}

// withInstallation returns the examples as they are and once more with the
// installation that App deliveries have and many examples lack.
func withInstallation(t *testing.T, examples []json.RawMessage) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	for _, e := range examples {
		out = append(out, e)
		var m map[string]any
		if err := json.Unmarshal(e, &m); err != nil {
			t.Fatal(err)
		}
		if _, ok := m["installation"]; ok {
			continue
		}
		m["installation"] = map[string]any{"id": 42}
		more, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, more)
	}
	return out
}
