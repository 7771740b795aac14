package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestInboxChecksTheSignatureOverRawBytes(t *testing.T) {
	t.Parallel()
	body := []byte(`{"zen": "Keep it  logically awesome."}`)
	tests := []struct {
		name, header string
		want         int
	}{
		{"right", sign(body), http.StatusAccepted},
		{"none", "", http.StatusUnauthorized},
		{"of other bytes", sign([]byte(`{"zen":"Keep it  logically awesome."}`)), http.StatusUnauthorized},
		{"sha1", "sha1=" + strings.TrimPrefix(sign(body), "sha256="), http.StatusUnauthorized},
		{"no hex", "sha256=zz", http.StatusUnauthorized},
		{"cut short", sign(body)[:20], http.StatusUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.delivery("ping", "g", body)
			r.Header.Set("X-Hub-Signature-256", tt.header)
			rec := httptest.NewRecorder()
			w.inbox.ServeHTTP(rec, r)
			if rec.Code != tt.want {
				t.Errorf("status %d, want %d", rec.Code, tt.want)
			}
			known, _, err := w.db.HasDelivery(t.Context(), "g")
			if err != nil {
				t.Fatal(err)
			}
			if known != (tt.want == http.StatusAccepted) {
				t.Errorf("stored: %v", known)
			}
		})
	}
}

func TestInboxWithoutSecretAcceptsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inbox.Secret = nil
	rec := httptest.NewRecorder()
	w.inbox.ServeHTTP(rec, w.delivery("ping", "g", []byte("{}")))
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", rec.Code)
	}
}

func TestInboxRefusesPayloadsOverTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := httptest.NewRecorder()
	w.inbox.ServeHTTP(rec, w.delivery("push", "g", make([]byte, 25<<20+1)))
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", rec.Code)
	}
}

func TestDeliveryIsDoneOnlyAfterItWasHandled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := httptest.NewRecorder()
	w.inbox.ServeHTTP(rec, w.delivery("ping", "g", []byte(`{}`)))
	if _, done, err := w.db.HasDelivery(t.Context(), "g"); err != nil || done {
		t.Fatalf("done before dispatch: %v, %v", done, err)
	}
	if _, err := w.dispatcher.Dispatch(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	if _, done, err := w.db.HasDelivery(t.Context(), "g"); err != nil || !done {
		t.Fatalf("not done after dispatch: %v, %v", done, err)
	}
}

func TestDeliveriesNobodyUnderstandsAreDone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"unknown event": `{"action": "x"}`, "no JSON": `not json`, "wrong types": `{"action": 1, "repository": []}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			eventName := "push"
			if name == "unknown event" {
				eventName = "brand_new_event"
			}
			rec := httptest.NewRecorder()
			w.inbox.ServeHTTP(rec, w.delivery(eventName, "g", []byte(body)))
			if rec.Code != http.StatusAccepted {
				t.Fatalf("status %d, want 202", rec.Code)
			}
			if next, err := w.dispatcher.Dispatch(t.Context(), "g"); err != nil || !next.IsZero() {
				t.Errorf("Dispatch = %v, %v; want done", next, err)
			}
		})
	}
}

func TestRedeliveryOfDoneDeliveryIsNotHandledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := []byte(`{}`)
	for range 2 {
		rec := httptest.NewRecorder()
		w.inbox.ServeHTTP(rec, w.delivery("ping", "g", body))
		if rec.Code != http.StatusAccepted {
			t.Fatalf("status %d, want 202", rec.Code)
		}
		if _, err := w.dispatcher.Dispatch(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
	}
	d, err := w.db.Delivery(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if d.Attempts != 0 || d.DoneAt.IsZero() {
		t.Errorf("delivery = %+v", d)
	}
}
