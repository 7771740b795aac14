package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
	"github.com/kargo-app/kargo/store"
)

// matcher tells whether the files of a Stage hold Freight already, by running the
// steps of a Promotion without any effect.
type matcher struct {
	repos    repositories
	steps    *step.Registry
	charts   step.Charts
	renderer step.Renderer
	bases    remoteBases
	server   string
	cloneURL func(pipeline.Repo) string
	now      func() time.Time
	log      *slog.Logger
}

var _ reconcile.Matcher = matcher{}

// Unchanged implements reconcile.Matcher.
func (m matcher) Unchanged(ctx context.Context, r store.RepoRecord, p pipeline.Promotion) (bool, error) {
	git := previewGit{repos: m.repos}
	if head, err := tree.ParseHash(r.Config.SeenSHA); err == nil && r.DefaultBranch != "" {
		git.seen = seenHead{url: m.cloneURL(r.Repo), branch: r.DefaultBranch, head: head}
	}
	view, err := m.run(ctx, git, r, p)
	if err != nil {
		return false, err
	}
	return view.Unchanged(), nil
}

func (m matcher) dryRun(ctx context.Context, r store.RepoRecord, p pipeline.Promotion) (promotion.Preview, error) {
	return m.run(ctx, previewGit{repos: m.repos}, r, p)
}

func (m matcher) run(ctx context.Context, git previewGit, r store.RepoRecord, p pipeline.Promotion) (promotion.Preview, error) {
	ports := step.Ports{Git: git, Charts: m.charts, Renderer: m.renderer, RemoteBases: m.bases.allow, Now: m.now}
	site := promotion.Site{ServerURL: m.server, DefaultBranch: r.DefaultBranch, RepoURL: m.cloneURL(r.Repo)}
	return promotion.DryRun(ctx, m.steps, ports, p, site, m.log)
}
