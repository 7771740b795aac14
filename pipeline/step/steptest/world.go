package steptest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// World is everything outside that steps can reach.
type World struct {
	mu    sync.Mutex
	repos map[string]*repository
	ticks int64

	// Now is the time. It stands still unless a test moves it.
	Now time.Time
	// PollInterval is that of the Ports.
	PollInterval time.Duration
	// Fault, when not nil, is asked before and after every effect; an error
	// fails the call. After an effect it is the answer that got lost.
	Fault func(op string, after bool) error

	Pulls *Pulls
	Gates *Gates
	Notes *Notes
	Web   *Web
	Mail  *Mail
	// Past keeps Promotions.
	Past *Past
	// Events are those that were recorded, by Promotion and step.
	Events map[string]step.AuditEvent

	Workflows *Workflows
	Issues    *Issues
	// Charts is filled by a test.
	Charts    *Charts
	Sandbox   *Sandbox
	Artifacts *Artifacts
	Queues    *Queues
	Rules     *Rules
	// RemoteBases says which bases kustomizations may take; nil for none.
	RemoteBases func(repoURL string) bool
}

// New returns a World without repositories.
func New() *World {
	w := &World{
		repos:        map[string]*repository{},
		Now:          time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		PollInterval: 5 * time.Minute,
		Gates:        &Gates{},
		Charts:       &Charts{},
		Sandbox:      &Sandbox{},
		Artifacts:    newArtifacts(),
	}
	w.Pulls = &Pulls{world: w, byNumber: map[int]*request{}}
	w.Notes = &Notes{world: w, Values: map[string]map[string]any{}, Aliases: map[string]string{}, Stages: map[string]map[string]any{}}
	w.Web = &Web{world: w, hosts: map[string]http.Handler{}}
	w.Mail = &Mail{world: w}
	w.Events = map[string]step.AuditEvent{}
	w.Workflows = &Workflows{world: w, Returned: map[int64]map[string][]string{}}
	w.Issues = &Issues{world: w}
	w.Queues, w.Rules = &Queues{world: w}, &Rules{}
	w.Past = &Past{}
	return w
}

// Ports returns the World as steps see it.
func (w *World) Ports() step.Ports {
	return step.Ports{
		Git:        (*Git)(w),
		Tags:       (*Tags)(w),
		Pulls:      w.Pulls,
		Gates:      w.Gates,
		Queues:     w.Queues,
		Rules:      w.Rules,
		Notes:      w.Notes,
		StageNotes: w.Notes,
		Web:        w.Web,
		Mail:       w.Mail,
		Audit:      (*audit)(w),
		Callback: func(p *pipeline.Promotion, alias string) string {
			return "https://kargo.example.com/callbacks/" + p.ID + "." + alias
		},
		Repository: repositoryAt,
		Workflows:  w.Workflows, WorkflowOutputs: w.Workflows,
		Issues: w.Issues, IssueComments: w.Issues,
		Past:         w.Past,
		PathCommits:  (*pathCommits)(w),
		Charts:       w.Charts,
		RemoteBases:  w.RemoteBases,
		Artifacts:    w.Artifacts,
		Sandbox:      w.Sandbox,
		Now:          func() time.Time { return w.Now },
		PollInterval: w.PollInterval,
	}
}

// repositoryAt knows the addresses of https://github.com.
func repositoryAt(repoURL string) (pipeline.Repo, error) {
	rest, ok := strings.CutPrefix(pipeline.NormalizeGitURL(repoURL), "https://github.com/")
	owner, name, found := strings.Cut(rest, "/")
	if !ok || !found || strings.Contains(name, "/") {
		return pipeline.Repo{}, fmt.Errorf("%s is not a repository on https://github.com", repoURL)
	}
	return pipeline.Repo{Owner: owner, Name: name}, nil
}

// Recorded is what becomes of an output that a step makes durable.
func (w *World) Recorded() error { return w.fault("record", true) }

func (w *World) fault(op string, after bool) error {
	if w.Fault == nil {
		return nil
	}
	return w.Fault(op, after)
}
