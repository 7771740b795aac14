package ghapp

import (
	"context"
	"fmt"
	"net/url"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// maxJobs bounds the jobs of one run that are looked at for outputs.
	maxJobs = 100
	// maxOutputNotes bounds the annotations that are taken for outputs.
	maxOutputNotes = 200
)

// Annotations implements actions.Outputs. A job is a check run of the same id.
func (s *Workflows) Annotations(ctx context.Context, repo pipeline.Repo, run int64, title string) ([]string, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return nil, fmt.Errorf("outputs of workflow run %d: %w", run, err)
	}
	type page struct {
		Jobs []struct {
			ID int64 `json:"id"`
			// Conclusion is skipped for jobs that never ran.
			Conclusion string `json:"conclusion"`
		} `json:"jobs"`
	}
	var jobs []int64
	err = each(ctx, r, r.path("/actions/runs/%d/jobs", run), url.Values{"filter": {"latest"}}, func(p page) bool {
		for _, j := range p.Jobs {
			if j.Conclusion != "skipped" {
				jobs = append(jobs, j.ID)
			}
		}
		return len(jobs) <= maxJobs
	})
	if err != nil {
		return nil, fmt.Errorf("jobs of workflow run %d: %w", run, err)
	}
	if len(jobs) > maxJobs {
		return nil, &pipeline.UserError{
			Message: fmt.Sprintf("workflow run %d has more than %d jobs, too many to look for outputs", run, maxJobs),
			Hint:    "have one small workflow call the large one and return the outputs",
		}
	}
	type annotation struct {
		Title   string `json:"title"`
		Message string `json:"message"`
	}
	var out []string
	for _, job := range jobs {
		err := each(ctx, r, r.path("/check-runs/%d/annotations", job), nil, func(all []annotation) bool {
			for _, a := range all {
				if a.Title == title {
					out = append(out, a.Message)
				}
			}
			return len(out) <= maxOutputNotes
		})
		if err != nil {
			return nil, fmt.Errorf("annotations of job %d: %w", job, err)
		}
		if len(out) > maxOutputNotes {
			return nil, &pipeline.UserError{Message: fmt.Sprintf("workflow run %d has more than %d annotations %q", run, maxOutputNotes, title)}
		}
	}
	return out, nil
}
