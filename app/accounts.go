package app

import (
	"context"
	"sync"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
)

// accounts opens sources with the accounts of the repository whose pipelines subscribe
// to them, and with those of the server where it has none.
type accounts struct {
	safe       *Safe
	registries *registry.Client
	repos      *gitrepo.Client
	// reader is what repos was made with.
	reader gitrepo.Options

	mu sync.Mutex
	// own are clients with accounts for Git of a repository's own, by its id. They
	// hold what they have read.
	own map[int64]ownRepos
}

type ownRepos struct {
	version string
	client  *gitrepo.Client
}

// maxOwnRepos bounds how many are kept.
const maxOwnRepos = 64

// of returns what reads artifacts and Git for a repository.
func (a *accounts) of(ctx context.Context, repo int64) (*registry.Client, repositories, error) {
	all, version, err := a.safe.logins(ctx, repo)
	if err != nil || len(all) == 0 {
		return a.registries, a.repos, err
	}
	images, err := registry.NewLogins(pipeline.ImageArtifact, all)
	if err != nil {
		return nil, nil, err
	}
	charts, err := registry.NewLogins(pipeline.ChartArtifact, all)
	if err != nil {
		return nil, nil, err
	}
	git, err := registry.NewLogins(pipeline.GitArtifact, all)
	if err != nil {
		return nil, nil, err
	}
	repos := a.repos
	if !git.Empty() {
		repos = a.git(repo, version, git)
	}
	return a.registries.With(version, images, charts), repos, nil
}

// registry returns what reads images, artifacts and charts for a repository.
func (a *accounts) registry(ctx context.Context, repo int64) (*registry.Client, error) {
	client, _, err := a.of(ctx, repo)
	return client, err
}

// git returns the client with accounts for Git of a repository's own.
func (a *accounts) git(repo int64, version string, logins *registry.Logins) *gitrepo.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o, ok := a.own[repo]; ok && o.version == version {
		return o.client
	}
	if a.own == nil || len(a.own) >= maxOwnRepos {
		a.own = map[int64]ownRepos{}
	}
	o := a.reader
	o.Credentials = func(ctx context.Context, repoURL string) (username, password string, err error) {
		username, password, ok, err := logins.For(ctx, pipeline.NormalizeGitURL(repoURL))
		if ok || err != nil || a.reader.Credentials == nil {
			return username, password, err
		}
		return a.reader.Credentials(ctx, repoURL)
	}
	client := gitrepo.New(o)
	a.own[repo] = ownRepos{version, client}
	return client
}
