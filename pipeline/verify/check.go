package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// check waits for a check run or commit status on the merged commit.
type check struct{ commits Commits }

type checkConfig struct {
	Name string `json:"name"`
	// App narrows it to the check runs of one App, by its slug.
	App string `json:"app"`
}

// commitState is what providers remember that look at a commit.
type commitState struct {
	SHA string `json:"sha"`
}

// Measure implements Provider. Neutral and skipped pass, as they do where GitHub
// requires a check. Of several with the name all have to pass.
func (c *check) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config checkConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	if config.Name == "" {
		return Outcome{}, Permanent(errors.New("the check has no name"))
	}
	repo := in.Repo()
	sha, err := mergedCommit(ctx, c.commits, in)
	if err != nil {
		return Outcome{}, err
	}
	results, err := c.commits.Results(ctx, repo, sha, config.Name)
	if err != nil {
		return Outcome{}, fmt.Errorf("check %s on %s: %w", config.Name, pipeline.Short(sha), err)
	}
	out := Outcome{State: commitState{sha}}
	open, found := false, false
	for _, r := range results {
		if config.App != "" && r.App != config.App {
			continue
		}
		found = true
		out.URL = r.URL
		if !r.Done {
			open = true
			continue
		}
		passed := r.Conclusion == "success" || r.Conclusion == "neutral" || r.Conclusion == "skipped"
		if out.Phase == pipeline.VerificationFailed {
			continue
		}
		out.Value, out.Text = r.Conclusion, r.Conclusion
		out.Phase, out.Message = pipeline.VerificationSuccessful, r.Title
		if !passed {
			out.Phase = pipeline.VerificationFailed
			out.Message = "check " + config.Name + " ended with " + r.Conclusion
			if r.Title != "" {
				out.Message += ": " + r.Title
			}
			return out, nil
		}
	}
	switch {
	case !found:
		out.Message = fmt.Sprintf("waiting for check %s to appear on %s", config.Name, pipeline.Short(sha))
	case open:
		out.Message = fmt.Sprintf("waiting for check %s on %s", config.Name, pipeline.Short(sha))
	default:
		return out, nil
	}
	out.Wait = &Wait{On: []string{pipeline.CommitEvent(sha)}}
	return out, nil
}

// mergedCommit is the commit that a run is about. A Promotion that changed nothing
// left none: then it is the head of the default branch at the first look.
func mergedCommit(ctx context.Context, commits Commits, in Look) (string, error) {
	if in.Run.Commit != "" {
		return in.Run.Commit, nil
	}
	if state, ok := remembered[commitState](in); ok && state.SHA != "" {
		return state.SHA, nil
	}
	sha, err := commits.Head(ctx, in.Repo())
	if err != nil {
		return "", fmt.Errorf("head of %s: %w", in.Repo(), err)
	}
	return sha, nil
}
