package verify_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// host plays the Git host: workflow runs appear in lists with a lag, and a death can
// be planned on either side of a dispatch.
type host struct {
	mu          sync.Mutex
	now         func() time.Time
	runs        []actions.Run
	dispatches  []actions.Dispatch
	cancelled   []int64
	results     []verify.CheckResult
	deployments []verify.Deployed
	asked       []string
	// lag is how long a run takes to show in lists, mute that dispatches tell no id.
	lag  time.Duration
	mute bool
	// die is called before and after the effect of a dispatch.
	die func(when string) error
	// refuse is the host's answer to a dispatch, if any.
	refuse error
}

func (h *host) Head(context.Context, pipeline.Repo) (string, error) { return "head", nil }

func (h *host) Results(_ context.Context, repo pipeline.Repo, sha, name string) ([]verify.CheckResult, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, fmt.Sprintf("%s %s %s", repo, sha, name))
	return h.results, nil
}

func (h *host) Deployed(_ context.Context, repo pipeline.Repo, sha, environment string) ([]verify.Deployed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, fmt.Sprintf("%s %s %s", repo, sha, environment))
	return h.deployments, nil
}

func (h *host) DefaultBranch(context.Context, pipeline.Repo) (string, error) { return "main", nil }

func (h *host) Dispatch(_ context.Context, _ pipeline.Repo, d actions.Dispatch) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return 0, h.refuse
	}
	if h.die != nil {
		if err := h.die("before"); err != nil {
			return 0, err
		}
	}
	id := int64(100 + len(h.runs))
	h.dispatches = append(h.dispatches, d)
	h.runs = append(h.runs, actions.Run{ID: id, Title: "run " + d.Inputs["id"], CreatedAt: h.now(), URL: fmt.Sprintf("https://gh/%d", id)})
	if h.die != nil {
		if err := h.die("after"); err != nil {
			return 0, err
		}
	}
	if h.mute {
		return 0, nil
	}
	return id, nil
}

func (h *host) Dispatched(_ context.Context, _ pipeline.Repo, _, _ string, since time.Time) ([]actions.Run, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []actions.Run
	for _, run := range slices.Backward(h.runs) {
		if !run.CreatedAt.Before(since) && !h.now().Before(run.CreatedAt.Add(h.lag)) {
			out = append(out, run)
		}
	}
	return out, nil
}

func (h *host) WorkflowRun(_ context.Context, _ pipeline.Repo, id int64) (actions.Run, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, run := range h.runs {
		if run.ID == id {
			return run, nil
		}
	}
	return actions.Run{}, fmt.Errorf("no run %d", id)
}

func (h *host) Cancel(_ context.Context, _ pipeline.Repo, id int64) error {
	h.cancelled = append(h.cancelled, id)
	return nil
}

func (h *host) end(id int64, conclusion string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.runs {
		if h.runs[i].ID == id {
			h.runs[i].Done, h.runs[i].Conclusion = true, conclusion
		}
	}
}

// onHost is a world whose only metric has a provider of the Git host.
func onHost(w *world) *host {
	h := &host{now: func() time.Time { return w.now }}
	w.runner.Providers = verify.Builtin(verify.Ports{Commits: h, Workflows: h, Deployments: h})
	return h
}

func withProvider(kind string, config map[string]any) pipeline.Verification {
	return one(metric(kind, func(m *pipeline.Metric) {
		m.Provider.Config, m.Timeout = config, pipeline.Duration(30*time.Minute)
		m.ConsecutiveErrorLimit = ptr(0)
	}))
}
