package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// CallbackPath is where outside systems answer steps; the token follows.
const CallbackPath = "/callbacks/"

// maxCallback bounds what an outside system sends, in bytes.
const maxCallback = 64 << 10

// Callbacks takes the answers of outside systems to steps that wait for them. Who
// has the token of a step may answer it and nothing else.
type Callbacks struct {
	Answers Answers
	// Open returns what a token is for; an error means that it is not one of ours.
	Open func(token string) (CallbackTarget, error)
	Now  func() time.Time
	Log  *slog.Logger
}

// CallbackTarget is the step that a token is for.
type CallbackTarget struct {
	Repo      int64
	Promotion string
	// Step is an alias.
	Step string
}

// Answers keeps answers.
type Answers interface {
	// PutAnswer records an answer and makes the Stage due; [store.ErrNotFound] means
	// that the Promotion has ended.
	PutAnswer(ctx context.Context, repoID int64, promotion string, a pipeline.Answer, now time.Time) error
}

// ServeHTTP implements http.Handler. The answer is durable before the 202; sending
// it again changes nothing.
func (h *Callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, err := h.Open(chi.URLParam(r, "token"))
	if err != nil {
		http.Error(w, "the token is not valid", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "the body is larger than 64 KiB", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		return // the client went away
	}
	if len(body) == 0 {
		body = []byte("null")
	}
	if !json.Valid(body) {
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
		return
	}
	log := h.Log.With("promotion", target.Promotion, "step", target.Step)
	now := h.Now()
	err = h.Answers.PutAnswer(r.Context(), target.Repo, target.Promotion, pipeline.Answer{Step: target.Step, Body: body, At: now}, now)
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "the Promotion has ended", http.StatusGone)
	case err != nil:
		log.ErrorContext(r.Context(), "callback not recorded", "err", err)
		http.Error(w, "not recorded, try again", http.StatusServiceUnavailable)
	default:
		log.InfoContext(r.Context(), "called back")
		w.WriteHeader(http.StatusAccepted)
	}
}
