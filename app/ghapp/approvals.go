package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

type review struct {
	User     *account `json:"user"`
	State    string   `json:"state"`
	CommitID string   `json:"commit_id"`
}

// Approvals implements step.Gates.
func (s *Gates) Approvals(ctx context.Context, repoURL string, number int, head string, teams []string) ([]pipeline.Actor, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return nil, fmt.Errorf("approvals of pull request %d: %w", number, err)
	}
	logins, err := r.approvers(ctx, number, head)
	if err != nil {
		return nil, fmt.Errorf("approvals of pull request %d: %w", number, err)
	}
	if len(logins) == 0 {
		return nil, nil
	}
	p, err := r.pull(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	var out []pipeline.Actor
	for _, login := range logins {
		if strings.EqualFold(login, p.User.Login) {
			continue
		}
		actor, err := s.app.actor(ctx, r, login, teams)
		if err != nil {
			return nil, fmt.Errorf("approvals of pull request %d: %w", number, err)
		}
		out = append(out, actor)
	}
	return out, nil
}

// approvers returns those whose latest verdict approves head, in the order of
// their first review. A comment is no verdict and replaces none; programs approve
// nothing.
func (r *rest) approvers(ctx context.Context, number int, head string) ([]string, error) {
	latest := map[string]review{}
	var order []string
	err := each(ctx, r, r.path("/pulls/%d/reviews", number), nil, func(page []review) bool {
		for _, v := range page {
			if v.User == nil || v.User.Type == "Bot" {
				continue
			}
			switch v.State {
			case "APPROVED", "CHANGES_REQUESTED", "DISMISSED":
				if _, known := latest[v.User.Login]; !known {
					order = append(order, v.User.Login)
				}
				latest[v.User.Login] = v
			}
		}
		return true
	})
	if status(err) == http.StatusNotFound {
		return nil, fmt.Errorf("%w: %w", step.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, login := range order {
		if v := latest[login]; v.State == "APPROVED" && strings.EqualFold(v.CommitID, head) {
			out = append(out, login)
		}
	}
	return out, nil
}
