package app

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// groups speaks about merge groups.
type groups struct {
	app       *App
	publisher *promotion.Publisher
}

var _ handlers.MergeGroups = groups{}

// GroupChecks implements handlers.MergeGroups. What is said of a pull request's head
// holds for the group as well; what is not decided there does not hold up the queue,
// because whoever put the pull request there has decided to merge it.
func (g groups) GroupChecks(ctx context.Context, r store.RepoRecord, group handlers.MergeGroup) error {
	repoURL := g.app.cloneURL(r.Repo)
	pr, err := g.app.github.Pulls().Get(ctx, repoURL, group.Number)
	if err != nil {
		return fmt.Errorf("read pull request %d: %w", group.Number, err)
	}
	runs, err := g.app.github.Checks().Own(ctx, r.Repo, pr.Head)
	if err != nil {
		return err
	}
	rules, err := g.app.github.Gates().BranchRules(ctx, repoURL, group.Base)
	if err != nil {
		return err
	}
	for _, name := range rules.OwnChecks {
		if _, ok := runs[name]; !ok {
			runs[name] = report.CheckRun{Name: name, Title: "Nothing to report on this pull request"}
		}
	}
	for name, run := range runs {
		run.SHA, run.ExternalID = group.Head, "merge-group "+name
		if run.Status != "completed" {
			run.Status, run.Conclusion = "completed", "success"
		}
		run.Summary = fmt.Sprintf("As on #%d, which is being merged by the merge queue.", group.Number)
		if err := g.publisher.PublishCheck(ctx, r.Repo, run); err != nil {
			return err
		}
	}
	return nil
}
