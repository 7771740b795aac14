package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/store/sqlite"
)

// get asks a handler and returns the status and the body.
func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return w.Code, w.Body.String()
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	a := newApp(t, Config{}, nil)
	expect := func(status int, body string) {
		t.Helper()
		code, got := get(t, a.router(), "/readyz")
		if code != status || strings.TrimSpace(got) != body {
			t.Errorf("GET /readyz = %d %s, want %d %s", code, got, status, body)
		}
		if code, got := get(t, a.router(), "/healthz"); code != http.StatusOK || got != "ok\n" {
			t.Errorf("GET /healthz = %d %s, want it alive in any case", code, got)
		}
	}
	expect(http.StatusOK, `{"database":"ok","key":"ok"}`)
	why := "GitHub does not accept the App's id and private key"
	a.keyRefused.Store(&why)
	expect(http.StatusServiceUnavailable, `{"database":"ok","key":"`+why+`"}`)
	a.keyRefused.Store(nil)
	expect(http.StatusOK, `{"database":"ok","key":"ok"}`)
	good := a.db
	closed, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	a.db = closed
	expect(http.StatusServiceUnavailable, `{"database":"not ready","key":"ok"}`)
	a.db = good
}

func TestKeyThatGitHubRefusesIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	stranger := newApp(t, Config{GitHubURL: w.BaseURL(), PrivateKey: other}, w.clock.Now)
	if err := stranger.readInstallations(t.Context()); err == nil {
		t.Error("a refused key is no error")
	}
	if code, body := get(t, stranger.router(), "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "does not accept") {
		t.Errorf("GET /readyz = %d %s", code, body)
	}

	if err := w.app.readInstallations(t.Context()); err != nil {
		t.Error(err)
	}
	// A fault of GitHub says nothing about the key.
	w.Inject(forge.Fault{Method: http.MethodGet, Path: "/app/installations", Status: http.StatusForbidden, Times: 10})
	if err := w.app.readInstallations(t.Context()); err == nil {
		t.Error("installations that cannot be read are no error")
	}
	if code, body := get(t, w.app.router(), "/readyz"); code != http.StatusOK {
		t.Errorf("GET /readyz = %d %s", code, body)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	one := newApp(t, Config{}, nil)
	if code, body := get(t, one.router(), "/metrics"); code != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("GET /metrics = %d", code)
	}
	if code, _ := get(t, one.router(), "/webhooks/github"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET /webhooks/github = %d, want 405", code)
	}
	if code, _ := get(t, one.router(), "/nothing"); code != http.StatusNotFound {
		t.Errorf("GET /nothing = %d, want 404", code)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/github", strings.NewReader("{}"))
	one.router().ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("POST /webhooks/github without signature = %d, want 401", w.Code)
	}

	two := newApp(t, Config{MetricsAddr: "127.0.0.1:0"}, nil)
	if code, _ := get(t, two.router(), "/metrics"); code != http.StatusNotFound {
		t.Errorf("GET /metrics = %d beside an address of its own, want 404", code)
	}
	if code, _ := get(t, two.metricsHandler(), "/metrics"); code != http.StatusOK {
		t.Errorf("GET /metrics on its own address = %d", code)
	}
}

func TestServersHaveAllTimeouts(t *testing.T) {
	t.Parallel()
	a := newApp(t, Config{MetricsAddr: "127.0.0.1:0"}, nil)
	for name, l := range map[string]*listener{"main": a.main, "metrics": a.meters} {
		s := l.server
		for what, d := range map[string]time.Duration{
			"ReadHeaderTimeout": s.ReadHeaderTimeout, "ReadTimeout": s.ReadTimeout,
			"WriteTimeout": s.WriteTimeout, "IdleTimeout": s.IdleTimeout,
		} {
			if d <= 0 || d > 5*time.Minute {
				t.Errorf("%s: %s = %s", name, what, d)
			}
		}
		if s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 1<<20 {
			t.Errorf("%s: MaxHeaderBytes = %d", name, s.MaxHeaderBytes)
		}
	}
}

func TestServeLetsRequestsInProgressFinish(t *testing.T) {
	t.Parallel()
	a := newApp(t, Config{}, nil)
	arrived, answer := make(chan struct{}), make(chan struct{})
	a.main.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-answer
		writeText(w, http.StatusOK, "done")
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.main.serve(ctx) }()
	body := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr(), http.NoBody)
		if err != nil {
			body <- err.Error()
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		body <- string(text)
	}()
	<-arrived
	stop()
	close(answer)
	if got := <-body; got != "done" {
		t.Errorf("answer = %q, want done", got)
	}
	if err := <-served; err != nil {
		t.Errorf("serve = %v", err)
	}
}

func TestAddressInUseIsAnError(t *testing.T) {
	t.Parallel()
	a := newApp(t, Config{}, nil)
	cfg := a.cfg
	cfg.Addr, cfg.DatabasePath = a.Addr(), t.TempDir()+"/kargo.db"
	if b, err := New(t.Context(), cfg, Options{Log: a.log}); err == nil {
		_ = b.Close()
		t.Error("two servers listen on one address")
	}
}
