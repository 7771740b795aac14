package handlers

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// ConfigChecks checks the .kargo.yaml that a pull request proposes.
type ConfigChecks interface {
	// CheckConfig publishes the check run kargo / config on head if .kargo.yaml
	// there differs from the default branch's.
	CheckConfig(ctx context.Context, r store.RepoRecord, head string) error
}

// Pulls handles what happens to pull requests and to the commits at their heads.
type Pulls struct {
	*Sources
	Configs ConfigChecks
	Groups  MergeGroups
}

type pullPayload struct {
	Number      int `json:"number"`
	PullRequest struct {
		Number int `json:"number"`
		Head   struct {
			SHA string `json:"sha"`
			Ref string `json:"ref"`
		} `json:"head"`
	} `json:"pull_request"`
}

// PullRequest handles pull_request and pull_request_review: a Promotion that
// waits for this pull request looks at once.
func (h *Pulls) PullRequest(ctx context.Context, e Event) error {
	rec, ok := e.Record()
	if !ok {
		return nil
	}
	p, err := decode[pullPayload](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	// Who waits for a pull request has opened it: looking at it again would cost
	// requests and show nothing new.
	if e.Name != "pull_request" || e.Action != "opened" {
		if _, err := h.Hints.Wake(ctx, []string{pipeline.PullEvent(rec.Repo, p.PullRequest.Number)}, h.Now()); err != nil {
			return fmt.Errorf("wake for pull request %d: %w", p.PullRequest.Number, err)
		}
	}
	if e.Name != "pull_request" || internalBranch(p.PullRequest.Head.Ref) {
		return nil
	}
	switch e.Action {
	case "opened", "reopened", "synchronize":
		if err := h.remember(ctx, rec); err != nil {
			return err
		}
		if err := h.Configs.CheckConfig(ctx, rec, p.PullRequest.Head.SHA); err != nil {
			return fmt.Errorf("check configuration in pull request %d: %w", p.PullRequest.Number, err)
		}
	}
	return nil
}

// Commit handles check_run, check_suite and status: a Promotion that waits for
// this commit looks at once. Events about checks that are not finished are no
// news.
func (h *Pulls) Commit(ctx context.Context, e Event) error {
	p, err := decode[struct {
		SHA      string `json:"sha"`
		State    string `json:"state"`
		CheckRun struct {
			HeadSHA string `json:"head_sha"`
			Status  string `json:"status"`
			Name    string `json:"name"`
		} `json:"check_run"`
		CheckSuite struct {
			HeadSHA string `json:"head_sha"`
			Status  string `json:"status"`
		} `json:"check_suite"`
	}](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	var sha string
	switch {
	case e.Name == "status" && p.State != "pending":
		sha = p.SHA
	case e.Name == "check_run" && p.CheckRun.Status == "completed":
		sha = p.CheckRun.HeadSHA
	case e.Name == "check_suite" && p.CheckSuite.Status == "completed":
		sha = p.CheckSuite.HeadSHA
	}
	if sha == "" {
		return nil
	}
	if _, err := h.Hints.Wake(ctx, []string{pipeline.CommitEvent(sha)}, h.Now()); err != nil {
		return fmt.Errorf("wake for commit %s: %w", sha, err)
	}
	return nil
}
