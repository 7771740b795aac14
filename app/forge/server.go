package forge

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
)

// Options configures a Server.
type Options struct {
	// Dir receives the bare repositories, as OWNER/REPO.git. Required; it must exist.
	Dir string
	// BaseURL is what the world calls this server, without a trailing slash. It may be set later with SetBaseURL.
	BaseURL string
	// App is the GitHub App under test.
	App App
	// Now is the server's clock; nil means time.Now.
	Now func() time.Time
	// Logger receives delivery failures; nil discards.
	Logger *slog.Logger
	// MergeableDelay is how long after the first read of a pull request its mergeable field stays null. Even with 0 the
	// first read answers null, as GitHub's does.
	MergeableDelay time.Duration
	// HookClient sends the webhooks; nil means a client with GitHub's 10 s limit.
	HookClient *http.Client
	// HookWorkers is how many webhooks are in flight at once. The default, 1, delivers in order; GitHub promises no order.
	HookWorkers int
}

// App describes the registered GitHub App.
type App struct {
	ID   int64  // default 1
	Slug string // default "kargo"
	Name string // default Slug
	// PublicKey verifies the RS256 JSON Web Tokens of the App. Required.
	PublicKey *rsa.PublicKey
	// WebhookURL and WebhookSecret may be set later with SetWebhook. No URL, no deliveries.
	WebhookURL    string
	WebhookSecret string
	// Permissions, by GitHub's names, to "read" or "write" or "admin"; nil means DefaultPermissions.
	Permissions map[string]string
	// Events the App subscribes to; nil means DefaultEvents.
	Events []string
}

// DefaultPermissions are those a promotion bot needs and no more; administration and workflows are absent on purpose.
func DefaultPermissions() map[string]string {
	return map[string]string{
		"metadata": "read", "contents": "write", "pull_requests": "write", "issues": "write", "checks": "write",
		"statuses": "read", "deployments": "write", "actions": "write", "packages": "read", "members": "read", "merge_queues": "read",
	}
}

// DefaultEvents are the events that a promotion bot subscribes to.
func DefaultEvents() []string {
	return []string{
		"push", "issue_comment", "issues", "pull_request", "pull_request_review", "check_run", "check_suite", "status",
		"deployment", "deployment_status", "registry_package", "repository", "workflow_run", "merge_group",
	}
}

// Server is the simulated GitHub. Create it with New.
type Server struct {
	opts     Options
	now      func() time.Time
	log      *slog.Logger
	router   chi.Router
	git      gitProgram
	hooksDir string // git hooks, not webhooks
	hooks    hookQueue
	traffic  traffic
	faults   faults

	mu       sync.Mutex
	base     string
	seq      int64
	app      *app
	apps     map[string]*app // by slug; includes app
	accounts map[string]*account
	repos    map[string]*repo // by lower-case owner/name
	installs []*installation
	tokens   map[string]*token
}

// New returns a Server with no accounts and no repositories. It fails when git is not installed or Options are
// incomplete.
func New(o Options) (*Server, error) {
	if o.Dir == "" {
		return nil, errors.New("forge: Options.Dir is required")
	}
	if o.App.PublicKey == nil {
		return nil, errors.New("forge: Options.App.PublicKey is required")
	}
	program, err := findGit()
	if err != nil {
		return nil, err
	}
	hooksDir, err := filepath.Abs(filepath.Join(o.Dir, ".hooks"))
	if err != nil {
		return nil, fmt.Errorf("forge: %w", err)
	}
	if err := writeHooks(hooksDir); err != nil {
		return nil, fmt.Errorf("forge: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HookClient == nil {
		o.HookClient = &http.Client{Timeout: 10 * time.Second}
	}
	s := &Server{
		opts: o, now: o.Now, log: o.Logger, git: program, hooksDir: hooksDir, base: strings.TrimSuffix(o.BaseURL, "/"),
		seq: 1000, apps: map[string]*app{}, accounts: map[string]*account{}, repos: map[string]*repo{}, tokens: map[string]*token{},
	}
	s.hooks.init()
	s.app = s.registerApp(o.App)
	s.router = s.routes()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// chi falls back to the decoded path when RawPath is empty; routing on the escaped form keeps %2F inside a branch name.
	r = r.Clone(r.Context())
	r.URL.RawPath = r.URL.EscapedPath()
	s.router.ServeHTTP(w, r)
}

// SetBaseURL sets what the world calls this server, for servers that learn their address by listening.
func (s *Server) SetBaseURL(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = strings.TrimSuffix(base, "/")
}

// BaseURL returns the URL set by Options or SetBaseURL.
func (s *Server) BaseURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base
}

// SetWebhook points the App's webhook at target and signs with secret. Events that happen while target is empty are
// not delivered, ever.
func (s *Server) SetWebhook(target, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app.hookURL, s.app.hookSecret = target, secret
}

// CloneURL returns the git URL of repo ("owner/name") without credentials.
func (s *Server) CloneURL(repo string) string { return s.BaseURL() + "/" + repo + ".git" }

// Run delivers webhooks until ctx ends, then waits for the deliveries in flight. It returns nil.
func (s *Server) Run(ctx context.Context) error { return s.deliverLoop(ctx) }

func (s *Server) api(format string, args ...any) string {
	return s.base + "/api/v3" + fmt.Sprintf(format, args...)
}

func (s *Server) web(format string, args ...any) string { return s.base + fmt.Sprintf(format, args...) }

func (s *Server) nextID() int64 {
	s.seq++
	return s.seq
}

// clock is the server's time in GitHub's resolution.
func (s *Server) clock() time.Time { return s.now().UTC().Truncate(time.Second) }

func pathParam(r *http.Request, name string) string {
	raw := chi.URLParam(r, name)
	if v, err := url.PathUnescape(raw); err == nil {
		return v
	}
	return raw
}
