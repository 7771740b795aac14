package app

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
)

// RepositoryName is the name of the repository that dir lies in, as the server
// would know it: that of its origin, else that of the directory.
func RepositoryName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "pipeline"
	}
	if origin, err := gitrepo.Origin(abs); err == nil && origin != "" {
		if r := repositoryAt(webURL(origin)); r.Name != "" {
			return r.Name
		}
	}
	return filepath.Base(abs)
}

// DefaultBranch is the default branch of the repository that dir lies in, empty when
// the clone does not say.
func DefaultBranch(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	branch, err := gitrepo.DefaultBranch(abs)
	if err != nil {
		return ""
	}
	return branch
}

// webURL is the address under which the Git host serves an origin over HTTP,
// which is how pipelines write it. What is no ssh address stays what it is, but
// for a user and a password, which nothing that is printed may hold.
func webURL(origin string) string {
	if !strings.Contains(origin, "://") {
		host, path, ok := strings.Cut(origin, ":")
		if !ok || strings.Contains(host, "/") {
			return origin // a path on this machine
		}
		host = host[strings.LastIndexByte(host, '@')+1:]
		return "https://" + host + "/" + strings.TrimPrefix(path, "/")
	}
	u, err := url.Parse(origin)
	if err != nil {
		// Nothing can be cut out of what cannot be read.
		return "file:///origin"
	}
	u.User = nil
	if u.Scheme == "ssh" || u.Scheme == "git+ssh" || u.Scheme == "ssh+git" {
		u.Scheme, u.Host = "https", u.Hostname()
	}
	return u.String()
}

// serverOf is the Git host of a web address, GitHub's when it names none.
func serverOf(repoURL string) string {
	u, err := url.Parse(repoURL)
	if err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
		return gitHub
	}
	return u.Scheme + "://" + u.Host
}

const gitHub = "https://github.com"

// repositoryAt names the repository behind an address; a path on this machine
// has no owner.
func repositoryAt(repoURL string) pipeline.Repo {
	path := repoURL
	u, err := url.Parse(repoURL)
	remote := err == nil && u.Host != ""
	if remote {
		path = u.Path
	}
	path = strings.TrimSuffix(strings.TrimRight(filepath.ToSlash(path), "/"), ".git")
	parts := strings.Split(path, "/")
	r := pipeline.Repo{Owner: "local", Name: parts[len(parts)-1]}
	if remote && len(parts) > 2 {
		r.Owner = parts[len(parts)-2]
	}
	return r
}
