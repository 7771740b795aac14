package app

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// charts pulls Helm charts for steps, with the accounts of the repository whose
// Promotion asks.
type charts struct {
	// open returns what reads registries for a repository, by its id.
	open func(ctx context.Context, repo int64) (*registry.Client, error)
}

var _ step.Charts = charts{}

// Versions implements step.Charts.
func (c charts) Versions(ctx context.Context, r pipeline.Repo, repository, name string) ([]string, error) {
	client, err := c.open(ctx, r.ID)
	if err != nil {
		return nil, fmt.Errorf("accounts of %s: %w", r, err)
	}
	return client.ChartVersions(ctx, repository, name)
}

// Pull implements step.Charts.
func (c charts) Pull(ctx context.Context, r pipeline.Repo, repository, name, version string) ([]byte, error) {
	client, err := c.open(ctx, r.ID)
	if err != nil {
		return nil, fmt.Errorf("accounts of %s: %w", r, err)
	}
	return client.PullChart(ctx, repository, name, version)
}
