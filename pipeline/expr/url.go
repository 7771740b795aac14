package expr

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// scpURL is [user@]host[:path], the short form of an SSH URL.
var scpURL = regexp.MustCompile(`^((?:[\w-]+@)?[\w-]+(?:\.[\w-]+)*)(?::(.*))?$`)

// normalizeGit gives equal text for Git repository URLs that Kargo takes for the same:
// case, user information in HTTP URLs, .git and a slash at the end do not count, and
// host:path is ssh://host/path. What is no such URL is returned as it is.
func normalizeGit(repo string) string {
	trimmed := strings.TrimSpace(repo)
	if trimmed == "" || strings.ContainsAny(trimmed, " \t\r\n") {
		return repo
	}
	scheme, _, ok := strings.Cut(trimmed, "://")
	switch {
	case !ok:
		m := scpURL.FindStringSubmatch(trimmed)
		if m == nil {
			return repo
		}
		return strings.TrimSuffix(strings.ToLower("ssh://"+m[1]+"/"+withoutGitSuffix(m[2])), "/")
	case scheme != "http" && scheme != "https" && scheme != "ssh":
		return repo
	}
	u, err := url.Parse(trimmed)
	if err != nil || u.RawQuery != "" {
		return repo
	}
	if scheme != "ssh" {
		u.User = nil
	}
	u.Path = withoutGitSuffix(u.Path)
	u.RawPath = ""
	return strings.ToLower(u.String())
}

func withoutGitSuffix(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git")
}

// normalizeImage drops what is implied for images on Docker Hub: the host and library/.
func normalizeImage(repo string) string {
	ref, err := name.ParseReference(repo, name.WeakValidation)
	if err != nil {
		return repo
	}
	host, path := ref.Context().RegistryStr(), ref.Context().RepositoryStr()
	if host == name.DefaultRegistry || host == "registry-1.docker.io" {
		return strings.TrimPrefix(path, "library/")
	}
	return host + "/" + path
}

// normalizeChart drops oci:// and case, and otherwise treats the URL as an image's.
func normalizeChart(repo string) string {
	return normalizeImage(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(repo)), "oci://"))
}
