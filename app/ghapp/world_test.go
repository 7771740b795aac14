package ghapp_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/openapi"
	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

const (
	appID  = 42
	gitops = "acme/gitops"
)

// appKey is shared: making one is slow and nothing depends on its value.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// description checks every exchange of these tests against GitHub's OpenAPI
// description where KARGO_OPENAPI names it.
var description = sync.OnceValues(func() (*openapi.Description, error) { return openapi.Load(os.Getenv("KARGO_OPENAPI")) })

// clock moves only when somebody sleeps on it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// world is a GitHub with the App installed on one repository.
type world struct {
	*forge.Server
	t       testing.TB
	url     string
	install int64
	clock   *clock
	app     *ghapp.App
	options appOptions
	git     *ghapp.Git
	repos   *gitrepo.Client
	repo    pipeline.Repo
	// repoURL is the repository as a Pipeline names it.
	repoURL string
}

type appOptions = ghapp.Options

type worldOption func(*forge.Options, *forge.RepoOptions, *appOptions)

func newWorld(tb testing.TB, options ...worldOption) *world {
	tb.Helper()
	w := &world{t: tb, clock: &clock{now: time.Now()}}
	o := forge.Options{Dir: tb.TempDir(), Now: w.clock.Now, App: forge.App{ID: appID, Slug: "kargo", PublicKey: &appKey().PublicKey}}
	r := forge.RepoOptions{Owner: "acme", Name: "gitops", Private: true, Files: map[string]string{
		"README.md": "hello\n", "apps/web/values.yaml": "image: v1\nreplicas: 1\nport: 80\nhost: a\n", "apps/db/values.yaml": "tag: 1\n",
	}}
	a := ghapp.Options{AppID: appID, PrivateKey: appKey(), Now: w.clock.Now, Sleep: w.clock.Sleep}
	if os.Getenv("KARGO_OPENAPI") != "" {
		a.Transport = checked(tb)
	}
	for _, opt := range options {
		opt(&o, &r, &a)
	}
	var err error
	if w.Server, err = forge.New(o); err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(w.Server)
	tb.Cleanup(srv.Close)
	w.url = srv.URL
	w.SetBaseURL(srv.URL)
	w.CreateOrg("acme", "alice", "bob")
	if err := w.CreateRepo(r); err != nil {
		tb.Fatal(err)
	}
	for user, role := range map[string]string{"alice": "admin", "bob": "maintain", "carol": "read"} {
		if err := w.SetRole(gitops, user, role); err != nil {
			tb.Fatal(err)
		}
	}
	if w.install, err = w.Install("acme"); err != nil {
		tb.Fatal(err)
	}
	a.ServerURL = srv.URL
	w.options = a
	if w.app, err = ghapp.New(a); err != nil {
		tb.Fatal(err)
	}
	w.repos = gitrepo.New(w.app.ReaderOptions(gitrepo.Options{Sleep: w.clock.Sleep}))
	w.git = w.app.Git(w.repos)
	w.repoURL = srv.URL + "/" + gitops
	w.repo = pipeline.Repo{Owner: "acme", Name: "gitops"}
	w.ResetTraffic()
	return w
}

func checked(tb testing.TB) http.RoundTripper {
	tb.Helper()
	d, err := description()
	if err != nil {
		tb.Fatal(err)
	}
	var report openapi.Report
	tb.Cleanup(func() {
		for _, p := range report.Problems() {
			tb.Errorf("OpenAPI: %v", p)
		}
	})
	return d.Transport(nil, &report)
}

func must[T any](v T, err error) func(tb testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

const message = "promote web\n\nKargo-Stage: prod\nKargo-Promotion: prod-1\n"

// change checks out main, writes files and commits, as steps do. Nil deletes.
func (w *world) change(files map[string]*string) *tree.Checkout {
	w.t.Helper()
	c := must(w.git.Checkout(w.t.Context(), w.repoURL, step.Ref{Branch: "main"}))(w.t)
	w.commit(c, message, files)
	return c
}

func (w *world) commit(c *tree.Checkout, message string, files map[string]*string) {
	w.t.Helper()
	for p, content := range files {
		var err error
		if content == nil {
			err = c.FS.RemoveAll(w.t.Context(), p)
		} else {
			err = c.FS.WriteFile(w.t.Context(), p, []byte(*content), tree.ModeFile)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	must(c.Commit(w.t.Context(), message, nil))(w.t)
	id := must(w.git.Commit(w.t.Context(), c))(w.t)
	c.Stored(must(tree.ParseHash(id))(w.t))
}

func (w *world) count(route string) int { return w.RequestCounts()[route] }

func (w *world) file(ref, path string) string {
	w.t.Helper()
	return must(w.File(gitops, ref, path))(w.t)
}

const repoRoute = "/repos/{owner}/{repo}"
