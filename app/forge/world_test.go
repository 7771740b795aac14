package forge_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

const (
	repoName = "acme/gitops"
	secret   = "it is a secret"
)

// appKey is shared: generating RSA keys is slow and nothing here depends on them being different.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// clock is a hand-moved clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// hook is one webhook as the App received it.
type hook struct {
	event, guid string
	header      http.Header
	raw         []byte
	payload     map[string]any
}

func (h hook) action() string { a, _ := h.payload["action"].(string); return a }

// world is a simulator with one organisation, one repository and the App installed on it.
type world struct {
	*forge.Server
	t       *testing.T
	clock   *clock
	http    *httptest.Server
	install int64
	client  *github.Client // as the installation
	app     *github.Client // as the App
	mu      sync.Mutex
	got     []hook
	answer  int
}

type option func(*forge.Options, *forge.RepoOptions)

func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Now()}, answer: http.StatusAccepted}
	o := forge.Options{Dir: t.TempDir(), Now: w.clock.Now, App: forge.App{ID: 42, Slug: "kargo", PublicKey: &appKey().PublicKey}}
	r := forge.RepoOptions{Owner: "acme", Name: "gitops", Private: true, Files: map[string]string{
		"README.md": "hello\n", "apps/web/values.yaml": "image:\n  tag: v1\n", "apps/db/values.yaml": "tag: 1\n", "run.sh": "#!/bin/sh\n",
	}}
	for _, opt := range options {
		opt(&o, &r)
	}
	s, err := forge.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = s
	w.http = httptest.NewServer(s)
	t.Cleanup(w.http.Close)
	s.SetBaseURL(w.http.URL)
	target := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(target.Close)
	s.SetWebhook(target.URL+"/webhooks/github", secret)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })

	s.CreateOrg("acme", "alice", "bob")
	if err := s.CreateRepo(r); err != nil {
		t.Fatal(err)
	}
	for user, role := range map[string]string{"alice": "admin", "bob": "write", "carol": "read"} {
		if err := s.SetRole(repoName, user, role); err != nil {
			t.Fatal(err)
		}
	}
	if w.install, err = s.Install("acme"); err != nil {
		t.Fatal(err)
	}
	w.app = w.enterprise(w.appTransport())
	w.client = w.enterprise(w.installTransport(nil))
	return w
}

func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	h := hook{event: r.Header.Get("X-GitHub-Event"), guid: r.Header.Get("X-GitHub-Delivery"), header: r.Header, raw: raw}
	_ = json.Unmarshal(raw, &h.payload)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, h)
	rw.WriteHeader(w.answer)
}

func (w *world) appTransport() *ghinstallation.AppsTransport {
	w.t.Helper()
	raw := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})
	tr, err := ghinstallation.NewAppsTransport(http.DefaultTransport, 42, raw)
	if err != nil {
		w.t.Fatal(err)
	}
	tr.BaseURL = w.http.URL + "/api/v3"
	return tr
}

func (w *world) installTransport(o *github.InstallationTokenOptions) *ghinstallation.Transport {
	tr := ghinstallation.NewFromAppsTransport(w.appTransport(), w.install)
	tr.BaseURL = w.http.URL + "/api/v3"
	tr.InstallationTokenOptions = o
	return tr
}

func (w *world) enterprise(rt http.RoundTripper) *github.Client {
	w.t.Helper()
	c, err := github.NewClient(&http.Client{Transport: rt}).WithEnterpriseURLs(w.http.URL, w.http.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) token() string {
	w.t.Helper()
	tok, err := w.installTransport(nil).Token(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return tok
}

// hooks waits until everything is delivered and returns the webhooks of an event, in order of arrival.
func (w *world) hooks(event string) []hook {
	w.t.Helper()
	if err := w.WaitDelivered(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []hook
	for _, h := range w.got {
		if h.event == event {
			out = append(out, h)
		}
	}
	return out
}

func (w *world) push(branch, user string, files map[string]*string) string {
	w.t.Helper()
	sha, err := w.Push(repoName, branch, user, "change "+branch, files)
	if err != nil {
		w.t.Fatal(err)
	}
	return sha
}

// openPR pushes a change of the web tag on a branch and opens a pull request as bob.
func (w *world) openPR(branch string) int {
	w.t.Helper()
	w.push(branch, "bob", map[string]*string{"apps/web/values.yaml": forge.Text("image:\n  tag: " + branch + "\n")})
	n, err := w.OpenPullRequest(repoName, "bob", forge.NewPullRequest{Title: "Promote " + branch, Head: branch})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) head(branch string) string {
	w.t.Helper()
	refs, err := w.Refs(repoName)
	if err != nil {
		w.t.Fatal(err)
	}
	return refs["refs/heads/"+branch]
}

// raw sends a request without go-github's help.
func (w *world) raw(method, path, auth string, body string) (int, map[string]any, http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var o map[string]any
	_ = json.Unmarshal(raw, &o)
	return resp.StatusCode, o, resp.Header
}

// git runs the real git.
func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	out, err := w.tryGit(dir, args...)
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

func (w *world) tryGit(dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (w *world) authURL() string {
	return strings.Replace(w.CloneURL(repoName), "http://", "http://x-access-token:"+w.token()+"@", 1)
}

func status(err error) int {
	if e, isResponse := err.(*github.ErrorResponse); isResponse { //nolint:errorlint // go-github returns it bare
		return e.Response.StatusCode
	}
	return 0
}
