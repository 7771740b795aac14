package forge

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// account is a person, an organisation or an App's bot.
type account struct {
	id      int64
	login   string
	kind    string // User, Organization, Bot
	members map[string]string
	teams   map[string]*team
}

type team struct {
	id      int64
	slug    string
	members map[string]string // login to role
}

// app is a registered GitHub App: the one under test, or another that reports checks.
type app struct {
	id          int64
	slug, name  string
	owner, bot  *account
	cfg         App
	hookURL     string
	hookSecret  string
	permissions map[string]string
	events      []string
	created     time.Time
}

type installation struct {
	id          int64
	account     *account
	selected    map[int64]bool // nil means every repository of the account
	permissions map[string]string
	suspendedAt time.Time
	suspendedBy *account
	created     time.Time
}

func (i *installation) covers(r *repo) bool {
	return r.owner == i.account && (i.selected == nil || i.selected[r.id])
}

type token struct {
	value       string
	inst        *installation
	repos       map[int64]bool // nil means those of the installation
	permissions map[string]string
	expires     time.Time
	used        int
}

type repo struct {
	id            int64
	owner         *account
	name          string
	private       bool
	defaultBranch string
	opts          RepoOptions
	created       time.Time
	pushed        time.Time
	git           *gitRepo
	roles         map[string]string
	nextNumber    int
	issues        []*issue
	labels        map[string]*label
	suites        []*checkSuite
	runs          []*checkRun
	statuses      []*status
	deployments   []*deployment
	workflowRuns  []*workflowRun
	workflowIDs   map[string]int64 // by path
	environments  map[string]*environment
	protections   map[string]Protection
	rulesets      []ruleset
	queues        map[string][]*queueEntry // by branch
	groups        int                      // how many commits queues have made
	verified      map[plumbing.Hash]bool
}

func (r *repo) fullName() string { return r.owner.login + "/" + r.name }

func repoKey(fullName string) string { return strings.ToLower(strings.TrimSuffix(fullName, ".git")) }

func (r *repo) issue(number int) *issue {
	for _, i := range r.issues {
		if i.number == number {
			return i
		}
	}
	return nil
}

func (r *repo) pull(number int) *pull {
	if i := r.issue(number); i != nil {
		return i.pull
	}
	return nil
}

func (r *repo) pulls() []*pull {
	var out []*pull
	for _, i := range r.issues {
		if i.pull != nil {
			out = append(out, i.pull)
		}
	}
	return out
}

// nodeID is an opaque global id in the style of GitHub's, stable for a kind and a number.
func nodeID(kind string, id int64) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "forge%d", id))
}

// orderedKeys returns the keys of m, sorted, so that answers do not depend on map order.
func orderedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// optTime is a JSON null for a time that has not come.
func optTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return timestamp(t)
}

func optString(s string) any {
	if s == "" {
		return nil
	}
	return s
}
