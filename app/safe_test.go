package app

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/app/vault"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

const testKey = "a key of more than thirty-two characters"

// newSafe has two repositories, 1 and 2.
func newSafe(t *testing.T, key string) (*Safe, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kargo.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for id, name := range map[int64]string{1: "deploy", 2: "other"} {
		if err := db.PutRepo(t.Context(), store.RepoRecord{Repo: pipeline.Repo{ID: id, Owner: "acme", Name: name}, Installation: 1}, safeNow()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSafe(t.Context(), Config{DatabasePath: path, SecretKey: key}, safeNow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, path
}

func safeNow() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestSecretsAreStoredEncrypted(t *testing.T) {
	t.Parallel()
	s, _ := newSafe(t, testKey)
	if err := s.PutSecret(t.Context(), 1, "TOKEN", []byte("hunter2")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Secret(t.Context(), 1, "TOKEN"); err != nil || got != "hunter2" {
		t.Errorf("opened %q, %v", got, err)
	}
	raw, err := s.db.Secret(t.Context(), 1, "TOKEN")
	if err != nil || strings.Contains(string(raw), "hunter2") {
		t.Errorf("stored %q, %v", raw, err)
	}
	if err := s.db.PutSecret(t.Context(), 2, "TOKEN", raw, safeNow()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Secret(t.Context(), 2, "TOKEN"); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("a secret that was moved to another repository: %v", err)
	}
	if _, err := s.Secret(t.Context(), 1, "MISSING"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a secret that is not there: %v", err)
	}
	for _, name := range []string{"", "1A", "A-B", "a b", strings.Repeat("a", 101)} {
		if err := s.PutSecret(t.Context(), 1, name, []byte("x")); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestWithoutAKeyNothingIsStored(t *testing.T) {
	t.Parallel()
	s, _ := newSafe(t, "")
	if err := s.PutSecret(t.Context(), 1, "TOKEN", []byte("x")); !errors.Is(err, vault.ErrNoKey) {
		t.Errorf("secret: %v", err)
	}
	err := s.PutCredential(t.Context(), 1, store.CredentialHead{Kind: pipeline.ImageArtifact, URL: "ghcr.io"}, []byte("x"))
	if !errors.Is(err, vault.ErrNoKey) || !strings.Contains(err.Error(), "KARGO_SECRET_KEY") {
		t.Errorf("account: %v", err)
	}
	if all, err := s.Credentials(t.Context(), 1); err != nil || len(all) > 0 {
		t.Errorf("stored %v, %v", all, err)
	}
}

func TestASafeNeedsADatabase(t *testing.T) {
	t.Parallel()
	_, err := OpenSafe(t.Context(), Config{DatabasePath: filepath.Join(t.TempDir(), "kargo.db")}, safeNow)
	if err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("error %v", err)
	}
}

// TestStoredAccountsReadPrivateRepositories asks a registry and a chart repository
// that want an account.
func TestStoredAccountsReadPrivateRepositories(t *testing.T) {
	t.Parallel()
	s, _ := newSafe(t, testKey)
	password := "first"
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("bot:"+password)) {
			w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/v2/":
		case "/v2/acme/web/tags/list":
			_, _ = w.Write([]byte(`{"tags":["1.0.0"]}`))
		case "/charts/index.yaml":
			_, _ = w.Write([]byte("entries:\n  web:\n  - version: 2.0.0\n"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer private.Close()
	host := strings.TrimPrefix(private.URL, "http://")
	base := registry.New(registry.Options{Keychain: nobody{}, Now: safeNow})
	list := func(repo int64) (tags, versions []string, err error) {
		c, _, err := (&accounts{safe: s, registries: base}).of(t.Context(), repo)
		if err != nil {
			return nil, nil, err
		}
		tags, tagsErr := c.Tags(t.Context(), discover.Repository{URL: host + "/acme/web"})
		versions, versionsErr := c.Versions(t.Context(), discover.ChartRepository{URL: private.URL + "/charts", Name: "web"})
		return tags, versions, errors.Join(tagsErr, versionsErr)
	}
	put := func(kind pipeline.ArtifactKind, url string) {
		t.Helper()
		if err := s.PutCredential(t.Context(), 1, store.CredentialHead{Kind: kind, URL: url, Username: "bot"}, []byte(password)); err != nil {
			t.Fatal(err)
		}
	}
	put(pipeline.ImageArtifact, host)
	put(pipeline.ChartArtifact, private.URL+"/charts")
	tags, versions, err := list(1)
	if diff := cmp.Diff([][]string{{"1.0.0"}, {"2.0.0"}}, [][]string{tags, versions}); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if _, _, err := list(2); err == nil {
		t.Error("another repository uses the account")
	}

	password = "second"
	s.now = func() time.Time { return safeNow().Add(time.Minute) }
	put(pipeline.ImageArtifact, host)
	put(pipeline.ChartArtifact, private.URL+"/charts")
	if _, _, err := list(1); err != nil {
		t.Errorf("an account that was renewed: %v", err)
	}
	if err := s.DeleteCredential(t.Context(), 1, pipeline.ImageArtifact, host); err != nil {
		t.Fatal(err)
	}
	if _, _, err := list(1); err == nil {
		t.Error("an account that was removed is used")
	}
}

type nobody struct{}

func (nobody) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }
