package handlers

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Event is one Delivery, read as far as all events are alike.
type Event struct {
	GUID, Name string
	Body       []byte
	ReceivedAt time.Time
	Envelope
}

// Envelope is what most payloads have in common.
type Envelope struct {
	Action       string      `json:"action"`
	Repository   *Repository `json:"repository"`
	Installation *struct {
		ID int64 `json:"id"`
	} `json:"installation"`
	Sender Account `json:"sender"`
}

// Account is a user, bot or organisation.
type Account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

// Bot reports whether the account belongs to a program.
func (a Account) Bot() bool { return a.Type == "Bot" || strings.HasSuffix(a.Login, "[bot]") }

// Repository is a repository as payloads describe it; installation events leave
// out the owner and the default branch.
type Repository struct {
	ID            int64   `json:"id"`
	Name          string  `json:"name"`
	FullName      string  `json:"full_name"`
	Private       bool    `json:"private"`
	DefaultBranch string  `json:"default_branch"`
	CloneURL      string  `json:"clone_url"`
	Owner         Account `json:"owner"`
}

// Repo returns the repository's identity.
func (r Repository) Repo() pipeline.Repo {
	owner, name, ok := strings.Cut(r.FullName, "/")
	if !ok {
		owner, name = r.Owner.Login, r.Name
	}
	return pipeline.Repo{ID: r.ID, Owner: owner, Name: name}
}

// Record returns what the event says of its repository; ok is false when it
// names none or does not come through an installation.
func (e Event) Record() (store.RepoRecord, bool) {
	if e.Repository == nil || e.Repository.ID == 0 || e.Installation == nil {
		return store.RepoRecord{}, false
	}
	return store.RepoRecord{
		Repo: e.Repository.Repo(), Installation: e.Installation.ID,
		DefaultBranch: e.Repository.DefaultBranch, Private: e.Repository.Private,
	}, true
}

// decode reads the event-specific part of the payload. A payload that does not
// have the documented form is an error that no further attempt would mend, so
// callers log and drop it.
func decode[T any](e Event) (T, error) {
	var v T
	if err := json.Unmarshal(e.Body, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", e.Name, err)
	}
	return v, nil
}
