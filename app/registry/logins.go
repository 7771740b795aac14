package registry

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kargo-app/kargo/pipeline"
)

// Login is an account for the repositories that its URL covers.
type Login struct {
	// Kind is what it is for; empty for images and charts alike.
	Kind pipeline.ArtifactKind
	// URL names a repository ("ghcr.io/acme/web", "https://charts.example.com/stable"),
	// everything beneath a path ("ghcr.io/acme") or a registry ("ghcr.io"). With Regex it
	// is an expression that must match the whole of a repository's address.
	URL   string
	Regex bool

	Username string
	// Password returns the secret part when it is needed.
	Password func(ctx context.Context) (string, error)
}

// Logins is a keychain of accounts for one kind of artifact. Of those that cover a
// repository the one that names it exactly is taken, else the one with the longest path
// above it, else, in the order of their text, the first expression that matches: an
// account for one repository is never shadowed by a broader one.
type Logins struct {
	kind     pipeline.ArtifactKind
	named    map[string]Login
	patterns []pattern
}

type pattern struct {
	re    *regexp.Regexp
	login Login
}

var (
	_ authn.Keychain        = (*Logins)(nil)
	_ authn.ContextKeychain = (*Logins)(nil)
)

// NewLogins returns the keychain of those accounts that are for a kind. An account for
// images serves charts in OCI registries too, where there is none for charts. It is an
// error if an expression is none.
func NewLogins(kind pipeline.ArtifactKind, all []Login) (*Logins, error) {
	l := &Logins{kind: kind, named: map[string]Login{}}
	ordered := slices.Clone(all)
	rank := func(x Login) int {
		switch x.Kind {
		case kind:
			return 0
		case "":
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(ordered, func(a, b Login) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.URL, b.URL)) })
	for _, one := range ordered {
		if rank(one) == 2 && (kind != pipeline.ChartArtifact || one.Kind != pipeline.ImageArtifact) {
			continue
		}
		if one.Regex {
			re, err := regexp.Compile(`^(?:` + one.URL + `)$`)
			if err != nil {
				return nil, fmt.Errorf("credentials for %q: %w", one.URL, err)
			}
			l.patterns = append(l.patterns, pattern{re, one})
			continue
		}
		if key := locator(one.URL); key != "" {
			if _, taken := l.named[key]; !taken {
				l.named[key] = one
			}
		}
	}
	return l, nil
}

// Empty reports whether there is no account.
func (l *Logins) Empty() bool { return len(l.named)+len(l.patterns) == 0 }

// Resolve implements authn.Keychain.
func (l *Logins) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return l.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (l *Logins) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	username, password, ok, err := l.For(ctx, r.String())
	if err != nil || !ok {
		return authn.Anonymous, err
	}
	return authn.FromConfig(authn.AuthConfig{Username: username, Password: password}), nil
}

// For returns the account for the repository at an address; ok is false if there is
// none.
func (l *Logins) For(ctx context.Context, address string) (username, password string, ok bool, err error) {
	login, ok := l.find(address)
	if !ok {
		return "", "", false, nil
	}
	if password, err = login.Password(ctx); err != nil {
		return "", "", false, fmt.Errorf("stored credentials for %s: %w", login.URL, err)
	}
	return login.Username, password, true, nil
}

func (l *Logins) find(repository string) (Login, bool) {
	at := locator(repository)
	for path := at; path != ""; path, _ = cutLast(path) {
		if one, ok := l.named[path]; ok {
			return one, true
		}
	}
	for _, p := range l.patterns {
		if slices.ContainsFunc(spellings(at), p.re.MatchString) {
			return p.login, true
		}
	}
	return Login{}, false
}

// cutLast drops the last element of a path; nothing remains of the first.
func cutLast(path string) (string, bool) {
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return "", false
	}
	return path[:slash], true
}

const dockerHub = "index.docker.io"

// locator is the form in which the addresses of repositories are compared: the host in
// lower case and the path, without a scheme. Docker Hub has several names.
func locator(url string) string {
	url = strings.TrimSpace(url)
	if scheme, rest, ok := strings.Cut(url, "://"); ok && !strings.Contains(scheme, "/") {
		url = rest
	}
	host, path, _ := strings.Cut(strings.Trim(url, "/"), "/")
	host = strings.ToLower(host)
	switch host {
	case "docker.io", "registry-1.docker.io", "hub.docker.com":
		host = dockerHub
	}
	if path == "" {
		return host
	}
	return host + "/" + strings.TrimSuffix(strings.TrimSuffix(path, "/index.yaml"), ".git")
}

// spellings are the ways in which people write an address that an expression may be
// made for.
func spellings(at string) []string {
	all := []string{at, "https://" + at, "oci://" + at}
	if path, ok := strings.CutPrefix(at, dockerHub+"/"); ok {
		all = append(all, "docker.io/"+path, "oci://docker.io/"+path)
	}
	return all
}
