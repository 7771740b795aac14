package registryhook

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// maxBody is the largest payload, in bytes.
const maxBody = 2 << 20

// Hints makes Warehouses due.
type Hints interface {
	// MarkSubscribersDue makes the Warehouses due that subscribe to a normalised
	// address, has their repositories reconciled, and returns which those are.
	MarkSubscribersDue(ctx context.Context, kind pipeline.ArtifactKind, url string, now time.Time) ([]int64, error)
}

// Handler serves all receivers beneath [Prefix].
type Handler struct {
	hints     Hints
	receivers []Receiver
	tokens    [][]byte
	options   Options
}

// Options configure a Handler.
type Options struct {
	// Received counts requests by receiver and outcome; it may be nil.
	Received func(receiver, outcome string)
	Now      func() time.Time
	Log      *slog.Logger
}

// New returns a Handler, or what is wrong with the receivers.
func New(receivers []Receiver, hints Hints, o Options) (*Handler, error) {
	h := &Handler{hints: hints, receivers: receivers, options: o}
	names := map[string]bool{}
	var problems []error
	for _, r := range receivers {
		if err := r.Validate(); err != nil {
			problems = append(problems, err)
			continue
		}
		if names[r.Name] {
			problems = append(problems, fmt.Errorf("receiver %s is there twice", r.Name))
		}
		names[r.Name] = true
		h.tokens = append(h.tokens, []byte(strings.TrimPrefix(r.Path(), Prefix)))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return h, nil
}

// ServeHTTP implements http.Handler. It answers 202 once the Warehouses are due, 404
// for an address that no receiver has, 503 if it could not be noted.
func (h *Handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r, ok := h.receiver(strings.TrimPrefix(req.URL.Path, Prefix))
	if !ok || req.Method != http.MethodPost {
		http.NotFound(w, req)
		return
	}
	outcome, status := h.receive(w, req, r)
	if h.options.Received != nil {
		h.options.Received(r.Name, outcome)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, outcome+"\n") // the sender does not read it
}

// receiver finds the receiver with this address. All are compared, so that the time
// it takes tells nothing.
func (h *Handler) receiver(address string) (found Receiver, ok bool) {
	for i, token := range h.tokens {
		if subtle.ConstantTimeCompare(token, []byte(address)) == 1 {
			found, ok = h.receivers[i], true
		}
	}
	return found, ok
}

func (h *Handler) receive(w http.ResponseWriter, req *http.Request, r Receiver) (outcome string, status int) {
	log := h.options.Log.With("receiver", r.Name, "kind", string(r.Kind))
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "payload over 2 MiB", http.StatusRequestEntityTooLarge
	case err != nil:
		return "body not read", http.StatusBadRequest
	}
	service := services()[r.Kind]
	if service.authentic != nil && !service.authentic(r, req.Header, body) {
		log.WarnContext(req.Context(), "registry webhook without the right signature", "remote", req.RemoteAddr)
		return "signature does not match", http.StatusUnauthorized
	}
	named, err := service.read(r, request{method: req.Method, header: req.Header, body: body})
	if err != nil {
		log.WarnContext(req.Context(), "registry webhook not understood", "err", err)
		return "not understood", refusal(r.Kind)
	}
	repos := map[int64]bool{}
	for _, s := range named {
		ids, err := h.hints.MarkSubscribersDue(req.Context(), s.kind, s.url, h.options.Now())
		if err != nil {
			log.ErrorContext(req.Context(), "registry webhook not noted", "err", err)
			return "not noted", http.StatusServiceUnavailable
		}
		for _, id := range ids {
			repos[id] = true
		}
	}
	log.InfoContext(req.Context(), "registry webhook", "sources", len(named), "repositories", len(repos))
	switch {
	case len(named) == 0:
		return "ignored", http.StatusAccepted
	case len(repos) == 0:
		return "nobody subscribes", http.StatusAccepted
	}
	return "accepted", http.StatusAccepted
}

// refusal is how a payload that cannot be read is answered. Pub/Sub sends a message
// again until it is accepted, which would not make it readable.
func refusal(k Kind) int {
	if k == GAR {
		return http.StatusAccepted
	}
	return http.StatusBadRequest
}
