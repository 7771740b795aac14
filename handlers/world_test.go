package handlers_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

const secret = "it is a secret"

// world is the inbox and the dispatcher over a real database, with GitHub played
// by a fake that remembers what it was told.
type world struct {
	t          *testing.T
	db         *sqlite.DB
	inbox      *handlers.Inbox
	dispatcher *handlers.Dispatcher
	comments   *handlers.Comments
	people     *people
	mu         sync.Mutex
	clock      time.Time
	guids      int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, db: db, clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), people: newPeople()}
	log := slog.New(slog.DiscardHandler)
	sources := &handlers.Sources{
		Hints: db, Now: w.now, Log: log,
		CloneURL: func(r pipeline.Repo) string { return "https://github.com/" + r.String() + ".git" },
	}
	pulls := &handlers.Pulls{Sources: sources, Configs: w.people}
	installations := &handlers.Installations{Sources: sources, Registrar: registrar{DB: db, people: w.people}}
	comments := &handlers.Comments{Sources: sources, People: w.people, State: db}
	w.comments = comments
	w.inbox = &handlers.Inbox{Secret: []byte(secret), Deliveries: db, Now: w.now, Log: log}
	w.dispatcher = &handlers.Dispatcher{Journal: db, Now: w.now, Log: log, Handlers: map[string]handlers.Handler{
		"push": sources.Push, "package": sources.Package, "registry_package": sources.Package,
		"pull_request": pulls.PullRequest, "pull_request_review": pulls.PullRequest,
		"check_run": pulls.Commit, "check_suite": pulls.Commit, "status": pulls.Commit,
		"issue_comment": comments.Comment, "installation": installations.Installation,
		"installation_repositories": installations.Repositories, "repository": installations.Repository,
	}}
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) guid() string {
	w.guids++
	return fmt.Sprintf("guid-%d", w.guids)
}

// delivery is a signed request as GitHub sends it.
func (w *world) delivery(event, guid string, body []byte) *http.Request {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/webhooks/github", bytes.NewReader(body))
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-Hub-Signature-256", sign(body))
	return r
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// send delivers and dispatches an event; it fails the test if either does not
// work.
func (w *world) send(event string, payload map[string]any) {
	w.t.Helper()
	if next, err := w.try(event, payload); err != nil || !next.IsZero() {
		w.t.Fatalf("%s: dispatched with %v, again at %v", event, err, next)
	}
}

func (w *world) try(event string, payload map[string]any) (time.Time, error) {
	w.t.Helper()
	body, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	guid := w.guid()
	rec := httptest.NewRecorder()
	w.inbox.ServeHTTP(rec, w.delivery(event, guid, body))
	if rec.Code != http.StatusAccepted {
		w.t.Fatalf("%s: status %d: %s", event, rec.Code, rec.Body)
	}
	return w.dispatcher.Dispatch(w.t.Context(), guid)
}

// due lists the keys of the work of one kind that is due.
func (w *world) due(kind store.WorkKind) []string {
	w.t.Helper()
	var keys []string
	for {
		j, ok, err := w.db.Claim(w.t.Context(), []store.WorkKind{kind}, w.now(), time.Hour)
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok {
			slices.Sort(keys)
			return keys
		}
		keys = append(keys, j.Key)
		if err := w.db.Finish(w.t.Context(), j, time.Time{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// event is a payload about acme/config.
func event(more map[string]any) map[string]any {
	p := map[string]any{
		"installation": map[string]any{"id": 7},
		"repository": map[string]any{
			"id": 1, "name": "config", "full_name": "acme/config", "default_branch": "main",
			"owner": map[string]any{"login": "acme"},
		},
		"sender": map[string]any{"login": "ana", "type": "User"},
	}
	for k, v := range more {
		p[k] = v
	}
	return p
}

// people is GitHub as comment commands see it.
type people struct {
	mu        sync.Mutex
	roles     map[string]string
	reactions map[int64][]string
	replies   map[string]string
	merged    map[int]string
	checked   []string
	refreshed []int64
	// places are where it was replied, by marker; blind are the repositories that
	// nobody has a role on.
	places map[string]string
	blind  map[int64]bool
}

func newPeople() *people {
	return &people{roles: map[string]string{}, reactions: map[int64][]string{}, replies: map[string]string{}, merged: map[int]string{}, places: map[string]string{}, blind: map[int64]bool{}}
}

func (p *people) Permission(_ context.Context, r pipeline.Repo, login string, _ []string) (pipeline.Actor, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blind[r.ID] {
		return pipeline.Actor{Login: login, Role: "none"}, nil
	}
	return pipeline.Actor{Login: login, Role: p.roles[login]}, nil
}

func (p *people) React(_ context.Context, _ pipeline.Repo, comment int64, content string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.reactions[comment], content) {
		p.reactions[comment] = append(p.reactions[comment], content)
	}
	return nil
}

func (p *people) MergeCommit(_ context.Context, _ pipeline.Repo, number int) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.merged[number], nil
}

func (p *people) Reply(_ context.Context, r pipeline.Repo, number int, marker, body string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replies[marker] = body
	p.places[marker] = fmt.Sprintf("%s#%d", r, number)
	return nil
}

func (p *people) CheckConfig(_ context.Context, _ store.RepoRecord, head string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked = append(p.checked, head)
	return nil
}

type registrar struct {
	*sqlite.DB
	people *people
}

func (r registrar) Refresh(_ context.Context, installation int64) error {
	r.people.refreshed = append(r.people.refreshed, installation)
	return nil
}
