package ghapp

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// Own returns the newest check runs of the App itself on a commit, by name, as far as
// their titles and ends go.
func (s *Checks) Own(ctx context.Context, repo pipeline.Repo, sha string) (map[string]report.CheckRun, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return nil, fmt.Errorf("own check runs: %w", err)
	}
	out, newest := map[string]report.CheckRun{}, map[string]int64{}
	query := url.Values{"filter": {"latest"}, "app_id": {strconv.FormatInt(s.app.opts.AppID, 10)}}
	err = each(ctx, r, r.path("/commits/%s/check-runs", sha), query, func(page checkRunPage) bool {
		for _, run := range page.Runs {
			if run.App.ID != s.app.opts.AppID || run.ID < newest[run.Name] {
				continue
			}
			newest[run.Name] = run.ID
			out[run.Name] = report.CheckRun{
				Name: run.Name, Status: run.Status, Conclusion: run.Conclusion, Title: run.Output.Title, DetailsURL: run.DetailsURL,
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("own check runs on %s: %w", sha, err)
	}
	return out, nil
}
