package gitrepo_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// privately puts a server with a certificate that nobody knows in front of an origin.
func (o *origin) privately(t *testing.T) string {
	t.Helper()
	behind, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = behind.Scheme, behind.Host
	}}
	s := httptest.NewTLSServer(proxy)
	t.Cleanup(s.Close)
	return s.URL + behind.Path
}

func TestACertificateIsAcceptedWhereThatIsAskedForOnly(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	head := o.commit("main", "one", map[string]string{"a": "1\n"})
	at, other := o.privately(t), o.privately(t)
	c := gitrepo.New(gitrepo.Options{Attempts: 1, AlwaysVerify: func(repoURL string) bool { return repoURL == other }})
	read := func(open func(string) (*gitrepo.Repository, error), at string) error {
		r, err := open(at)
		if err != nil {
			return err
		}
		got, err := r.ResolveBranch(t.Context(), "main")
		if err != nil {
			return err
		}
		commit, err := r.Commit(t.Context(), got)
		if err != nil {
			return err
		}
		content, err := tree.NewFS(r, commit.Tree).ReadFile(t.Context(), "a")
		if err == nil && (got != head || string(content) != "1\n") {
			t.Errorf("read %s with %q", got, content)
		}
		return err
	}
	var unknown *tls.CertificateVerificationError
	if err := read(c.Unverified, at); err != nil {
		t.Error(err)
	}
	if err := read(c.Repository, at); !errors.As(err, &unknown) {
		t.Errorf("verified after it was not: %v", err)
	}
	if err := read(c.Unverified, other); !errors.As(err, &unknown) {
		t.Errorf("a server that is always to be verified: %v", err)
	}
}

func TestATransportOfAnotherKindDoesNotKeepFromUnverifiedServers(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	o.commit("main", "one", map[string]string{"a": "1\n"})
	refusing := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("not this way") })
	r, err := gitrepo.New(gitrepo.Options{Attempts: 1, Transport: refusing}).Unverified(o.privately(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ResolveBranch(t.Context(), "main"); err != nil {
		t.Error(err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
