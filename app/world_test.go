package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
)

// appKey is shared: making one is slow and nothing depends on its value.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// During runs f at another time.
func (c *clock) During(d time.Duration, f func()) { c.Advance(d); f(); c.Advance(-d) }

// world is a simulated GitHub with one organisation and an App that was made and
// does not run, so that a test runs what it is about.
type world struct {
	*forge.Server
	app     *App
	clock   *clock
	install int64
}

const gitops = "acme/gitops"

func newWorld(t *testing.T) *world {
	t.Helper()
	// The App's tokens are signed with the machine's time, so that ours may differ
	// from it only while GitHub is not asked.
	w := &world{clock: &clock{now: time.Now().UTC()}}
	var err error
	w.Server, err = forge.New(forge.Options{
		Dir: t.TempDir(), Now: w.clock.Now, App: forge.App{ID: 42, Slug: "kargo", PublicKey: &appKey().PublicKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(w.Server)
	t.Cleanup(web.Close)
	w.SetBaseURL(web.URL)
	w.CreateOrg("acme", "ana")
	if err := w.CreateRepo(forge.RepoOptions{Owner: "acme", Name: "gitops", Files: map[string]string{"README.md": "hello\n"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.SetRole(gitops, "ana", "admin"); err != nil {
		t.Fatal(err)
	}
	if w.install, err = w.Install("acme"); err != nil {
		t.Fatal(err)
	}
	w.app = newApp(t, Config{GitHubURL: web.URL}, w.clock.Now)
	w.SetWebhook("http://"+w.app.Addr()+"/webhooks/github", "s")
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return w
}

// newApp makes an App with what every one needs.
func newApp(t *testing.T, cfg Config, now func() time.Time) *App {
	t.Helper()
	cfg.Addr, cfg.DatabasePath = "127.0.0.1:0", filepath.Join(t.TempDir(), "kargo.db")
	cfg.AppID, cfg.WebhookSecret = 42, []byte("s")
	if cfg.PrivateKey == nil {
		cfg.PrivateKey = appKey()
	}
	if cfg.GitHubURL == "" {
		cfg.GitHubURL = "https://github.com"
	}
	a, err := New(t.Context(), cfg, Options{Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}
