package ghapp

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// host is where a GitHub is and how its addresses are built.
type host struct {
	web    *url.URL // without trailing slash
	rest   *url.URL // with trailing slash, as go-github wants it
	dotcom bool
}

// parseHost follows GitHub's layout: github.com has its API on another host, a
// GitHub Enterprise Server has it under /api/v3.
func parseHost(serverURL string) (host, error) {
	u, err := url.Parse(strings.TrimRight(serverURL, "/"))
	if err != nil {
		return host{}, errors.New("GitHub server URL is malformed")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return host{}, fmt.Errorf("GitHub server URL %q: want https://host", u.Redacted())
	}
	if strings.EqualFold(u.Host, "github.com") {
		u.Scheme, u.Host, u.Path = "https", "github.com", ""
		return host{web: u, rest: &url.URL{Scheme: "https", Host: "api.github.com", Path: "/"}, dotcom: true}, nil
	}
	return host{web: u, rest: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path + "/api/v3/"}}, nil
}

// split returns owner and name of a repository URL of this host, with or
// without ".git"; ok is false for any other URL.
func (h host) split(repoURL string) (owner, name string, ok bool) {
	u, err := url.Parse(repoURL)
	if err != nil || u.User != nil || !strings.EqualFold(u.Host, h.web.Host) {
		return "", "", false
	}
	if u.Scheme != h.web.Scheme && u.Scheme != "https" {
		return "", "", false
	}
	rest, found := strings.CutPrefix(u.Path, h.web.Path+"/")
	if !found {
		return "", "", false
	}
	owner, name, found = strings.Cut(strings.TrimSuffix(strings.TrimSuffix(rest, "/"), ".git"), "/")
	if !found || !isName(owner) || !isName(name) {
		return "", "", false
	}
	return owner, name, true
}

// is reports whether an address lies on this host, whatever else it may be.
func (h host) is(repoURL string) bool {
	u, err := url.Parse(repoURL)
	return err != nil || strings.EqualFold(u.Host, h.web.Host)
}

// isName accepts what GitHub allows in names of owners and repositories, which
// leaves out everything that would change the meaning of a path.
func isName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 100 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return true
}

// git returns the URL under which a repository of this host is read.
func (h host) git(owner, name string) string { return h.web.JoinPath(owner, name+".git").String() }

// commit returns the page of a commit.
func (h host) commit(owner, name, sha string) string {
	return h.web.JoinPath(owner, name, "commit", sha).String()
}

// allowHTTP says whether unencrypted http may be used with a host name: only
// with this machine and with a server that is configured so.
func (h host) allowHTTP(name string) bool {
	if h.web.Scheme == "http" && strings.EqualFold(name, h.web.Hostname()) {
		return true
	}
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}
