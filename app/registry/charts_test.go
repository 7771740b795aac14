package registry_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// chartServer is a classic Helm repository beneath /charts.
type chartServer struct {
	*httptest.Server
	mu       sync.Mutex
	index    string
	etag     string
	login    string // user:password that is demanded, if any
	requests []string
}

func startCharts(t *testing.T, index string) *chartServer {
	t.Helper()
	s := &chartServer{index: index}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *chartServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	status := http.StatusOK
	switch {
	case s.login != "" && user+":"+password != s.login:
		status = http.StatusUnauthorized
	case r.URL.Path != "/charts/index.yaml":
		status = http.StatusNotFound
	case s.etag != "" && r.Header.Get("If-None-Match") == s.etag:
		status = http.StatusNotModified
	}
	s.requests = append(s.requests, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, status))
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	w.WriteHeader(status)
	if status == http.StatusOK {
		_, _ = w.Write([]byte(s.index))
	}
}

func (s *chartServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func (s *chartServer) chart(name string) discover.ChartRepository {
	return discover.ChartRepository{URL: s.URL + "/charts/", Name: name}
}

const index = `apiVersion: v1
entries:
  database:
  - apiVersion: v2
    name: database
    version: 9.0.0
  web:
  - apiVersion: v2
    created: "2025-06-01T00:00:00Z"
    description: |
      Serves the web.
      version: 66.0.0
    dependencies:
    - name: database
      repository: https://charts.example.com
      version: 8.x.x
    keywords:
      - version
    name: web
    urls:
    - https://charts.example.com/web-1.10.0.tgz
    version: 1.10.0
  # a comment
  - {name: web, version: 1.9}
  - version: "v1.2.0"

    name: web
  zed:
  - version: 5.0.0
generated: "2025-06-01T00:00:00Z"
`

func TestClassicRepositoryIsOneRequest(t *testing.T) {
	t.Parallel()
	s := startCharts(t, index)
	c, clk := client(t, registry.Options{})
	d := discover.Discoverer{Charts: c, Now: clk.Now}
	w := pipeline.Warehouse{Name: "web", Subscriptions: []pipeline.Subscription{{Chart: &pipeline.ChartSubscription{
		RepoURL: s.URL + "/charts", Name: "web", SemverConstraint: ">= 1.2", DiscoveryLimit: 20,
	}}}}
	got, err := d.Discover(t.Context(), w, discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, c := range got.Subscriptions[0].Charts {
		versions = append(versions, c.Version)
	}
	if diff := cmp.Diff([]string{"1.10.0", "1.9", "v1.2.0"}, versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"GET /charts/index.yaml 200"}, s.asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestUnchangedIndexIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := startCharts(t, index)
	s.etag = `"one"`
	c, _ := client(t, registry.Options{})
	for range 2 {
		got, err := c.Versions(t.Context(), s.chart("zed"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"5.0.0"}, got); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		got[0] = "spoilt" // what is returned is the caller's
	}
	s.mu.Lock()
	s.etag, s.index = `"two"`, strings.Replace(index, "5.0.0", "5.1.0", 1)
	s.mu.Unlock()
	if got, err := c.Versions(t.Context(), s.chart("zed")); err != nil || !slices.Equal(got, []string{"5.1.0"}) {
		t.Errorf("after a release: %v, %v", got, err)
	}
	want := []string{"GET /charts/index.yaml 200", "GET /charts/index.yaml 304", "GET /charts/index.yaml 200"}
	if diff := cmp.Diff(want, s.asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestOCIChartIsAListingOfTags(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/charts/web", "1.0.0_build.1", image(t, built, "", "", ""))
	s.extra = []string{"0.9.0", "v2.0.0"}
	c, clk := client(t, registry.Options{})
	d := discover.Discoverer{Charts: c, Now: clk.Now}
	w := pipeline.Warehouse{Name: "web", Subscriptions: []pipeline.Subscription{{Chart: &pipeline.ChartSubscription{
		RepoURL: "oci://" + s.repo("acme/charts/web"), DiscoveryLimit: 20,
	}}}}
	got, err := d.Discover(t.Context(), w, discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	freight, ok := got.Freight()
	if !ok || freight.Charts[0].Version != "1.0.0+build.1" || len(got.Subscriptions[0].Charts) != 2 {
		t.Errorf("Freight %+v of %+v", freight.Charts, got.Subscriptions[0])
	}
	if diff := cmp.Diff([]string{"GET /v2/", "GET /v2/acme/charts/web/tags/list"}, s.asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// login is a keychain with one account for one host.
type login struct {
	host, user, password string
	asked                *[]string
}

func (l login) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if l.asked != nil {
		*l.asked = append(*l.asked, r.String())
	}
	if r.RegistryStr() != l.host {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: l.user, Password: l.password}), nil
}

func TestChartCredentials(t *testing.T) {
	t.Parallel()
	s := startCharts(t, index)
	s.login = "ana:secret"
	c, _ := client(t, registry.Options{})
	_, err := c.Versions(t.Context(), s.chart("web"))
	var user *pipeline.UserError
	if !errors.As(err, &user) || !strings.Contains(user.Message, "refused access") {
		t.Errorf("without credentials: %v", err)
	}
	host := strings.TrimPrefix(s.URL, "http://")
	var asked []string
	own := c.With("acme/deploy", nil, login{host, "ana", "secret", &asked})
	got, err := own.Versions(t.Context(), s.chart("web"))
	if err != nil || len(got) != 3 {
		t.Errorf("with credentials of its own: %v, %v", got, err)
	}
	if diff := cmp.Diff([]string{host + "/charts"}, asked); diff != "" {
		t.Errorf("keychain asked for (-want +got):\n%s", diff)
	}
	if _, err := c.Versions(t.Context(), s.chart("web")); err == nil {
		t.Error("another owner's credentials served a request without")
	}
}

func TestCredentialsDoNotFollowARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	var leaked string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(index))
	}))
	defer other.Close()
	// The same address under another name is another host.
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	s := httptest.NewServer(http.RedirectHandler(elsewhere, http.StatusFound))
	defer s.Close()
	c, _ := client(t, registry.Options{Keychain: login{host: strings.TrimPrefix(s.URL, "http://"), user: "ana", password: "secret"}})
	if _, err := c.Versions(t.Context(), discover.ChartRepository{URL: s.URL, Name: "web"}); err != nil {
		t.Fatal(err)
	}
	if leaked != "" {
		t.Error("credentials went to another host")
	}
}

func TestChartRepositoriesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := startCharts(t, "<html>entries</html>")
	tests := map[string]struct {
		at   discover.ChartRepository
		want string
	}{
		"a page is no index":              {s.chart("web"), "it has no entries"},
		"an address without a repository": {discover.ChartRepository{URL: s.URL + "/elsewhere", Name: "web"}, "there is no chart repository at"},
		"plain HTTP beyond loopback":      {discover.ChartRepository{URL: "http://charts.example.com", Name: "web"}, "plain HTTP"},
		"credentials in the address":      {discover.ChartRepository{URL: "https://ana:hunter2@charts.example.com", Name: "web"}, "is not the address of a chart repository"},
		"a classic repository, no name":   {discover.ChartRepository{URL: s.URL}, "may have many charts"},
		"another scheme":                  {discover.ChartRepository{URL: "ftp://charts.example.com", Name: "web"}, "is not the address of a chart repository"},
		"an OCI name that cannot be":      {discover.ChartRepository{URL: "oci://ghcr.io/ACME/web"}, "is not the name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := client(t, registry.Options{})
			_, err := c.Versions(t.Context(), tt.at)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats a password")
			}
		})
	}
}

func TestAnIndexThatIsTooLargeIsAnError(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip") // small on the wire, as a bomb is
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte("entries:\n  big:\n"))
		line := []byte("  - version: 1.0.0 #" + strings.Repeat("x", 1<<16) + "\n")
		for range 65 << 20 / len(line) {
			if _, err := z.Write(line); err != nil {
				return
			}
		}
		_ = z.Close()
	}))
	defer s.Close()
	c, _ := client(t, registry.Options{})
	_, err := c.Versions(t.Context(), discover.ChartRepository{URL: s.URL, Name: "web"})
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("error %v", err)
	}
}

func TestABusyChartRepositoryIsAskedAgainLater(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer s.Close()
	c, _ := client(t, registry.Options{})
	_, err := c.Versions(t.Context(), discover.ChartRepository{URL: s.URL, Name: "web"})
	if after, ok := pipeline.IsTransient(err); !ok || after != 2*time.Minute {
		t.Errorf("after %v: %v", after, err)
	}
}
