package promotion_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// host is the part of a Git host that shows Promotions. Like the real one it
// creates whatever it is asked to create, however often.
type host struct {
	mu          sync.Mutex
	checks      []report.CheckRun
	deployments []deployment
	comments    []comment
	// calls counts calls by name.
	calls map[string]int
	// fault is asked before and after every effect.
	fault func(op string, after bool) error
}

type deployment struct {
	report.Deployment
	states []string
}

type comment struct {
	number int
	body   string
}

var (
	_ promotion.Checks      = (*host)(nil)
	_ promotion.Deployments = (*host)(nil)
	_ promotion.Comments    = (*host)(nil)
)

// do runs an effect between its two faults.
func (h *host) do(ctx context.Context, op string, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if h.fault != nil {
		if err := h.fault(op, false); err != nil {
			return err
		}
	}
	h.mu.Lock()
	if h.calls == nil {
		h.calls = map[string]int{}
	}
	h.calls[op]++
	err := effect()
	h.mu.Unlock()
	if err == nil && h.fault != nil {
		err = h.fault(op, true)
	}
	return err
}

// FindCheck implements promotion.Checks.
func (h *host) FindCheck(ctx context.Context, _ pipeline.Repo, sha, name, externalID string) (id int64, err error) {
	err = h.do(ctx, "find-check", func() error {
		return found(&id, slices.IndexFunc(h.checks, func(c report.CheckRun) bool {
			return c.SHA == sha && c.Name == name && c.ExternalID == externalID
		}))
	})
	return id, err
}

// CreateCheck implements promotion.Checks.
func (h *host) CreateCheck(ctx context.Context, _ pipeline.Repo, c report.CheckRun) (id int64, err error) {
	err = h.do(ctx, "create-check", func() error {
		h.checks = append(h.checks, c)
		id = int64(len(h.checks))
		return nil
	})
	return id, err
}

// UpdateCheck implements promotion.Checks.
func (h *host) UpdateCheck(ctx context.Context, _ pipeline.Repo, id int64, c report.CheckRun) error {
	return h.do(ctx, "update-check", func() error {
		h.checks[id-1] = c
		return nil
	})
}

// FindDeployment implements promotion.Deployments.
func (h *host) FindDeployment(ctx context.Context, _ pipeline.Repo, d report.Deployment) (id int64, err error) {
	err = h.do(ctx, "find-deployment", func() error {
		return found(&id, slices.IndexFunc(h.deployments, func(e deployment) bool {
			return e.Environment == d.Environment && e.Payload.Promotion == d.Payload.Promotion
		}))
	})
	return id, err
}

// CreateDeployment implements promotion.Deployments.
func (h *host) CreateDeployment(ctx context.Context, _ pipeline.Repo, d report.Deployment) (id int64, err error) {
	err = h.do(ctx, "create-deployment", func() error {
		h.deployments = append(h.deployments, deployment{Deployment: d})
		id = int64(len(h.deployments))
		return nil
	})
	return id, err
}

// FindDeploymentStatus implements promotion.Deployments.
func (h *host) FindDeploymentStatus(ctx context.Context, _ pipeline.Repo, id int64, state string) error {
	return h.do(ctx, "find-status", func() error {
		if !slices.Contains(h.deployments[id-1].states, state) {
			return fmt.Errorf("%s of deployment %d: %w", state, id, step.ErrNotFound)
		}
		return nil
	})
}

// SetDeploymentStatus implements promotion.Deployments.
func (h *host) SetDeploymentStatus(ctx context.Context, _ pipeline.Repo, id int64, s report.DeploymentStatus) error {
	return h.do(ctx, "set-status", func() error {
		if id < 1 || int(id) > len(h.deployments) {
			return fmt.Errorf("deployment %d: %w", id, step.ErrNotFound)
		}
		d := &h.deployments[id-1]
		d.states = append(d.states, s.State)
		return nil
	})
}

// FindComment implements promotion.Comments.
func (h *host) FindComment(ctx context.Context, _ pipeline.Repo, number int, marker string) (id int64, err error) {
	err = h.do(ctx, "find-comment", func() error {
		return found(&id, slices.IndexFunc(h.comments, func(c comment) bool {
			return c.number == number && strings.HasPrefix(c.body, marker)
		}))
	})
	return id, err
}

// CreateComment implements promotion.Comments.
func (h *host) CreateComment(ctx context.Context, _ pipeline.Repo, number int, body string) (id int64, err error) {
	err = h.do(ctx, "create-comment", func() error {
		h.comments = append(h.comments, comment{number, body})
		id = int64(len(h.comments))
		return nil
	})
	return id, err
}

// UpdateComment implements promotion.Comments.
func (h *host) UpdateComment(ctx context.Context, _ pipeline.Repo, id int64, body string) error {
	return h.do(ctx, "update-comment", func() error {
		h.comments[id-1].body = body
		return nil
	})
}

// found turns an index into an id.
func found(id *int64, i int) error {
	if i < 0 {
		return step.ErrNotFound
	}
	*id = int64(i + 1)
	return nil
}
