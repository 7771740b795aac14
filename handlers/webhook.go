package handlers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/kargo-app/kargo/store"
)

// maxPayload is the size beyond which GitHub itself sends no payload.
const maxPayload = 25 << 20

// Deliveries stores what arrives.
type Deliveries interface {
	// PutDelivery makes a Delivery durable and due. fresh is false for one whose
	// GUID is known.
	PutDelivery(ctx context.Context, d store.Delivery) (fresh bool, err error)
}

// Inbox is the webhook endpoint. It answers 202 once the Delivery is durable, and
// leaves reading it to the Dispatcher.
type Inbox struct {
	// Secret is the webhook secret; it must not be empty.
	Secret     []byte
	Deliveries Deliveries
	// Received counts deliveries by event and outcome; it may be nil.
	Received func(event, outcome string)
	Now      func() time.Time
	Log      *slog.Logger
}

// ServeHTTP implements http.Handler.
func (in *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, guid := r.Header.Get("X-GitHub-Event"), r.Header.Get("X-GitHub-Delivery")
	outcome, status := in.receive(w, r, event, guid)
	if in.Received != nil {
		in.Received(event, outcome)
	}
	if status != http.StatusAccepted {
		http.Error(w, outcome, status)
		return
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, outcome+"\n") // the sender does not read it
}

func (in *Inbox) receive(w http.ResponseWriter, r *http.Request, event, guid string) (string, int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "payload over 25 MiB", http.StatusRequestEntityTooLarge
	case err != nil:
		return "body not read", http.StatusBadRequest
	}
	if !in.signed(body, r.Header.Get("X-Hub-Signature-256")) {
		in.Log.WarnContext(r.Context(), "delivery with a bad signature", "delivery", clip(guid), "event", clip(event), "remote", r.RemoteAddr)
		return "signature does not match", http.StatusUnauthorized
	}
	if !validHeader(event) || !validHeader(guid) {
		return "X-GitHub-Event and X-GitHub-Delivery are required", http.StatusBadRequest
	}
	fresh, err := in.Deliveries.PutDelivery(r.Context(), store.Delivery{GUID: guid, Event: event, Body: body, ReceivedAt: in.Now()})
	if err != nil {
		in.Log.ErrorContext(r.Context(), "delivery not stored", "delivery", guid, "event", event, "err", err)
		return "not stored", http.StatusServiceUnavailable
	}
	if !fresh {
		return "duplicate", http.StatusAccepted
	}
	return "accepted", http.StatusAccepted
}

// signed checks the HMAC over the raw bytes in constant time. Only SHA-256 is
// accepted; the older SHA-1 header is ignored.
func (in *Inbox) signed(body []byte, header string) bool {
	sent, ok := strings.CutPrefix(header, "sha256=")
	if !ok || len(in.Secret) == 0 {
		return false
	}
	got, err := hex.DecodeString(sent)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, in.Secret)
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

func validHeader(s string) bool {
	return s != "" && len(s) <= 200 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
