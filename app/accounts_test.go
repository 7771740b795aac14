package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/store"
)

// TestOwnAccountsForGitComeBeforeTheApps reads from a server that writes down who
// asks.
func TestOwnAccountsForGitComeBeforeTheApps(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path] = user + ":" + password
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	s, _ := newSafe(t, testKey)
	reader := gitrepo.Options{AllowHTTP: loopback, Credentials: tokenFor(server.URL, "app")}
	a := &accounts{
		safe: s, registries: registry.New(registry.Options{Keychain: nobody{}, Now: safeNow}), repos: gitrepo.New(reader), reader: reader,
	}
	head := store.CredentialHead{Kind: pipeline.GitArtifact, URL: server.URL + "/Acme/Own.git", Username: "bot"}
	if err := s.PutCredential(t.Context(), 1, head, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	for repo, path := range map[int64][]string{1: {"/acme/own.git", "/acme/shared.git"}, 2: {"/acme/other.git"}} {
		_, repos, err := a.of(t.Context(), repo)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range path {
			if _, err := (commits{repos: repos}).Tags(t.Context(), discover.Repository{URL: server.URL + p}); err == nil {
				t.Error("a server that refuses is read")
			}
		}
	}
	want := map[string]string{
		"/acme/own.git/info/refs":    "bot:secret",
		"/acme/shared.git/info/refs": "x-access-token:app",
		"/acme/other.git/info/refs":  "x-access-token:app",
	}
	mu.Lock()
	defer mu.Unlock()
	for path := range asked {
		if _, ok := want[path]; !ok {
			delete(asked, path)
		}
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	one, again := a.git(1, "v1", mustLogins(t)), a.git(1, "v1", mustLogins(t))
	if one != again || one == a.git(1, "v2", mustLogins(t)) {
		t.Error("a client is kept for as long as its accounts, and no longer")
	}
}

// TestForeignImagesAreLookedAtWithTheRepositorysAccounts asks a registry that shows
// an image to one account only.
func TestForeignImagesAreLookedAtWithTheRepositorysAccounts(t *testing.T) {
	t.Parallel()
	const manifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "bot" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = w.Write([]byte(manifest))
	}))
	defer server.Close()
	s, _ := newSafe(t, testKey)
	a := &accounts{safe: s, registries: registry.New(registry.Options{Keychain: nobody{}, Now: safeNow})}
	url := strings.TrimPrefix(server.URL, "http://") + "/acme/private"
	head := store.CredentialHead{Kind: pipeline.ImageArtifact, URL: url, Username: "bot"}
	if err := s.PutCredential(t.Context(), 1, head, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	look := imageLookup{a}
	if got, err := look.Image(t.Context(), store.RepoRecord{Repo: pipeline.Repo{ID: 1}}, url, "1.0.0"); err != nil || !strings.HasPrefix(got.Digest, "sha256:") {
		t.Errorf("with the account: %+v, %v", got, err)
	}
	var refusal *pipeline.UserError
	if _, err := look.Image(t.Context(), store.RepoRecord{Repo: pipeline.Repo{ID: 2}}, url, "1.0.0"); !errors.As(err, &refusal) {
		t.Errorf("another repository: %v", err)
	}
}

func mustLogins(t *testing.T) *registry.Logins {
	t.Helper()
	l, err := registry.NewLogins(pipeline.GitArtifact, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
