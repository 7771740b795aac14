package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Merge implements step.PullRequests. After every answer that is not a plain
// yes, and after none, the pull request is read: it may be merged all the same.
func (s *Pulls) Merge(ctx context.Context, repoURL string, number int, m step.MergeRequest) (string, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return "", fmt.Errorf("merge pull request %d: %w", number, err)
	}
	body := map[string]string{"sha": m.SHA, "merge_method": m.Method}
	if m.Method != "rebase" {
		// A message that is not given is GitHub's own, which quotes outside text.
		body["commit_title"], body["commit_message"] = m.Title, m.Message
	}
	if m.Title == "" {
		delete(body, "commit_title")
		if m.Message == "" {
			delete(body, "commit_message")
		}
	}
	var done struct {
		SHA    string `json:"sha"`
		Merged bool   `json:"merged"`
	}
	err = s.app.lanes.alone(ctx, laneKey(r.owner, r.name, m.Base), func() error {
		_, err := r.do(ctx, http.MethodPut, r.path("/pulls/%d/merge", number), body, &done)
		return err
	})
	if err == nil && done.Merged && done.SHA != "" {
		return done.SHA, nil
	}
	if err != nil && status(err) == 0 && !uncertain(err) {
		return "", fmt.Errorf("merge pull request %d: %w", number, err)
	}
	sha, verdict := r.afterMerge(ctx, number, m, err)
	if verdict != nil {
		return "", fmt.Errorf("merge pull request %d: %w", number, verdict)
	}
	return sha, nil
}

// afterMerge reads what became of a merge and translates GitHub's refusal.
func (r *rest) afterMerge(ctx context.Context, number int, m step.MergeRequest, refusal error) (string, error) {
	p, err := r.pull(ctx, number)
	switch {
	case err != nil && uncertain(refusal):
		return "", refusal
	case err != nil:
		return "", errors.Join(refusal, err)
	case p.isMerged():
		if p.MergeCommitSHA == "" {
			return "", errors.New("it is merged, but GitHub names no commit")
		}
		return p.MergeCommitSHA, nil
	case uncertain(refusal):
		return "", refusal
	case p.State == "open" && m.SHA != "" && p.Head.SHA != m.SHA:
		return "", step.ErrHeadMoved
	}
	why := message(refusal)
	switch status(refusal) {
	case http.StatusConflict:
		// The head is the one that was judged, so it is another update that GitHub
		// is busy with, or the read is older than the refusal.
		if says(refusal, "head branch was modified") {
			return "", step.ErrHeadMoved
		}
		return "", &step.NotMergeableError{Message: why, Retry: true}
	case http.StatusMethodNotAllowed:
		// Still computing is no verdict either.
		race := says(refusal, "base branch was modified") || p.State == "open" && p.Mergeable == nil && says(refusal, "not mergeable")
		return "", &step.NotMergeableError{Message: why, Retry: race}
	case http.StatusUnprocessableEntity:
		return "", &step.NotMergeableError{Message: why}
	case 0:
		return "", &step.NotMergeableError{Message: "GitHub did not merge and gave no reason", Retry: true}
	default:
		return "", refusal
	}
}
