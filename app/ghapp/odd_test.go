package ghapp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/pipeline"
)

// odd is a GitHub that gives the answers a test wants; it mints tokens itself.
type odd struct {
	t     *testing.T
	url   string
	clock *clock
	app   *ghapp.App
	mux   *http.ServeMux

	mu sync.Mutex
	// got lists "METHOD /path" of all requests but mints.
	got []string
	// mints holds the bodies of requests for tokens, auth the tokens used.
	mints []map[string]any
	auth  []string
}

const api = "/api/v3"

func newOdd(t *testing.T, options ...func(*ghapp.Options)) *odd {
	t.Helper()
	o := &odd{t: t, clock: &clock{now: time.Now()}, mux: http.NewServeMux()}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	o.url = srv.URL
	a := ghapp.Options{
		ServerURL: srv.URL, AppID: appID, PrivateKey: appKey(), Now: o.clock.Now, Sleep: o.clock.Sleep,
		Installations: func(context.Context, string, string) (int64, int64, error) { return 7, 1007, nil },
	}
	for _, opt := range options {
		opt(&a)
	}
	var err error
	if o.app, err = ghapp.New(a); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	if strings.HasSuffix(r.URL.Path, "/access_tokens") {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		o.mints = append(o.mints, body)
		n := len(o.mints)
		o.mu.Unlock()
		if _, pattern := o.mux.Handler(r); pattern != "" {
			o.mux.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"ghs_%d_%s","expires_at":%q}`, n, strings.Repeat("x", 500), time.Now().Add(time.Hour).Format(time.RFC3339))
		return
	}
	o.got = append(o.got, r.Method+" "+strings.TrimPrefix(r.URL.EscapedPath(), api))
	o.auth = append(o.auth, r.Header.Get("Authorization"))
	o.mu.Unlock()
	o.mux.ServeHTTP(w, r)
}

// on answers requests of a pattern such as "GET /repos/acme/gitops/pulls/1" with
// each answer in turn, the last one for ever.
func (o *odd) on(pattern string, answers ...http.HandlerFunc) {
	method, path, _ := strings.Cut(pattern, " ")
	n := 0
	var mu sync.Mutex
	o.mux.HandleFunc(method+" "+api+path, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := answers[min(n, len(answers)-1)]
		n++
		mu.Unlock()
		h(w, r)
	})
}

func (o *odd) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.got...)
}

func say(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func refuse(code int, message string, header ...string) http.HandlerFunc {
	raw, _ := json.Marshal(map[string]string{"message": message})
	return say(code, string(raw), header...)
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

var acme = pipeline.Repo{ID: 1007, Owner: "acme", Name: "gitops"}

func (o *odd) repoURL() string { return o.url + "/acme/gitops.git" }
