package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// recorded keeps answers by Promotion.
type recorded map[string]pipeline.Answer

func (r recorded) PutAnswer(_ context.Context, repo int64, promotion string, a pipeline.Answer, _ time.Time) error {
	if repo != 7 || promotion != "prod-142" {
		return store.ErrNotFound
	}
	r[promotion] = a
	return nil
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	tokens, err := newCallbacks([]byte("It is a secret to everybody"), "")
	if err != nil {
		t.Fatal(err)
	}
	others, err := newCallbacks([]byte("another secret"), "")
	if err != nil {
		t.Fatal(err)
	}
	of := func(c callbacks, id string) string {
		return c.address(&pipeline.Promotion{ID: id, Repo: pipeline.Repo{ID: 7}}, "deployed")
	}
	good := of(tokens, "prod-142")
	if again := of(tokens, "prod-142"); again != good {
		t.Errorf("the address is once %s and once %s", good, again)
	}
	none := strings.Split(strings.TrimPrefix(good, handlers.CallbackPath), ".")
	tests := map[string]struct {
		method, path, body string
		want               int
	}{
		"the answer of who has the token counts": {http.MethodPost, good, `{"status":"done"}`, http.StatusAccepted},
		"nothing at all is an answer":            {http.MethodPost, good, ``, http.StatusAccepted},
		"what is no JSON is not":                 {http.MethodPost, good, `done`, http.StatusBadRequest},
		"nor what is too large":                  {http.MethodPost, good, `"` + strings.Repeat("x", 64<<10) + `"`, http.StatusRequestEntityTooLarge},
		"a token of another server is refused":   {http.MethodPost, of(others, "prod-142"), `{}`, http.StatusUnauthorized},
		"a token that was changed is refused":    {http.MethodPost, good + "x", `{}`, http.StatusUnauthorized},
		"a token without a signature is refused": {http.MethodPost, handlers.CallbackPath + "eyJhbGciOiJub25lIn0." + none[1] + ".", `{}`, http.StatusUnauthorized},
		"an ended Promotion is gone":             {http.MethodPost, of(tokens, "prod-1"), `{}`, http.StatusGone},
		"looking is not answering":               {http.MethodGet, good, ``, http.StatusMethodNotAllowed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers, now := recorded{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			r := chi.NewRouter()
			r.Method(http.MethodPost, handlers.CallbackPath+"{token}", &handlers.Callbacks{
				Answers: answers, Open: tokens.open, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
			})
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
			if body, _ := io.ReadAll(w.Body); w.Code != tt.want {
				t.Fatalf("%d %s, want %d", w.Code, body, tt.want)
			}
			want := recorded{}
			if tt.want == http.StatusAccepted {
				body := tt.body
				if body == "" {
					body = "null"
				}
				want["prod-142"] = pipeline.Answer{Step: "deployed", Body: []byte(body), At: now}
			}
			if diff := cmp.Diff(want, answers); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
