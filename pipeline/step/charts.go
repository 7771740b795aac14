package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/manifest/render"
	"github.com/kargo-app/kargo/pipeline"
)

// Charts reads Helm charts from OCI registries and classic repositories. A
// repository is the address that a Chart.yaml holds: "oci://HOST/PATH", above the
// chart, or "https://HOST/PATH".
type Charts interface {
	// Versions returns the versions of a chart, in any order. r is the repository whose
	// Promotion asks, with whose accounts it is done.
	Versions(ctx context.Context, r pipeline.Repo, repository, name string) ([]string, error)
	// Pull returns the archive of one version as the repository has it; its size is
	// bounded.
	Pull(ctx context.Context, r pipeline.Repo, repository, name, version string) ([]byte, error)
}

// charts is what rendering pulls charts from.
func (e Env) charts() render.Charts { return promotionCharts{e.Ports.Charts, e.Promotion.Repo} }

type promotionCharts struct {
	charts Charts
	repo   pipeline.Repo
}

var errNoCharts = errors.New("no charts can be pulled here: commit them to the repository")

func (c promotionCharts) Versions(ctx context.Context, repository, name string) ([]string, error) {
	if c.charts == nil {
		return nil, errNoCharts
	}
	versions, err := c.charts.Versions(ctx, c.repo, repository, name)
	if err != nil {
		return nil, fmt.Errorf("versions of chart %s: %w", name, err)
	}
	return versions, nil
}

func (c promotionCharts) Pull(ctx context.Context, repository, name, version string) ([]byte, error) {
	if c.charts == nil {
		return nil, errNoCharts
	}
	archive, err := c.charts.Pull(ctx, c.repo, repository, name, version)
	if err != nil {
		return nil, fmt.Errorf("pull chart %s %s: %w", name, version, err)
	}
	return archive, nil
}
