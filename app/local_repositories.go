package app

import (
	"context"
	"net/url"
	"strings"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
)

// localRepositories opens the clone for its own addresses and everything else over
// HTTP. No other path of this machine is opened, whatever a pipeline says.
type localRepositories struct {
	// own is the clone, nil when missing says why there is none.
	own     *gitrepo.Repository
	missing error
	// urls are the addresses of the clone itself.
	urls   []string
	remote *gitrepo.Client
}

var _ repositories = (*localRepositories)(nil)

// Repository implements repositories. An empty address is that of the clone.
func (l *localRepositories) Repository(repoURL string) (*gitrepo.Repository, error) {
	return l.open(repoURL, l.remote.Repository)
}

// Unverified implements repositories.
func (l *localRepositories) Unverified(repoURL string) (*gitrepo.Repository, error) {
	return l.open(repoURL, l.remote.Unverified)
}

func (l *localRepositories) open(repoURL string, remote func(string) (*gitrepo.Repository, error)) (*gitrepo.Repository, error) {
	if repoURL == "" || l.isOwn(repoURL) {
		if l.own == nil {
			return nil, l.missing
		}
		return l.own, nil
	}
	return remote(repoURL)
}

func (l *localRepositories) isOwn(repoURL string) bool {
	for _, own := range l.urls {
		if pipeline.NormalizeGitURL(own) == pipeline.NormalizeGitURL(repoURL) {
			return true
		}
	}
	return false
}

// tokenFor gives a token to repositories on one Git host and to no other.
func tokenFor(server, token string) gitrepo.CredentialsFunc {
	on := onServer(server)
	return func(_ context.Context, repoURL string) (username, password string, _ error) {
		if token != "" && on(repoURL) {
			return "x-access-token", token, nil
		}
		return "", "", nil
	}
}

// onServer says which addresses lie on a server.
func onServer(server string) func(repoURL string) bool {
	host, hostErr := url.Parse(server)
	return func(repoURL string) bool {
		u, err := url.Parse(repoURL)
		return hostErr == nil && err == nil && u.Scheme == host.Scheme && strings.EqualFold(u.Host, host.Host)
	}
}
